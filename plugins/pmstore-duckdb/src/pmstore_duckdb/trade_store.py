"""Trades in DuckDB."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import duckdb

from pmstore import Applied, Page, Position, Trade, TradeQuery
from pmstore.storage import Lifetime, check_trades, page_of, trade_of, trade_place
from pmstore_duckdb.database import Database
from pmstore_duckdb.questions import statement
from pmstore_duckdb.table import APPEND, columns

_MOVE: Final = "INSERT OR REPLACE INTO positions VALUES (?, ?, ?)"


class DuckTradeStore(Lifetime):
    """
    Keeps each trade once in the table `trades` of a DuckDB file; a `Positioned` `TradeStore`.

    What was answered is on the disk. The store has the file for itself.
    """

    def __init__(self, path: str | Path) -> None:
        super().__init__()
        self._path = Path(path)
        self._opened_database: Database | None = None

    async def __aenter__(self) -> Self:
        if self._opened_database is None:
            opening = asyncio.ensure_future(asyncio.to_thread(Database, self._path))
            try:
                self._opened_database = await asyncio.shield(opening)
            except asyncio.CancelledError:
                opening.add_done_callback(_close_again)
                raise
        return await super().__aenter__()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        await super().__aexit__(exc_type, exc, traceback)
        database, self._opened_database = self._opened_database, None
        if database is not None:
            await asyncio.shield(asyncio.to_thread(database.close))

    async def append(self, trades: Sequence[Trade], /) -> None:
        """
        Add trades; see `TradeStore.append`.

        Cost:
            One transaction with an fsync: appending many at once is what DuckDB is good at.
        """
        self.check_call(len(trades))
        given = _checked(trades)
        if given:
            await self._database.write(lambda connection: connection.execute(APPEND, given))

    async def find(self, query: TradeQuery, /) -> Page[Trade]:
        """
        The trades that *query* asks for, newest first; see `TradeStore.find`.

        Cost:
            Scans the columns asked about, millions of rows in some ten milliseconds; row
            groups wholly outside of the time window are passed over.
        """
        self.check_call()
        asked = statement(query)
        if asked is None:
            return Page(())
        rows = await self._database.read(lambda connection: connection.execute(*asked).fetchall())
        return page_of([trade_of(row, str(self._path)) for row in rows], query.limit, trade_place)

    async def apply(
        self, changes: Sequence[Trade], /, *, source: str, position: Position
    ) -> Applied:
        """Append *changes* and move *source* to *position* in one step; see `Positioned`."""
        self.check_call(len(changes))
        given = _checked(changes)

        def change(connection: duckdb.DuckDBPyConnection) -> Applied:
            known = _position(connection, source)
            if known is not None and known >= position:
                return Applied.DUPLICATE
            if given:
                connection.execute(APPEND, given)
            connection.execute(_MOVE, [source, *position])
            return Applied.APPLIED

        return await self._database.write(change)

    async def position(self, source: str, /) -> Position | None:
        """How far *source* was consumed, None if never."""
        self.check_call()
        return await self._database.read(lambda connection: _position(connection, source))

    @property
    def _database(self) -> Database:
        assert self._opened_database is not None, "check_call refuses what is not open"
        return self._opened_database


def _checked(trades: Sequence[Trade]) -> list[list[object]]:
    """
    The columns of the trades, none twice; nothing for no trades.

    Raises:
        InvalidRecord: A value that no store may hold.
    """
    check_trades(trades)
    return columns(list({trade.trade_id: trade for trade in reversed(trades)}.values()))


def _position(connection: duckdb.DuckDBPyConnection, source: str) -> Position | None:
    row = connection.execute("SELECT ms, seq FROM positions WHERE source = ?", [source]).fetchone()
    return None if row is None else Position(*row)


def _close_again(opening: asyncio.Future[Database]) -> None:
    """Nobody waits for the opened database any more."""
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()
