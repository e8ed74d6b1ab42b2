"""Events in memory."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from pmstore.backends.memory.channel import MemoryChannel
from pmstore.backends.memory.ordered_keys import OrderedKeys
from pmstore.backends.memory.outbox import MemoryOutbox
from pmstore.models.market import Event
from pmstore.models.query import EventQuery, Page
from pmstore.storage.batches import check_events, version_conflict
from pmstore.storage.copies import copy_event
from pmstore.storage.cursor import read_cursor
from pmstore.storage.lifetime import Lifetime
from pmstore.storage.pages import event_place, page_of


class MemoryEventStore(Lifetime):
    """
    Keeps each event as saved under its highest version, in this process; an `EventStore`.

    Hands out copies and keeps copies; every verb is one step of the event loop. The outbox and
    its verbs make it `Noted`.
    """

    def __init__(self) -> None:
        super().__init__()
        self._events: dict[int, tuple[Event, int]] = {}
        self._all: OrderedKeys[tuple[int]] = OrderedKeys()
        self.outbox: MemoryOutbox[int] = MemoryOutbox()
        """Notes for the caches in front of this store."""
        self.channel = MemoryChannel()
        """Carries messages between the stacks that share this store."""

    async def save(self, events: Sequence[tuple[Event, int]], /) -> None:
        """Keep events, each with its version; see `EventStore.save`."""
        self.check_call(len(events))
        check_events(events)
        fresh: list[tuple[Event, int]] = []
        for event, version in events:
            known = self._events.get(event.event_id)
            if known is None or version > known[1]:
                fresh.append((event, version))
            elif version == known[1] and event != known[0]:
                raise version_conflict(f"event {event.event_id}", version)
        for event, version in fresh:
            if event.event_id not in self._events:
                self._all.add((event.event_id,))
            self._events[event.event_id] = (copy_event(event), version)
            self.outbox.write([(event.event_id, version)])

    async def save_noted(self, events: Sequence[tuple[Event, int]], /) -> frozenset[int]:
        """As `save`; answers which ids hold what was sent, see `Noted.save_noted`."""
        await self.save(events)
        return frozenset(
            event.event_id
            for event, version in events
            if self._events[event.event_id][1] == version
        )

    async def load(self, ids: Sequence[int], /) -> dict[int, tuple[Event, int]]:
        """The events with these ids and their versions, see `Noted.load`."""
        self.check_call(len(ids))
        held = {id: self._events[id] for id in ids if id in self._events}
        return {id: (copy_event(event), version) for id, (event, version) in held.items()}

    async def get(self, ids: Sequence[int], /) -> dict[int, Event]:
        """The events with these ids; see `EventStore.get`."""
        self.check_call(len(ids))
        return {id: copy_event(self._events[id][0]) for id in ids if id in self._events}

    async def find(self, query: EventQuery, /) -> Page[Event]:
        """
        The events that *query* asks for, by `event_id`; see `EventStore.find`.

        Cost:
            Grows with the page and the ids asked for.
        """
        self.check_call()
        after: tuple[int] | None = None
        if query.after is not None:
            (at,) = read_cursor(query.after, int)
            after = (int(at),)
        if query.ids is None:
            keys = self._all.above(after)
        else:
            known = sorted((id,) for id in query.ids if id in self._events)
            keys = (key for key in known if after is None or key > after)
        found = [copy_event(self._events[id][0]) for (id,) in islice(keys, query.limit + 1)]
        return page_of(found, query.limit, event_place)
