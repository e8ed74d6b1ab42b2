"""The ledger in a database file."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from pmstore.backends.sqlite.conditions import Conditions
from pmstore.backends.sqlite.opened_store import SqliteStore
from pmstore.backends.sqlite.sources import Sources
from pmstore.backends.sqlite.values import fits
from pmstore.models.ledger import LedgerEntry
from pmstore.models.position import Position
from pmstore.models.query import JournalQuery, LedgerQuery, Page
from pmstore.protocols.positioned import Applied
from pmstore.storage.batches import check_entries
from pmstore.storage.cursor import read_cursor
from pmstore.storage.ledger_rows import ENTRY_COLUMNS, entry_of, entry_row
from pmstore.storage.pages import entry_place, journal_place, page_of

_STORE: Final = "ledger"
_COLUMNS: Final = ", ".join(ENTRY_COLUMNS)
_INSERT: Final = (
    f"INSERT INTO ledger_entries ({_COLUMNS}) VALUES ({', '.join('?' * len(ENTRY_COLUMNS))}) "
    "ON CONFLICT (source, number, line) DO NOTHING"
)
_NEWEST_FIRST: Final = "ORDER BY timestamp DESC, source DESC, number DESC, line DESC LIMIT ?"


class SqliteLedgerStore(SqliteStore):
    """
    Keeps each line of the ledger once in a database file; a `LedgerStore`.

    An append has returned when the disk has it. `apply` and `position` make it `Positioned`
    over entries.

    Args:
        path: The file; see `SqliteStore`.
        busy_timeout_s: Seconds for which a write waits for one of another process.
    """

    def __init__(self, path: str | Path, *, busy_timeout_s: float = 5.0) -> None:
        super().__init__(path, busy_timeout_s=busy_timeout_s)
        self._sources = Sources(self, _STORE)

    async def append(self, entries: Sequence[LedgerEntry], /) -> None:
        """Add entries; see `LedgerStore.append`."""
        self.check_call(len(entries))
        rows = _rows(entries)
        if rows:
            await self.database.write(lambda connection: _put(connection, rows))

    async def find(self, query: LedgerQuery, /) -> Page[LedgerEntry]:
        """The entries of a user, newest first; see `LedgerStore.find`."""
        self.check_call()
        conditions = Conditions()
        conditions.add("holder = 'user'")
        conditions.text("account", query.user_id)
        conditions.text("asset", query.asset)
        if query.kinds is not None:
            conditions.impossible |= not query.kinds
            words = sorted(kind.value for kind in query.kinds)
            conditions.add(f"kind IN ({', '.join('?' * len(words))})", *words)
        below = query.end_ms
        if query.after is not None:
            timestamp, source, number, line = read_cursor(query.after, int, str, int, int)
            conditions.possible_text(str(source))
            for part in (int(timestamp), int(number), int(line)):
                conditions.impossible |= not fits(part)
            # One bound, not two: SQLite would walk from the wrong one of them.
            if below is None or int(timestamp) < below:
                below = None
                conditions.add(
                    "(timestamp, source, number, line) < (?, ?, ?, ?)",
                    timestamp,
                    source,
                    number,
                    line,
                )
        conditions.window(query.start_ms, below)
        return await self._page(
            "ledger_by_user", conditions, _NEWEST_FIRST, query.limit, entry_place
        )

    async def journal(self, query: JournalQuery, /) -> Page[LedgerEntry]:
        """The entries of a source, oldest first; see `LedgerStore.journal`."""
        self.check_call()
        conditions = Conditions()
        conditions.text("source", query.source)
        number, line = query.from_number, -1
        if query.after is not None:
            after = read_cursor(query.after, int, int)
            number, line = max((number, line), (int(after[0]), int(after[1])))
        conditions.impossible |= not fits(number) or not fits(line)
        conditions.add("(number, line) > (?, ?)", number, line)
        return await self._page(
            None, conditions, "ORDER BY number, line LIMIT ?", query.limit, journal_place
        )

    async def apply(
        self, changes: Sequence[LedgerEntry], /, *, source: str, position: Position
    ) -> Applied:
        """Append *changes* and move *source* to *position* in one step; see `Positioned`."""
        self.check_call(len(changes))
        rows = _rows(changes)
        return await self._sources.apply(
            source, position, lambda connection: _put(connection, rows)
        )

    async def position(self, source: str, /) -> Position | None:
        """How far *source* was consumed, None if never."""
        return await self._sources.position(source)

    async def _page(
        self, index: str | None, conditions: Conditions, order: str, limit: int, place: Any
    ) -> Page[LedgerEntry]:
        if conditions.impossible:
            return Page(())
        hint = f" INDEXED BY {index}" if index else ""
        sql = f"SELECT {_COLUMNS} FROM ledger_entries{hint}{conditions.where} {order}"
        where = self.database.where
        found = await self.database.read(
            lambda connection: [
                entry_of(row, where)
                for row in connection.execute(sql, [*conditions.values, limit + 1])
            ]
        )
        return page_of(found, limit, place)


def _put(connection: sqlite3.Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    connection.executemany(_INSERT, rows)


def _rows(entries: Sequence[LedgerEntry]) -> list[tuple[Any, ...]]:
    """The rows of *entries*; raises if no store may take them."""
    check_entries(entries)
    return [entry_row(entry) for entry in entries]
