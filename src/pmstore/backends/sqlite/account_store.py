"""Accounts in a database file."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from pmstore.backends.sqlite.channel import SqliteChannel
from pmstore.backends.sqlite.conditions import Conditions
from pmstore.backends.sqlite.opened_store import SqliteStore
from pmstore.backends.sqlite.outbox import NoteWriter, SqliteOutbox
from pmstore.backends.sqlite.sources import Sources
from pmstore.backends.sqlite.versioned import Row, VersionedTable
from pmstore.clock import Clock, system_clock
from pmstore.models.balance import Balance
from pmstore.models.position import Position
from pmstore.models.query import BalanceQuery, Page
from pmstore.models.units import is_id
from pmstore.protocols.positioned import Applied
from pmstore.storage.batches import check_balances
from pmstore.storage.cursor import read_cursor
from pmstore.storage.pages import balance_place, page_of

Key = tuple[str, str]

_STORE: Final = "accounts"
_COLUMNS: Final = "user_id, asset, available, frozen, version"
_VERSION: Final = 4
_BY_KEYS: Final = (
    f"SELECT {_COLUMNS} FROM balances WHERE (user_id, asset) IN "
    "(SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?))"
)


def _key_list(keys: Iterable[Key]) -> str:
    return json.dumps([key for key in keys if is_id(key[0]) and is_id(key[1])], ensure_ascii=False)


def _key_of(text: str) -> Key:
    """The key in a note."""
    user_id, asset = json.loads(text)
    return user_id, asset


_TABLE: Final = VersionedTable(
    upsert=(
        f"INSERT INTO balances ({_COLUMNS}) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT (user_id, asset) DO UPDATE SET available = excluded.available, "
        "frozen = excluded.frozen, version = excluded.version "
        "WHERE excluded.version > balances.version"
    ),
    select=_BY_KEYS,
    keys=_key_list,
    key=lambda row: (row[0], row[1]),
    version=_VERSION,
    what=lambda row: f"the balance of {row[0]!r} in {row[1]!r}",
    note_key=lambda row: json.dumps(row[:2], ensure_ascii=False),
)


class SqliteAccountStore(SqliteStore):
    """
    Keeps the newest version of each balance in a database file; an `AccountStore`.

    `apply` and `position` make it `Positioned` over balances; `outbox`, `channel`,
    `save_noted` and `load` let it be the truth under caches (`Noted`).

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
        self.outbox: SqliteOutbox[Key] = SqliteOutbox(self, _STORE, _key_of, clock)
        self.channel = SqliteChannel(self, clock)

    async def save(self, balances: Sequence[Balance], /) -> None:
        """Keep the newest version of each balance; see `AccountStore.save`."""
        await self.save_noted(balances)

    async def save_noted(self, balances: Sequence[Balance], /) -> frozenset[Key]:
        """As `save`, and answers which keys took effect; see `Noted.save_noted`."""
        self.check_call(len(balances))
        rows = _rows(balances)
        if not rows:
            return frozenset()
        kept = await self.database.write(lambda connection: self._put(connection, rows))
        return frozenset((row[0], row[1]) for row in kept)

    async def get(self, keys: Sequence[Key], /) -> dict[Key, Balance]:
        """The balances of these (`user_id`, `asset`) pairs; see `AccountStore.get`."""
        self.check_call(len(keys))
        asked = _key_list(keys)
        rows = await self.database.read(
            lambda connection: connection.execute(_BY_KEYS, (asked,)).fetchall()
        )
        return {(row[0], row[1]): Balance(*row) for row in rows}

    async def load(self, keys: Sequence[Key], /) -> dict[Key, Balance]:
        """As `get`; sees every commit before the call."""
        return await self.get(keys)

    async def find(self, query: BalanceQuery, /) -> Page[Balance]:
        """
        The balances that *query* asks for; see `AccountStore.find`.

        Cost:
            Grows with the page, whatever else is held.
        """
        self.check_call()
        conditions = Conditions()
        conditions.text("user_id", query.user_id)
        conditions.text("asset", query.asset)
        if query.after is not None:
            user_id, asset = read_cursor(query.after, str, str)
            conditions.possible_text(str(user_id))
            conditions.possible_text(str(asset))
            conditions.add("(user_id, asset) > (?, ?)", user_id, asset)
        if conditions.impossible:
            return Page(())
        by_asset = query.asset is not None and query.user_id is None
        hint = " INDEXED BY balances_by_asset" if by_asset else ""
        sql = (
            f"SELECT {_COLUMNS} FROM balances{hint}{conditions.where} "
            "ORDER BY user_id, asset LIMIT ?"
        )
        rows = await self.database.read(
            lambda connection: connection.execute(
                sql, [*conditions.values, query.limit + 1]
            ).fetchall()
        )
        return page_of([Balance(*row) for row in rows], query.limit, balance_place)

    async def apply(
        self, changes: Sequence[Balance], /, *, source: str, position: Position
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
        return _TABLE.put(connection, rows, self._notes)


def _rows(balances: Sequence[Balance]) -> list[Row]:
    """The rows of *balances*; raises if no store may take them."""
    check_balances(balances)
    return [(one.user_id, one.asset, one.available, one.frozen, one.version) for one in balances]
