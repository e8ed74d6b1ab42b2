"""The whole depth on a stream, so that newcomers need not fold the state of the exchange."""

from __future__ import annotations

import asyncio
from typing import Final

import msgspec

from pmengine.services.depth import Depth, DepthFeed, DepthStart
from pmengine.services.log import Place
from pmengine.services.outages import Outage
from pmstore import CorruptData, Position, StoreUnavailable, Stream

DEPTH_PICTURES: Final = "depth_picture_stream"
PICTURES_KEPT_MAX: Final = 3


class _Market(msgspec.Struct, array_like=True, gc=False):
    event_id: int
    market_id: int
    update_id: int
    timestamp: int
    last_price: int
    bids: list[tuple[int, int]]
    asks: list[tuple[int, int]]


class _Picture(msgspec.Struct):
    """Every market's levels after the log's entry `number`."""

    number: int
    position: str
    hash: str
    markets: list[_Market]


_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(_Picture)


class DepthPictures:
    """The newest pictures of the depth, an entry each; any number of writers and readers."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._taken: list[Position] = []

    async def keep(self, feed: DepthFeed, every_s: float) -> None:
        """Put a picture of *feed* down whenever it has moved, until cancelled."""
        told: Place | None = None
        outage = Outage("depth")
        while True:
            await asyncio.sleep(every_s)
            if feed.place is None or feed.place == told:
                continue
            try:
                told = await self.save(feed)
            except StoreUnavailable as error:
                await outage.wait(error)
            else:
                outage.over()

    async def save(self, feed: DepthFeed) -> Place:
        """
        Put the depths of *feed* down as they are now.

        Raises:
            StoreUnavailable: Perhaps they are.

        Cost:
            O(levels) in the loop, at once: the picture is of one moment.
        """
        place = feed.place
        assert place is not None, "it has begun"
        markets = [
            _Market(
                *key,
                depth.update_id,
                depth.timestamp,
                depth.last_price,
                list(depth.bids.items()),
                list(depth.asks.items()),
            )
            for key, depth in feed.all().items()
        ]
        picture = _Picture(place.number, str(place.position), place.hash, markets)
        self._taken.append(await self._stream.append([_encoder.encode(picture)]))
        if len(self._taken) > PICTURES_KEPT_MAX:
            await self._stream.trim(self._taken.pop(0))
        return place

    async def newest(self) -> DepthStart | None:
        """
        The newest picture, None if there is none.

        Raises:
            CorruptData: It cannot be read.
        """
        bounds = await self._stream.bounds()
        if bounds is None:
            return None
        entry = bounds.last
        try:
            picture = _decoder.decode(entry.payload)
        except msgspec.DecodeError as error:
            raise CorruptData(str(error), where=f"{DEPTH_PICTURES} {entry.id}") from error
        depths = {
            (one.event_id, one.market_id): Depth(
                one.update_id, one.timestamp, one.last_price, dict(one.bids), dict(one.asks)
            )
            for one in picture.markets
        }
        place = Place(Position.parse(picture.position), picture.number, picture.hash)
        return DepthStart(place, depths)
