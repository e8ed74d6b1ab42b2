"""How far each source was consumed, written in the transaction of its changes."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from pmstore.backends.sqlite.opened_store import SqliteStore
from pmstore.models.position import Position
from pmstore.protocols.positioned import Applied
from pmstore.storage.checks import check_ids


class Sources:
    """
    The positions of the sources of one store.

    Args:
        opened: The store.
        store: Its kind.
    """

    def __init__(self, opened: SqliteStore, store: str) -> None:
        self._opened = opened
        self._store = store

    async def apply(
        self, source: str, position: Position, put: Callable[[sqlite3.Connection], object]
    ) -> Applied:
        """Let *put* write, and *source* stand at *position*, unless it stands there already."""
        check_ids("source", source)

        def write(connection: sqlite3.Connection) -> Applied:
            known = self._known(connection, source)
            if known is not None and known >= position:
                return Applied.DUPLICATE
            put(connection)
            connection.execute(
                "INSERT INTO sources (store, source, position) VALUES (?, ?, ?) "
                "ON CONFLICT (store, source) DO UPDATE SET position = excluded.position",
                # Padded, the texts compare like the numbers; see the table.
                (self._store, source, f"{position.ms:020}-{position.seq:020}"),
            )
            return Applied.APPLIED

        return await self._opened.database.write(write)

    async def position(self, source: str) -> Position | None:
        """Where *source* stands, None if nothing was taken from it."""
        check_ids("source", source)
        return await self._opened.database.read(lambda connection: self._known(connection, source))

    def _known(self, connection: sqlite3.Connection, source: str) -> Position | None:
        row = connection.execute(
            "SELECT position FROM sources WHERE store = ? AND source = ?", (self._store, source)
        ).fetchone()
        return None if row is None else Position.parse(row[0])
