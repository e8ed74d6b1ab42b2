"""How far each source was consumed, written in the transaction of its changes."""

from __future__ import annotations

import sqlite3

from pmstore.models.position import Position


class Sources:
    """The positions of the sources of one kind of store."""

    def __init__(self, store: str) -> None:
        self._store = store

    def position(self, connection: sqlite3.Connection, source: str) -> Position | None:
        """Where *source* stands, None if nothing was taken from it."""
        row = connection.execute(
            "SELECT position FROM sources WHERE store = ? AND source = ?", (self._store, source)
        ).fetchone()
        return None if row is None else Position.parse(row[0])

    def has_had(self, connection: sqlite3.Connection, source: str, position: Position) -> bool:
        """Whether *source* stands at *position* or later."""
        known = self.position(connection, source)
        return known is not None and known >= position

    def move(self, connection: sqlite3.Connection, source: str, position: Position) -> None:
        """Let *source* stand at *position*."""
        connection.execute(
            "INSERT INTO sources (store, source, position) VALUES (?, ?, ?) "
            "ON CONFLICT (store, source) DO UPDATE SET position = excluded.position",
            # Padded, the texts compare like the numbers; see the table.
            (self._store, source, f"{position.ms:020}-{position.seq:020}"),
        )
