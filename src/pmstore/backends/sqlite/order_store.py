"""Orders in a database file."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pmstore.backends.sqlite.channel import SqliteChannel
from pmstore.backends.sqlite.opened_store import SqliteStore
from pmstore.backends.sqlite.order_question import order_question
from pmstore.backends.sqlite.order_rows import (
    COLUMNS,
    ID,
    UPSERT,
    VERSION,
    Row,
)
from pmstore.backends.sqlite.outbox import NoteWriter, SqliteOutbox
from pmstore.backends.sqlite.sources import Sources
from pmstore.backends.sqlite.tombstones import Tombstones
from pmstore.backends.sqlite.values import text_list
from pmstore.backends.sqlite.versioned import VersionedTable
from pmstore.clock import Clock, system_clock
from pmstore.models.order import Order
from pmstore.models.position import Position
from pmstore.models.query import OrderQuery, Page
from pmstore.protocols.positioned import Applied
from pmstore.storage.batches import check_orders
from pmstore.storage.checks import check_ids, check_integers
from pmstore.storage.order_rows import order_of, order_row
from pmstore.storage.pages import order_place, page_of

_STORE: Final = "orders"
_BY_IDS: Final = f"SELECT {COLUMNS} FROM orders WHERE id IN (SELECT value FROM json_each(?))"
_TABLE: Final = VersionedTable(
    upsert=UPSERT,
    select=_BY_IDS,
    keys=text_list,
    key=lambda row: row[ID],
    version=VERSION,
    what=lambda row: f"order {row[ID]!r}",
    note_key=lambda row: str(row[ID]),
)


class SqliteOrderStore(SqliteStore):
    """
    Keeps the newest version of each order in a database file; an `OrderStore`.

    A save has returned when the disk has it. Reads run beside writes and see the last
    committed state. `apply` and `position` make it `Positioned` over orders; `outbox`,
    `channel`, `save_noted` and `load` let it be the truth under caches (`Noted`).

    Args:
        path: The file; see `SqliteStore`.
        tombstone_s: How long a removed id refuses older versions, in seconds.
        busy_timeout_s: Seconds for which a write waits for one of another process.
        clock: The time now in epoch milliseconds.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        tombstone_s: float = 86_400,
        busy_timeout_s: float = 5.0,
        clock: Clock = system_clock,
    ) -> None:
        super().__init__(path, busy_timeout_s=busy_timeout_s)
        self._clock = clock
        self._tombstones = Tombstones(tombstone_s)
        self._sources = Sources(self, _STORE)
        self._notes = NoteWriter(_STORE, clock)
        self.outbox: SqliteOutbox[str] = SqliteOutbox(self, _STORE, str, clock)
        self.channel = SqliteChannel(self, clock)

    async def save(self, orders: Sequence[Order], /) -> None:
        """Keep the newest version of each order; see `OrderStore.save`."""
        await self.save_noted(orders)

    async def save_noted(self, orders: Sequence[Order], /) -> frozenset[str]:
        """As `save`, and answers which ids took effect; see `Noted.save_noted`."""
        self.check_call(len(orders))
        rows = _rows(orders)
        if not rows:
            return frozenset()
        kept = await self.database.write(lambda connection: self._put(connection, rows))
        return frozenset(row[ID] for row in kept)

    async def get(self, ids: Sequence[str], /) -> dict[str, Order]:
        """The orders with these ids; see `OrderStore.get`."""
        self.check_call(len(ids))
        keys, where = text_list(ids), self.database.where
        return await self.database.read(
            lambda connection: {
                row[ID]: order_of(row, where) for row in connection.execute(_BY_IDS, (keys,))
            }
        )

    async def load(self, keys: Sequence[str], /) -> dict[str, Order]:
        """As `get`; sees every commit before the call."""
        return await self.get(keys)

    async def remove(self, versions: Sequence[tuple[str, int]], /) -> int:
        """Remove orders, each through a version; see `OrderStore.remove`."""
        self.check_call(len(versions))
        for id, version in versions:
            check_ids("removed order", id)
            check_integers(f"version of removed order {id!r}", version)
        asked = list(versions)
        if not asked:
            return 0
        return await self.database.write(lambda connection: self._remove(connection, asked))

    async def find(self, query: OrderQuery, /) -> Page[Order]:
        """
        The orders that *query* asks for; see `OrderStore.find`.

        Cost:
            One walk along the index of the id, client order id, user, token, market, event,
            or side and status asked for (the first of these that is set); other fields are
            tested one by one. With a time window alone the orders in it are sorted.
        """
        self.check_call()
        question = order_question(query)
        if question is None:
            return Page(())
        where = self.database.where
        found = await self.database.read(
            lambda connection: [
                order_of(row, where) for row in connection.execute(question.sql, question.values)
            ]
        )
        return page_of(found, query.limit, order_place)

    async def apply(
        self, changes: Sequence[Order], /, *, source: str, position: Position
    ) -> Applied:
        """Save *changes* and move *source* to *position* in one step; see `Positioned`."""
        self.check_call(len(changes))
        rows = _rows(changes)
        return await self._sources.apply(
            source, position, lambda connection: self._put(connection, rows)
        )

    async def position(self, source: str, /) -> Position | None:
        """How far *source* was consumed, None if never."""
        return await self._sources.position(source)

    def _put(self, connection: sqlite3.Connection, rows: Sequence[Row]) -> Sequence[Row]:
        if self._tombstones.purge(connection, self._clock()):
            buried = self._tombstones.versions(connection, (row[ID] for row in rows))
            rows = [row for row in rows if row[VERSION] > buried.get(row[ID], -1)]
        return _TABLE.put(connection, rows, self._notes)

    def _remove(self, connection: sqlite3.Connection, asked: list[tuple[str, int]]) -> int:
        now_ms = self._clock()
        self._tombstones.purge(connection, now_ms)
        known: dict[str, int] = dict(
            connection.execute(
                "SELECT id, version FROM orders WHERE id IN (SELECT value FROM json_each(?))",
                (text_list(id for id, _ in asked),),
            )
        )
        removed: list[tuple[str]] = []
        buried: list[tuple[str, int]] = []
        for id, version in asked:
            if id in known:
                if known[id] > version:
                    continue
                del known[id]
                removed.append((id,))
            buried.append((id, version))
        connection.executemany("DELETE FROM orders WHERE id = ?", removed)
        self._tombstones.bury(connection, buried, now_ms)
        self._notes.write(connection, self._notes.readers(connection), buried)
        return len(removed)


def _rows(orders: Sequence[Order]) -> list[Row]:
    """The rows of *orders*; raises if no store may take them."""
    check_orders(orders)
    return [order_row(order) for order in orders]
