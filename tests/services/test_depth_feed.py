"""The depth that gateways show is the book's, wherever and whenever they begin to follow it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs
import pytest

from pmengine.engine import Engine
from pmengine.market_deltas import MarketDelta
from pmengine.projections import encode_websocket_entry
from pmengine.services.depth import Depth, DepthFeed, DepthStart, depths_of
from pmengine.services.depth_pictures import PICTURES_KEPT_MAX, DepthPictures
from pmengine.services.log import LogGap
from pmstore import START, CorruptData, MarketKey
from pmstore.backends.memory import MemoryStream
from tests.services.feeding import Told, running, telling
from tests.services.rig import DEADLINE_S


@attrs.define
class Feeding:
    """A log that markets are told of, and a feed that begins where it is told to."""

    told: Told
    feed: DepthFeed
    begins: int = 0

    async def begin(self) -> DepthStart:
        """The depth as the log says it now."""
        self.begins += 1
        found = await self.told.recovered()
        return DepthStart(found.place, depths_of(Engine(snapshot=found.state.freeze(0))))

    async def wanted(self) -> dict[MarketKey, Depth]:
        """The depths of the books at the end of the log."""
        return (await self.begin()).depths

    async def assert_right(self) -> None:
        """Every market's levels, last price and update number are the book's."""
        await self.told.reached_by(self.feed)
        for key, depth in (await self.wanted()).items():
            shown = self.feed.depth(key)
            assert (shown.bids, shown.asks) == (depth.bids, depth.asks), key
            assert (shown.update_id, shown.last_price) == (depth.update_id, depth.last_price)


@asynccontextmanager
async def feeding() -> AsyncIterator[Feeding]:
    async with telling(encode_websocket_entry) as told:

        async def begin() -> DepthStart:
            return await one.begin()

        one = Feeding(told, DepthFeed(told.stream, START, {}, begin=begin))
        yield one


async def test_a_newcomer_has_the_depth_and_follows_it() -> None:
    async with feeding() as one:
        await one.told.write(0, 60)
        await one.feed.prepare()
        async with running(one.feed):
            await one.assert_right()
            await one.told.write(60, 90)
            await one.assert_right()


async def test_a_feed_that_misses_an_entry_begins_anew_and_tells_the_whole_depth() -> None:
    heard: list[MarketDelta] = []
    async with feeding() as one:
        await one.told.write(0, 60)
        await one.feed.prepare()
        key = next(key for key, depth in one.feed.all().items() if depth.bids)
        one.feed.listen(key, heard.append)
        async with running(one.feed):
            await one.told.write(60, 80, tell=False)
            begins = one.begins
            await one.told.write(80, 100)
            await one.assert_right()
        assert one.begins > begins
        whole = next(delta for delta in heard if delta.prev_update_id == -1)
        assert whole.cleared
        # Who applies what it heard from then on has the depth.
        mirror = Depth()
        for delta in heard[heard.index(whole) :]:
            mirror.apply(delta)
        shown = one.feed.depth(key)
        assert (mirror.bids, mirror.asks) == (shown.bids, shown.asks)


async def test_a_feed_that_cannot_begin_anew_says_so() -> None:
    async with feeding() as one:
        await one.told.write(0, 10)
        entries = await one.told.stream.read(START, 100)
        async with MemoryStream() as cut:
            await cut.append([entries[0].payload, entries[2].payload])
            with pytest.raises(LogGap, match="expected batch 2, found 3"):
                await DepthFeed(cut, START, {}).run()


async def test_a_picture_is_the_depth_that_it_was_taken_of() -> None:
    async with feeding() as one, MemoryStream() as stream:
        pictures = DepthPictures(stream)
        assert await pictures.newest() is None
        await one.told.write(0, 60)
        await one.feed.prepare()
        for _ in range(3 * PICTURES_KEPT_MAX):
            await pictures.save(one.feed)
        found = await DepthPictures(stream).newest()
        assert found is not None
        assert (found.place, found.depths) == (one.feed.place, dict(one.feed.all()))
        assert len(await stream.read(START, 100)) == PICTURES_KEPT_MAX
        # It is followed like any other beginning.
        later = DepthFeed(one.told.stream, START, {}, begin=pictures.newest)  # type: ignore[arg-type]
        await one.told.write(60, 90)
        async with running(later), asyncio.timeout(DEADLINE_S):
            while later.place is None or later.place.number < 90:
                await asyncio.sleep(0.001)
        one.feed = later
        await one.assert_right()


async def test_a_picture_that_cannot_be_read_is_said_with_its_place() -> None:
    async with MemoryStream() as stream:
        await stream.append([b"[]"])
        with pytest.raises(CorruptData, match="depth_picture_stream"):
            await DepthPictures(stream).newest()
