"""Versioned tombstones that live for a while."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Final

from pmstore.backends.sqlite.values import text_list
from pmstore.models.units import INTEGER_MAX

_PURGE_MAX: Final = 1000
"""Tombstones that one write purges at most, so that no write pays for a day of removals."""


class Tombstones:
    """For each removed id the version that no save up to it passes, kept for `tombstone_s`."""

    def __init__(self, tombstone_s: float) -> None:
        self._lifetime_ms = int(tombstone_s * 1000)

    def purge(self, connection: sqlite3.Connection, now_ms: int) -> bool:
        """Drop expired ones, a bounded number of them; answers whether any are left."""
        oldest = connection.execute("SELECT min(until_ms) FROM order_tombstones").fetchone()[0]
        if oldest is None:
            return False
        if oldest <= now_ms:
            connection.execute(
                "DELETE FROM order_tombstones WHERE id IN "
                "(SELECT id FROM order_tombstones WHERE until_ms <= ? ORDER BY until_ms LIMIT ?)",
                (now_ms, _PURGE_MAX),
            )
        return True

    def versions(self, connection: sqlite3.Connection, ids: Iterable[str]) -> dict[str, int]:
        """The versions of those of *ids* that are buried."""
        return dict(
            connection.execute(
                "SELECT id, version FROM order_tombstones "
                "WHERE id IN (SELECT value FROM json_each(?))",
                (text_list(ids),),
            )
        )

    def bury(
        self, connection: sqlite3.Connection, versions: Iterable[tuple[str, int]], now_ms: int
    ) -> None:
        """Let no save of an id up to its version pass, or up to the one buried if higher."""
        until_ms = min(now_ms + self._lifetime_ms, INTEGER_MAX)
        connection.executemany(
            "INSERT INTO order_tombstones (id, version, until_ms) VALUES (?, ?, ?) "
            "ON CONFLICT (id) DO UPDATE SET version = max(version, excluded.version), "
            "until_ms = excluded.until_ms",
            [(id, version, until_ms) for id, version in versions],
        )
