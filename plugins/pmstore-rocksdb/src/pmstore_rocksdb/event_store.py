"""Events in RocksDB."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from pmstore import (
    Event,
    EventQuery,
    InvalidQuery,
    Page,
)
from pmstore.codec import decode_event, encode_event
from pmstore.storage import (
    check_events,
    event_place,
    page_of,
    read_cursor,
    version_conflict,
)
from pmstore_rocksdb.draft import Draft
from pmstore_rocksdb.keys import NUMBER_BYTES, number, sought_number
from pmstore_rocksdb.residence import Residence
from pmstore_rocksdb.view import Reading

_FAMILY: Final = "events"


class RocksEventStore(Residence):
    """
    Keeps each event as saved under its highest version in a RocksDB; an `EventStore`.

    What was answered is on the disk.
    """

    def __init__(self, path: str | Path) -> None:
        super().__init__(path, contract="events")

    async def save(self, events: Sequence[tuple[Event, int]], /) -> None:
        """Keep events, each with its version; see `EventStore.save`."""
        self.check_call(len(events))
        check_events(events)
        given = [(event, number(version) + encode_event(event)) for event, version in events]
        if given:
            await self.database.write(lambda draft: self._save(draft, given))

    async def get(self, ids: Sequence[int], /) -> dict[int, Event]:
        """The events with these ids; see `EventStore.get`."""
        self.check_call(len(ids))
        wanted = [id for id in dict.fromkeys(ids) if sought_number(id) is not None]

        def question(view: Reading) -> dict[int, Event]:
            values = {id: view.get(_FAMILY, number(id)) for id in wanted}
            return {id: self._read(id, value) for id, value in values.items() if value is not None}

        return await self.database.read(question)

    async def find(self, query: EventQuery, /) -> Page[Event]:
        """
        The events that *query* asks for, by `event_id`; see `EventStore.find`.

        Cost:
            Grows with the page and the ids asked for.
        """
        self.check_call()
        return await self.database.read(lambda view: self._find(view, query))

    def _save(self, draft: Draft, given: Sequence[tuple[Event, bytes]]) -> None:
        """Raises before anything is changed."""
        fresh: list[tuple[bytes, bytes]] = []
        for event, value in given:
            key = number(event.event_id)
            known = draft.get(_FAMILY, key)
            if known is None or value[:NUMBER_BYTES] > known[:NUMBER_BYTES]:
                fresh.append((key, value))
            elif value[:NUMBER_BYTES] == known[:NUMBER_BYTES] and (
                event != self._read(event.event_id, known)
            ):
                version = int.from_bytes(value[:NUMBER_BYTES], "big")
                raise version_conflict(f"event {event.event_id}", version)
        for key, value in fresh:
            draft.put(_FAMILY, key, value)

    def _find(self, view: Reading, query: EventQuery) -> Page[Event]:
        found: list[Event] = []
        for key in _keys(view, query):
            value = view.get(_FAMILY, key)
            if value is None:
                continue
            found.append(self._read(int.from_bytes(key, "big"), value))
            if len(found) > query.limit:
                break
        return page_of(found, query.limit, event_place)

    def _read(self, id: int, value: bytes) -> Event:
        return decode_event(value[NUMBER_BYTES:], f"{self._path}: event {id}")


def _keys(view: Reading, query: EventQuery) -> Iterator[bytes]:
    """Ascending keys from the cursor on; those of ids asked for need not be there."""
    after: bytes | None = b""
    if query.after is not None:
        after = sought_number(int(read_cursor(query.after, int)[0]))
        if after is None:
            raise InvalidQuery(f"{query.after!r} is not a cursor of this store")
    if query.ids is None:
        return view.ascending(_FAMILY, b"", after or b"")
    named = sorted(key for id in query.ids if (key := sought_number(id)) is not None)
    return (key for key in named if not after or key > after)
