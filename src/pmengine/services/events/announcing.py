"""Tells everybody of events that were listed and closed: each once, on `api_mq_stream`."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Final

import msgspec
import structlog

from pmengine.commands import NewMarket
from pmengine.services.events.catalogue import Catalogue
from pmengine.services.events.keeping import READ_ENTRIES_MAX, READ_WAIT_S, read_entry
from pmengine.services.events.records import EventClosed, EventListed, Record
from pmengine.services.outages import Outage, persistently
from pmstore import (
    EMPTY,
    START,
    Conflict,
    CorruptData,
    Entry,
    Head,
    Position,
    StoreUnavailable,
    Stream,
    payload_hash,
)

API_MQ_STREAM: Final = "api_mq_stream"
RETRY_S: Final = 0.5

_logger = structlog.get_logger("pmengine.events")


class _Told(msgspec.Struct, frozen=True, tag_field="types", kw_only=True):
    """`record` is the position on `event_catalogue_stream` of what this tells of."""

    record: str
    event_id: int


class ListedTold(_Told, frozen=True, tag="EventCreate", kw_only=True):
    """An event was listed; `topic` is the topic's id, `end_date` RFC 3339."""

    title: str
    slug: str
    description: str
    topic: str
    image_url: str | None
    end_date: str | None
    exclusive: bool
    markets: dict[int, NewMarket]


class ClosedTold(_Told, frozen=True, tag="EventClose", kw_only=True):
    """Trading has ended in all markets of an event."""


_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(ListedTold | ClosedTold)


def decode_told(payload: bytes) -> ListedTold | ClosedTold:
    """
    What an entry of `api_mq_stream` tells.

    Raises:
        CorruptData: It is no such entry.
    """
    try:
        told: ListedTold | ClosedTold = _decoder.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CorruptData(f"no entry of this stream: {error}", where=API_MQ_STREAM) from error
    return told


class Announcer:
    """
    Follows the catalogue and appends what it tells, on the condition that nobody else did.

    The last entry of the stream says how far it is: whoever dies, and however many do this,
    every listing and every close is there once, in the catalogue's order.
    """

    def __init__(self, catalogue: Stream, target: Stream) -> None:
        self.told = 0
        """Entries that this one appended."""
        self._source = catalogue
        self._target = target

    async def run(self) -> None:
        """
        Tell until cancelled, over outages.

        Raises:
            CorruptData: The last entry of `api_mq_stream` is not ours.
        """
        outage = Outage("announcer")
        while True:
            try:
                await self._follow(outage)
            except Conflict:
                _logger.info("somebody_else_announces")
                await asyncio.sleep(RETRY_S)
            except StoreUnavailable as error:
                # Perhaps it was appended: the stream's last entry says.
                await outage.wait(error)

    async def _follow(self, outage: Outage) -> None:
        last, head = await persistently(self._last, "events")
        catalogue, after = Catalogue(), START
        while True:
            read = partial(self._source.read, after, READ_ENTRIES_MAX, READ_WAIT_S)
            entries = await persistently(read, "events")
            payloads: list[bytes] = []
            for entry in entries:
                record = read_entry(entry)
                after = entry.id
                if record is None:
                    continue
                catalogue.apply(record, entry.id)
                told = None if entry.id <= last else _tell(catalogue, record, entry)
                if told is not None:
                    payloads.append(_encoder.encode(told))
            if payloads:
                position = await self._target.append(payloads, expect_head=head)
                head = Head(position, payload_hash(payloads[-1]))
                self.told += len(payloads)
                outage.over()
            await asyncio.sleep(0)

    async def _last(self) -> tuple[Position, Head]:
        """Up to which record everything was told, and the head of the stream."""
        bounds = await self._target.bounds()
        if bounds is None:
            return START, EMPTY
        return Position.parse(decode_told(bounds.last.payload).record), bounds.last.head


def _tell(catalogue: Catalogue, record: Record, entry: Entry) -> ListedTold | ClosedTold | None:
    position = str(entry.id)
    if isinstance(record, EventClosed):
        return ClosedTold(record=position, event_id=record.event_id)
    if not isinstance(record, EventListed):
        return None
    event = catalogue.listed(record.event_id)
    if event is None:
        return None
    return ListedTold(
        record=position,
        event_id=event.event_id,
        title=event.title,
        slug=event.slug,
        description=event.description,
        topic=event.topic,
        image_url=event.image_url,
        end_date=event.end_date,
        exclusive=event.exclusive,
        # As in the snapshot file, where every market names itself.
        markets={id: msgspec.structs.replace(one, id=id) for id, one in event.markets.items()},
    )
