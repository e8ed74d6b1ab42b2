"""Events in Redis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pmstore.backends.redis.channel import RedisChannel
from pmstore.backends.redis.config import RedisConfig
from pmstore.backends.redis.order_store import BATCH_MAX
from pmstore.backends.redis.outbox import RedisOutbox
from pmstore.backends.redis.place import RedisPlace
from pmstore.backends.redis.records import Kind, Records, Row, header, held_of
from pmstore.clock import Clock, system_clock
from pmstore.codec import decode_event, encode_event
from pmstore.models.market import Event
from pmstore.models.query import EventQuery, Page
from pmstore.protocols.store import Limits
from pmstore.storage.batches import check_events
from pmstore.storage.cursor import read_cursor
from pmstore.storage.pages import event_place, page_of

EVENTS: Final = Kind(name="events", record="event:", what=lambda id: f"event {int(id)}")


class RedisEventStore(RedisPlace):
    """
    Keeps each event as saved under its highest version in Redis; an `EventStore`, and
    `Noted`.

    An event is its JSON at `event:{id, 20 digits}`.

    Args:
        config: Where.
        clock: The time now in epoch milliseconds.
    """

    def __init__(
        self,
        config: RedisConfig,
        *,
        clock: Clock = system_clock,
    ) -> None:
        super().__init__(config, limits=Limits(batch_size_max=BATCH_MAX))
        self._records = Records(EVENTS, self, clock=clock)
        self.outbox: RedisOutbox[int] = RedisOutbox(self, EVENTS.name, int)
        """Notes of what changed here."""
        self.channel = RedisChannel(self, f"{EVENTS.name}:channel")
        """Messages to everybody who opened this place."""

    async def save(self, events: Sequence[tuple[Event, int]], /) -> None:
        """Keep events, each with its version; see `EventStore.save`."""
        await self.save_noted(events)

    async def save_noted(self, events: Sequence[tuple[Event, int]], /) -> frozenset[int]:
        """As `save`; answers which ids hold what was sent, see `Noted.save_noted`."""
        self.check_call(len(events))
        check_events(events)
        held = await self._records.save([_row(event, version) for event, version in events])
        return held_of([event.event_id for event, _ in events], held)

    async def load(self, ids: Sequence[int], /) -> dict[int, tuple[Event, int]]:
        """As `get`, each with its version; see `Noted.load`."""
        self.check_call(len(ids))
        keys = [event_id(id) for id in ids]
        return {
            id: (decode_event(document, self._records.key(key)), version)
            for id, key, known in zip(ids, keys, await self._records.load(keys), strict=True)
            if known is not None
            for version, document in [known]
        }

    async def get(self, ids: Sequence[int], /) -> dict[int, Event]:
        """The events with these ids; see `EventStore.get`."""
        self.check_call(len(ids))
        return await self._get([id for id in ids if id >= 0])

    async def find(self, query: EventQuery, /) -> Page[Event]:
        """
        The events that *query* asks for, by `event_id`; see `EventStore.find`.

        Cost:
            One round trip; grows with the page and the ids asked for.
        """
        self.check_call()
        after = -1
        if query.after is not None:
            after = int(read_cursor(query.after, int)[0])
        if query.ids is not None:
            ids = sorted(id for id in query.ids if id > after)
            known = await self._get(ids)
            found = [known[id] for id in ids if id in known][: query.limit + 1]
        else:
            begin = "-" if after < 0 else f"({event_id(after)}"
            documents = await self._records.find(query.limit + 1, begin=begin)
            found = [decode_event(document, key) for key, document in documents]
        return page_of(found, query.limit, event_place)

    async def _get(self, ids: Sequence[int]) -> dict[int, Event]:
        documents = await self._records.get([event_id(id) for id in ids])
        return {
            id: decode_event(document, self._records.key(event_id(id)))
            for id, document in zip(ids, documents, strict=True)
            if document is not None
        }


def event_id(id: int) -> str:
    """An event's id as text that sorts as the number does."""
    return f"{id:020d}"


def _row(event: Event, version: int) -> Row:
    id = event_id(event.event_id)
    return Row(id, header(version, 0, "Kept", id, ""), encode_event(event))
