"""Trades in a database file."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pmstore.backends.sqlite.channel import SqliteChannel
from pmstore.backends.sqlite.opened_store import SqliteStore
from pmstore.backends.sqlite.outbox import NoteWriter, SqliteOutbox
from pmstore.backends.sqlite.sources import Sources
from pmstore.backends.sqlite.trade_rows import (
    INSERT,
    TIMESTAMP,
    Row,
    trade_question,
)
from pmstore.clock import Clock, system_clock
from pmstore.models.position import Position
from pmstore.models.query import Page, TradeQuery
from pmstore.models.trade import Trade
from pmstore.protocols.outbox import TRADES
from pmstore.protocols.positioned import Applied
from pmstore.storage.batches import check_trades
from pmstore.storage.pages import page_of, trade_place
from pmstore.storage.trade_rows import trade_of, trade_row

_STORE: Final = "trades"


class SqliteTradeStore(SqliteStore):
    """
    Keeps each trade once in a database file; a `TradeStore`.

    An append has returned when the disk has it. `apply` and `position` make it `Positioned`
    over trades; with `outbox` and `channel` it can be the truth under a window of trades.

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
        self._sources = Sources(self, _STORE)
        self._notes = NoteWriter(_STORE, clock)
        self.outbox: SqliteOutbox[str] = SqliteOutbox(self, _STORE, str, clock)
        self.channel = SqliteChannel(self, clock)

    async def append(self, trades: Sequence[Trade], /) -> None:
        """Add trades; see `TradeStore.append`."""
        self.check_call(len(trades))
        rows = _rows(trades)
        if rows:
            await self.database.write(lambda connection: self._put(connection, rows))

    async def find(self, query: TradeQuery, /) -> Page[Trade]:
        """
        The trades that *query* asks for, newest first; see `TradeStore.find`.

        Cost:
            One walk along the index of the order, user, token, market or event asked for
            (the first of these that is set), else of the time; other fields are tested one
            by one.
        """
        self.check_call()
        question = trade_question(query)
        if question is None:
            return Page(())
        where = self.database.where
        found = await self.database.read(
            lambda connection: [
                trade_of(row, where) for row in connection.execute(question.sql, question.values)
            ]
        )
        return page_of(found, query.limit, trade_place)

    async def apply(
        self, changes: Sequence[Trade], /, *, source: str, position: Position
    ) -> Applied:
        """Append *changes* and move *source* to *position* in one step; see `Positioned`."""
        self.check_call(len(changes))
        rows = _rows(changes)
        return await self._sources.apply(
            source, position, lambda connection: self._put(connection, rows)
        )

    async def position(self, source: str, /) -> Position | None:
        """How far *source* was consumed, None if never."""
        return await self._sources.position(source)

    def _put(self, connection: sqlite3.Connection, rows: Sequence[Row]) -> None:
        before = connection.total_changes
        connection.executemany(INSERT, rows)
        if connection.total_changes > before:
            lowest = min(row[TIMESTAMP] for row in rows)
            readers = self._notes.readers(connection)
            self._notes.write(connection, readers, [(TRADES, lowest - 1)])


def _rows(trades: Sequence[Trade]) -> list[Row]:
    """The rows of *trades*; raises if no store may take them."""
    check_trades(trades)
    return [trade_row(trade) for trade in trades]
