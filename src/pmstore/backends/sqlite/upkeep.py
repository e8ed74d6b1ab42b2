"""Counting, emptying and shortening of a database file, below its contracts."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Final

import attrs

from pmstore.backends.sqlite.config import SqliteConfig
from pmstore.backends.sqlite.connection import connect_file, connect_writer, revision
from pmstore.backends.sqlite.failures import translated
from pmstore.errors import WriteOutcome
from pmstore.tables.schema import VERSION_TABLE
from pmstore.url import Url

_COUNTED: Final[Mapping[str, str]] = {
    "orders": "orders",
    "trades": "trades",
    "accounts": "balances",
    "events": "events",
    "ledger": "ledger_entries",
    "snapshots": "snapshots",
    "tombstones": "order_tombstones",
    "sources": "sources",
    "notes": "notes",
}
"""What is counted -> the table that it is in."""

_TABLES: Final = (*_COUNTED.values(), "snapshot_parts", "note_readers", "messages")
_PRUNED_AT_ONCE: Final = 10_000
_ENDINGS: Final = ("", "-wal", "-shm", "-journal")
"""What a database file and those beside it end with."""


class SqliteUpkeep:
    """The `Upkeep` of a database file."""

    async def contents(self, config: SqliteConfig, /) -> Mapping[str, int]:
        """How many records of each kind are there; see `Upkeep.contents`."""
        return await asyncio.to_thread(_contents, config)

    async def wipe(self, config: SqliteConfig, /) -> None:
        """
        Empty all tables in one transaction; see `Upkeep.wipe`.

        The file goes too, if nobody else has it open and nothing else is in it.
        """
        await asyncio.to_thread(_wipe, config)

    async def prune_trades(self, config: SqliteConfig, before_ms: int, /) -> int:
        """Delete the trades before *before_ms*; see `Upkeep.prune_trades`."""
        return await asyncio.to_thread(_prune, config, before_ms)


def scratch(url: Url, name: str) -> Url:
    """The URL of an empty file beside that of *url*."""
    return attrs.evolve(url, path=f"{url.path}-{name}")


@contextmanager
def _translated(config: SqliteConfig, outcome: WriteOutcome) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise translated(error, str(config.path), outcome) from error


def _contents(config: SqliteConfig) -> Mapping[str, int]:
    if not config.path.exists():
        return {}
    with (
        _translated(config, WriteOutcome.NOT_APPLIED),
        closing(connect_file(config.path, config.busy_timeout_s, mode="ro")) as connection,
    ):
        if revision(connection) is None:
            return {}
        counts = ", ".join(f"(SELECT count(*) FROM {table})" for table in _COUNTED.values())
        row = connection.execute(f"SELECT {counts}").fetchone()
    return {kind: count for kind, count in zip(_COUNTED, row, strict=True) if count}


def _wipe(config: SqliteConfig) -> None:
    if not config.path.exists():
        return
    with (
        _translated(config, WriteOutcome.UNKNOWN),
        closing(connect_writer(config.path, config.busy_timeout_s)) as connection,
    ):
        connection.execute("BEGIN IMMEDIATE")
        for table in _TABLES:
            connection.execute(f"DELETE FROM {table}")
        connection.execute("COMMIT")
        if not _has_foreign_tables(connection) and _is_alone(connection):
            for ending in _ENDINGS:
                config.path.with_name(config.path.name + ending).unlink(missing_ok=True)


def _has_foreign_tables(connection: sqlite3.Connection) -> bool:
    rows = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    )
    return bool({row[0] for row in rows} - {*_TABLES, VERSION_TABLE})


def _is_alone(connection: sqlite3.Connection) -> bool:
    """Whether no other connection has the file open: only then its journal can be changed."""
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        mode = connection.execute("PRAGMA journal_mode = DELETE").fetchone()[0]
        connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError:
        return False
    return bool(mode == "delete")


def _prune(config: SqliteConfig, before_ms: int) -> int:
    if not config.path.exists():
        return 0
    removed = 0
    with (
        _translated(config, WriteOutcome.UNKNOWN),
        closing(connect_writer(config.path, config.busy_timeout_s)) as connection,
    ):
        while True:
            # Each statement is a transaction of its own, so that writers come in between.
            gone = connection.execute(
                "DELETE FROM trades WHERE trade_id IN (SELECT trade_id FROM trades "
                "WHERE timestamp < ? ORDER BY timestamp, trade_id LIMIT ?)",
                (before_ms, _PRUNED_AT_ONCE),
            ).rowcount
            removed += gone
            if gone < _PRUNED_AT_ONCE:
                return removed
