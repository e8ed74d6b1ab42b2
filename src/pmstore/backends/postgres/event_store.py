"""Events in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, LiteralString

import attrs

from pmstore.backends.postgres.arrays import bigints, texts
from pmstore.backends.postgres.channel import PostgresChannel
from pmstore.backends.postgres.columns import Column
from pmstore.backends.postgres.outbox import PostgresOutbox
from pmstore.backends.postgres.store import PostgresStore
from pmstore.backends.postgres.versioned import Versioned, write_versions
from pmstore.codec import decode_event, encode_event
from pmstore.models.market import Event
from pmstore.models.query import EventQuery, Page
from pmstore.models.units import INTEGER_MAX
from pmstore.protocols.channel import Channel
from pmstore.protocols.outbox import Outbox
from pmstore.storage.batches import check_events
from pmstore.storage.cursor import read_cursor
from pmstore.storage.pages import event_place, page_of

_WHAT: Final = "event"
_COLUMNS: Final = (
    Column("event_id", "bigint", lambda row: row[0], bigints),
    Column("version", "bigint", lambda row: row[1], bigints),
    Column("document", "text", lambda row: row[2], texts),
)
_TABLE: Final = Versioned("events", "events", _COLUMNS, ["event_id"])
_SAVE: Final = _TABLE.save()
_SAVE_NOTED: Final = _TABLE.save_noted()
_GET: Final[LiteralString] = (
    "SELECT event_id, document, version FROM events WHERE event_id = ANY(%s)"
)


class PostgresEventStore(PostgresStore):
    """
    Keeps each event as saved under its highest version in the table `events`; an `EventStore`.

    Every call is one statement, which is a transaction.
    """

    async def save(self, events: Sequence[tuple[Event, int]], /) -> None:
        """Keep events, each with its version; see `EventStore.save`."""
        self.check_call(len(events))
        if not events:
            return
        values = _given(events)
        await write_versions(self._client, _SAVE, values, what=_WHAT)

    async def get(self, ids: Sequence[int], /) -> dict[int, Event]:
        """The events with these ids; see `EventStore.get`."""
        self.check_call(len(ids))
        known = _storable(ids)
        if not known:
            return {}
        return {row[0]: _event(row) for row in await self._client.read(_GET, [bigints(known)])}

    @property
    def outbox(self) -> Outbox[int]:
        """The notes of events, by id."""
        return PostgresOutbox(self._client, "events", int)

    @property
    def channel(self) -> Channel:
        """Carries messages to every process that uses this schema."""
        return PostgresChannel(self._client)

    async def save_noted(self, records: Sequence[tuple[Event, int]], /) -> frozenset[int]:
        """As `save`, and answers which events are now as they were given; see `Noted`."""
        self.check_call(len(records))
        if not records:
            return frozenset()
        values = _given(records)
        rows = await write_versions(self._client, _SAVE_NOTED, values, what=_WHAT)
        return frozenset(row[0] for row in rows)

    async def load(self, keys: Sequence[int], /) -> dict[int, tuple[Event, int]]:
        """As `get`, which never asks a replica, with the versions; see `Noted`."""
        self.check_call(len(keys))
        known = _storable(keys)
        if not known:
            return {}
        rows = await self._client.read(_GET, [bigints(known)])
        return {row[0]: (_event(row), row[2]) for row in rows}

    async def find(self, query: EventQuery, /) -> Page[Event]:
        """
        The events that *query* asks for, by `event_id`; see `EventStore.find`.

        Cost:
            Grows with the page and the ids asked for.
        """
        self.check_call()
        conditions: list[str] = []
        values: list[object] = []
        if query.ids is not None:
            conditions.append("event_id = ANY(%s)")
            values.append(bigints(_storable(query.ids)))
        if query.after is not None:
            conditions.append("event_id > %s")
            values.extend(read_cursor(query.after, int))
        where = f"WHERE {' AND '.join(conditions)} " if conditions else ""
        statement = (
            f"SELECT event_id, document, version FROM events {where}ORDER BY event_id LIMIT %s"
        )
        rows = await self._client.read(statement, [*values, query.limit + 1])
        return page_of([_event(row) for row in rows], query.limit, event_place)


def _storable(ids: Any) -> list[int]:
    """Those of *ids* that an event can have, each once; all others are absent."""
    return sorted({id for id in ids if 0 <= id <= INTEGER_MAX})


def _event(row: tuple[Any, ...]) -> Event:
    return decode_event(row[1].encode(), f"events, row {row[0]}")


def _given(events: Sequence[tuple[Event, int]]) -> list[object]:
    """The parameters that save *events*; raises if one of them cannot be."""
    check_events(events)
    rows = sorted((event.event_id, version, _document(event)) for event, version in events)
    return [column.pack([column.value(row) for row in rows]) for column in _COLUMNS]


def _document(event: Event) -> str:
    """The event's text; equal events have equal ones, in whatever order their markets came."""
    return encode_event(attrs.evolve(event, markets=dict(sorted(event.markets.items())))).decode()
