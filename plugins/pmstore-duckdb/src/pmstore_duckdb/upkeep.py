"""Counting, emptying and shortening a DuckDB file."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, TypeVar

import duckdb

from pmstore_duckdb.config import DuckConfig
from pmstore_duckdb.database import Database

T = TypeVar("T")

_PRUNED_AT_ONCE: Final = 10_000
_COUNT: Final = "SELECT (SELECT count(*) FROM trades), (SELECT count(*) FROM positions)"
_PRUNE: Final = (
    "DELETE FROM trades WHERE trade_id IN "
    '(SELECT trade_id FROM trades WHERE "timestamp" < ? LIMIT ?)'
)


class DuckUpkeep:
    """The `Upkeep` of a file; no store may have it open."""

    async def contents(self, config: DuckConfig, /) -> Mapping[str, int]:
        """How many trades and positions are there."""
        if not config.path.exists():
            return {}
        row = await _in_database(config.path, lambda one: one.execute(_COUNT).fetchone())
        counts = zip(("trades", "positions"), row or (0, 0), strict=True)
        return {word: count for word, count in counts if count}

    async def wipe(self, config: DuckConfig, /) -> None:
        """Delete the file and its log."""
        if config.path.exists():
            # Refuses a file that is open elsewhere, and one that is no DuckDB file.
            await _in_database(config.path, lambda one: None)
            await asyncio.to_thread(_remove, config.path)

    async def prune_trades(self, config: DuckConfig, before_ms: int, /) -> int:
        """Delete the trades before *before_ms*, some at a time."""
        if not config.path.exists():
            return 0
        removed = 0
        while True:
            gone = await _in_database(config.path, lambda one: _prune(one, before_ms))
            removed += gone
            if gone < _PRUNED_AT_ONCE:
                return removed


def _remove(path: Path) -> None:
    path.unlink()
    Path(f"{path}.wal").unlink(missing_ok=True)


def _prune(connection: duckdb.DuckDBPyConnection, before_ms: int) -> int:
    row = connection.execute(_PRUNE, [before_ms, _PRUNED_AT_ONCE]).fetchone()
    return int(row[0]) if row else 0


async def _in_database(path: Path, work: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
    database = await asyncio.to_thread(Database, path)
    try:
        return await database.write(work)
    finally:
        await asyncio.to_thread(database.close)
