"""Orders in SQLite: batches next to raw `executemany`, and what one user's question costs."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from benchmarks.measuring import Advance, Figure, Stopwatch, rate, ratio
from benchmarks.records import stored_order
from pmstore.backends.sqlite import SqliteOrderStore
from pmstore.models.query import OrderQuery
from pmstore.storage import order_row
from pmstore.tables.catalogue import orders as order_tables

SAVED: Final = 50_000
BATCH: Final = 1_000
RAW_LEAST: Final = 0.7
USER_MOST: Final = 1.5
FEW: Final = 10_000
MANY_TIMES: Final = 100
QUESTIONS: Final = 200
_USER_ORDERS: Final = 50

_NAMES: Final = tuple(order_tables.OrderRow.__table__.columns.keys())  # type: ignore[attr-defined]
_UPSERT: Final = (
    f"INSERT INTO orders ({', '.join(_NAMES)}) VALUES ({', '.join('?' * len(_NAMES))}) "
    "ON CONFLICT (id) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in _NAMES if name != "id")
    + " WHERE excluded.version > orders.version"
)
_Row = tuple[Any, ...]


def measure(count: int, repeats: int, advance: Advance) -> list[Figure]:
    """Rates of *count* saves, ours and raw ones in turn, then questions beside few and many."""
    return asyncio.run(_measure(count, repeats, advance))


async def _measure(count: int, repeats: int, advance: Advance) -> list[Figure]:
    orders = [stored_order(number) for number in range(count)]
    fills = [stored_order(number, version=2) for number in range(count)]
    ours, our_changes = Stopwatch(), Stopwatch()
    raw, raw_changes = Stopwatch(), Stopwatch()
    for _ in range(repeats):
        with TemporaryDirectory() as folder:
            async with SqliteOrderStore(Path(folder) / "orders.db") as store:
                for watch, saved in ((ours, orders), (our_changes, fills)):
                    with watch.work(count):
                        for at in range(0, count, BATCH):
                            await store.save(saved[at : at + BATCH])
        advance()
        # The rival is given rows; making them of orders is our part of the work.
        await _raw(
            [(raw, list(map(order_row, orders))), (raw_changes, list(map(order_row, fills)))]
        )
        advance()
    few, many = await _one_user(min(FEW, count), repeats)
    return [
        rate("sqlite, new orders saved", ours.runs, detail=f"batches of {BATCH}, fsync for each"),
        ratio(
            "sqlite, new orders / raw executemany",
            ours.runs,
            raw.runs,
            at_least=RAW_LEAST,
            detail="the same upsert of ready rows in batches as large, on one thread",
        ),
        rate("sqlite, changed orders saved", our_changes.runs, detail="each was a version older"),
        ratio(
            "sqlite, changed orders / raw executemany",
            our_changes.runs,
            raw_changes.runs,
            at_least=RAW_LEAST,
        ),
        ratio(
            "sqlite, one user's orders among many",
            many.runs,
            few.runs,
            at_most=USER_MOST,
            detail=f"{_USER_ORDERS} orders among {MANY_TIMES} times as many of others "
            f"({min(FEW, count) * MANY_TIMES}) as in the rival's turn",
        ),
    ]


async def _raw(runs: Sequence[tuple[Stopwatch, list[_Row]]]) -> None:
    """Write ready rows in batches, with the store's own tables and settings of the file."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "orders.db"
        async with SqliteOrderStore(file):
            pass
        with closing(sqlite3.connect(file, isolation_level=None)) as connection:
            for pragma in (
                "synchronous = FULL",
                "cache_size = -32768",
                "wal_autocheckpoint = 4000",
            ):
                connection.execute(f"PRAGMA {pragma}")
            for watch, rows in runs:
                with watch.work(len(rows)):
                    for at in range(0, len(rows), BATCH):
                        connection.execute("BEGIN IMMEDIATE")
                        connection.executemany(_UPSERT, rows[at : at + BATCH])
                        connection.execute("COMMIT")


async def _one_user(few: int, repeats: int) -> tuple[Stopwatch, Stopwatch]:
    """The same question beside *few* orders of others and beside many, in turn."""
    watches = Stopwatch(), Stopwatch()
    with TemporaryDirectory() as folder:
        files = [Path(folder) / "few.db", Path(folder) / "many.db"]
        for file, others in zip(files, (few, few * MANY_TIMES), strict=True):
            async with SqliteOrderStore(file) as store:
                await store.save(
                    [stored_order(number, user_id="somebody") for number in range(_USER_ORDERS)]
                )
            _fill(file, others)
        question = OrderQuery(user_id="somebody", limit=1000)
        for _ in range(repeats):
            for file, watch in zip(files, watches, strict=True):
                async with SqliteOrderStore(file) as store:
                    assert len((await store.find(question)).items) == _USER_ORDERS
                    with watch.work(QUESTIONS):
                        for _ in range(QUESTIONS):
                            await store.find(question)
    return watches


def _fill(file: Path, count: int) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA cache_size = -262144")
        for at in range(0, count, 50_000):
            numbers = range(_USER_ORDERS + at, _USER_ORDERS + min(at + 50_000, count))
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(_UPSERT, (order_row(stored_order(number)) for number in numbers))
            connection.execute("COMMIT")
