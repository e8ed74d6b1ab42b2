"""Events in a database file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pmstore.backends.sqlite.channel import SqliteChannel
from pmstore.backends.sqlite.conditions import Conditions
from pmstore.backends.sqlite.opened_store import SqliteStore
from pmstore.backends.sqlite.outbox import NoteWriter, SqliteOutbox
from pmstore.backends.sqlite.values import fits, number_list
from pmstore.backends.sqlite.versioned import Row, VersionedTable
from pmstore.clock import Clock, system_clock
from pmstore.codec import decode_event, encode_event
from pmstore.errors import CorruptData, InvalidRecord
from pmstore.models.market import Event
from pmstore.models.query import EventQuery, Page
from pmstore.storage.batches import check_events
from pmstore.storage.cursor import read_cursor
from pmstore.storage.pages import event_place, page_of

_STORE: Final = "events"
_COLUMNS: Final = "event_id, version, document"
_BY_IDS: Final = f"SELECT {_COLUMNS} FROM events WHERE event_id IN (SELECT value FROM json_each(?))"


def _event_of(row: Row, where: str) -> Event:
    return decode_event(row[2].encode(), f"{where}: event {row[0]}")


_TABLE: Final = VersionedTable(
    upsert=(
        f"INSERT INTO events ({_COLUMNS}) VALUES (?, ?, ?) ON CONFLICT (event_id) DO UPDATE SET "
        "version = excluded.version, document = excluded.document "
        "WHERE excluded.version > events.version"
    ),
    select=_BY_IDS,
    keys=number_list,
    key=lambda row: row[0],
    version=1,
    what=lambda row: f"event {row[0]}",
    note_key=lambda row: str(row[0]),
    # The order of the markets in a document does not matter.
    equal=lambda row, other: _event_of(row, "given") == _event_of(other, "stored"),
)


class SqliteEventStore(SqliteStore):
    """
    Keeps each event as saved under its highest version in a database file; an `EventStore`.

    `outbox`, `channel`, `save_noted` and `load` let it be the truth under caches (`Noted`).

    Args:
        path: The file; see `SqliteStore`.
        busy_timeout_s: Seconds for which a write waits for one of another process.
        clock: The time now in epoch milliseconds.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        busy_timeout_s: float = 5.0,
        clock: Clock = system_clock,
    ) -> None:
        super().__init__(path, busy_timeout_s=busy_timeout_s)
        self._notes = NoteWriter(_STORE, clock)
        self.outbox: SqliteOutbox[int] = SqliteOutbox(self, _STORE, int, clock)
        self.channel = SqliteChannel(self, clock)

    async def save(self, events: Sequence[tuple[Event, int]], /) -> None:
        """Keep events, each with its version; see `EventStore.save`."""
        await self.save_noted(events)

    async def save_noted(self, events: Sequence[tuple[Event, int]], /) -> frozenset[int]:
        """As `save`, and answers which ids took effect; see `Noted.save_noted`."""
        self.check_call(len(events))
        rows = _rows(events)
        if not rows:
            return frozenset()
        kept = await self.database.write(
            lambda connection: _TABLE.put(connection, rows, self._notes)
        )
        return frozenset(row[0] for row in kept)

    async def get(self, ids: Sequence[int], /) -> dict[int, Event]:
        """The events with these ids; see `EventStore.get`."""
        return {id: event for id, (event, _) in (await self.load(ids)).items()}

    async def load(self, keys: Sequence[int], /) -> dict[int, tuple[Event, int]]:
        """As `get`, each event with its version; sees every commit before the call."""
        self.check_call(len(keys))
        asked, where = number_list(keys), self.database.where
        rows = await self.database.read(
            lambda connection: connection.execute(_BY_IDS, (asked,)).fetchall()
        )
        return {row[0]: (_event_of(row, where), row[1]) for row in rows}

    async def find(self, query: EventQuery, /) -> Page[Event]:
        """
        The events that *query* asks for, by `event_id`; see `EventStore.find`.

        Cost:
            Grows with the page and the ids asked for.
        """
        self.check_call()
        conditions = Conditions()
        if query.ids is not None:
            conditions.add("event_id IN (SELECT value FROM json_each(?))", number_list(query.ids))
        if query.after is not None:
            (at,) = read_cursor(query.after, int)
            conditions.impossible |= not fits(int(at))
            conditions.add("event_id > ?", at)
        if conditions.impossible:
            return Page(())
        sql = f"SELECT {_COLUMNS} FROM events{conditions.where} ORDER BY event_id LIMIT ?"
        where = self.database.where
        rows = await self.database.read(
            lambda connection: connection.execute(
                sql, [*conditions.values, query.limit + 1]
            ).fetchall()
        )
        return page_of([_event_of(row, where) for row in rows], query.limit, event_place)


def _rows(events: Sequence[tuple[Event, int]]) -> list[Row]:
    """
    The rows of *events*.

    Raises:
        InvalidRecord: One that no store may hold, or an id twice.
    """
    check_events(events)
    rows: list[Row] = []
    for event, version in events:
        document = encode_event(event)
        try:
            written = decode_event(document, f"event {event.event_id}")
        except CorruptData as error:
            raise InvalidRecord(str(error)) from error
        if written != event:
            raise InvalidRecord(f"event {event.event_id} is not the event that would be read back")
        rows.append((event.event_id, version, document.decode()))
    return rows
