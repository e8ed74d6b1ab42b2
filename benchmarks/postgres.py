"""Orders in PostgreSQL: batches next to raw psycopg, and what one user's question costs."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Final

import attrs
import psycopg

from benchmarks.measuring import Advance, Figure, Run, Stopwatch, rate, ratio
from benchmarks.records import USERS, stored_order
from pmstore.backends.postgres import PostgresConfig, PostgresOrderStore
from pmstore.models.order import Side
from pmstore.models.query import OrderQuery
from pmstore.plugin import config_from
from pmstore.storage import order_row
from pmstore.testing.servers import PostgresServer
from pmstore.url import parse_url

SAVED: Final = 20_000
BATCH: Final = 1_000
RAW_LEAST: Final = 0.8
USER_MOST: Final = 1.5
FEW: Final = 10_000
MANY_TIMES: Final = 100
QUESTIONS: Final = 200

_TYPES: Final = {
    "id": "text",
    "event_id": "bigint",
    "market_id": "bigint",
    "token_id": "text",
    "side": "text",
    "order_type": "text",
    "quantity": "bigint",
    "price": "bigint",
    "status": "text",
    "filled_quantity": "bigint",
    "remaining_quantity": "bigint",
    "timestamp": "bigint",
    "user_id": "text",
    "order_num": "bigint",
    "version": "bigint",
    "time_in_force": "text",
    "expires_at_ms": "bigint",
    "post_only": "boolean",
    "client_order_id": "text",
    "volume": "bigint",
    "spent": "bigint",
    "self_trade": "text",
    "order_group": "text",
    "session": "text",
    "fee_exact": "text",
    "fee_paid": "bigint",
}
_NAMES: Final = ", ".join(_TYPES)
_UPSERT: Final = (
    "ON CONFLICT (id) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in _TYPES if name != "id")
    + " WHERE excluded.version > orders.version"
)
_Row = tuple[Any, ...]
_Raw = Callable[["psycopg.AsyncConnection[Any]", Sequence[_Row]], Awaitable[None]]


def measure(count: int, repeats: int, advance: Advance) -> list[Figure]:
    """Rates of *count* saves, ours and each raw statement's in turn, on a server of their own."""
    return asyncio.run(_measure(count, repeats, advance))


async def _measure(count: int, repeats: int, advance: Advance) -> list[Figure]:
    with (
        tempfile.TemporaryDirectory() as folder,
        PostgresServer(Path(folder) / "server") as server,
    ):
        config = config_from(PostgresConfig, parse_url(server.url))
        figures = await _batches(server, config, count, repeats, advance)
        figures += await _one_user(server, config, min(FEW, count), repeats)
    return figures


async def _batches(
    server: PostgresServer, config: PostgresConfig, count: int, repeats: int, advance: Advance
) -> list[Figure]:
    ours, changed = Stopwatch(), Stopwatch()
    theirs = {raw: (Stopwatch(), Stopwatch()) for raw in (_unnest, _copy, _executemany)}
    orders = [stored_order(number) for number in range(count)]
    fills = [stored_order(number, version=2) for number in range(count)]
    # The rivals are given rows; making them of orders is our part of the work.
    new_rows, changed_rows = [order_row(one) for one in orders], [order_row(one) for one in fills]
    for turn in range(repeats):
        schema = f"turn{turn}"
        async with PostgresOrderStore(attrs.evolve(config, schema=schema)) as store:
            for watch, saved in ((ours, orders), (changed, fills)):
                with watch.work(count):
                    for at in range(0, count, BATCH):
                        await store.save(saved[at : at + BATCH])
        advance()
        for raw, watches in theirs.items():
            await _raw(server, schema, raw, watches, (new_rows, changed_rows))
        advance()
    return [
        rate("postgres, new orders saved", ours.runs, detail=f"batches of {BATCH}"),
        ratio(
            "postgres, new orders / best raw statement",
            ours.runs,
            _best([watches[0].runs for watches in theirs.values()]),
            at_least=RAW_LEAST,
            detail="the rival is the fastest of unnest, COPY into a temporary table and "
            "executemany with psycopg, given rows that are ready",
        ),
        rate(
            "postgres, changed orders saved", changed.runs, detail="each was there a version older"
        ),
        ratio(
            "postgres, changed orders / best raw statement",
            changed.runs,
            _best([watches[1].runs for watches in theirs.values()]),
            at_least=RAW_LEAST,
        ),
    ]


def _best(rivals: Sequence[Sequence[Run]]) -> list[Run]:
    """The fastest rival of each turn."""
    return [min(turn, key=lambda run: run.seconds) for turn in zip(*rivals, strict=True)]


async def _raw(
    server: PostgresServer,
    schema: str,
    raw: _Raw,
    watches: tuple[Stopwatch, Stopwatch],
    batches: tuple[Sequence[_Row], Sequence[_Row]],
) -> None:
    options = f"-c search_path={schema}"
    async with await psycopg.AsyncConnection.connect(
        server.url, autocommit=True, options=options
    ) as connection:
        await connection.execute("TRUNCATE orders")
        await connection.execute("CREATE TEMPORARY TABLE given (LIKE orders)")
        for watch, rows in zip(watches, batches, strict=True):
            with watch.work(len(rows)):
                for at in range(0, len(rows), BATCH):
                    await raw(connection, rows[at : at + BATCH])


async def _unnest(connection: psycopg.AsyncConnection[Any], rows: Sequence[_Row]) -> None:
    arrays = ", ".join(f"%b::{kind}[]" for kind in _TYPES.values())
    statement = f"INSERT INTO orders ({_NAMES}) SELECT * FROM unnest({arrays}) {_UPSERT}"
    columns = [list(column) for column in zip(*rows, strict=True)]
    await connection.execute(statement, columns, prepare=True)


async def _copy(connection: psycopg.AsyncConnection[Any], rows: Sequence[_Row]) -> None:
    async with connection.transaction():
        cursor = connection.cursor()
        async with cursor.copy(f"COPY given ({_NAMES}) FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types(list(_TYPES.values()))
            for row in rows:
                await copy.write_row(row)
        await cursor.execute(
            f"INSERT INTO orders ({_NAMES}) SELECT {_NAMES} FROM given {_UPSERT}", prepare=True
        )
        await cursor.execute("TRUNCATE given")


async def _executemany(connection: psycopg.AsyncConnection[Any], rows: Sequence[_Row]) -> None:
    values = ", ".join("%b" for _ in _TYPES)
    async with connection.transaction():
        await connection.cursor().executemany(
            f"INSERT INTO orders ({_NAMES}) VALUES ({values}) {_UPSERT}", rows
        )


async def _one_user(
    server: PostgresServer, config: PostgresConfig, size: int, repeats: int
) -> list[Figure]:
    """A user's page among few and among many orders of others."""
    few, many = Stopwatch(), Stopwatch()
    async with PostgresOrderStore(attrs.evolve(config, schema="users")) as store:
        await store.save([stored_order(number, user_id="mine") for number in range(50)])
        await asyncio.to_thread(_fill, server, 50, size)
        await _ask(store, few, repeats)
        await asyncio.to_thread(_fill, server, size, size * MANY_TIMES)
        await _ask(store, many, repeats)
    return [
        ratio(
            f"postgres, a user among {size * MANY_TIMES} / among {size}",
            many.runs,
            few.runs,
            at_most=USER_MOST,
            detail="a page of 25 of the user's 50 orders; the others are other users'",
        )
    ]


def _fill(server: PostgresServer, begin: int, end: int) -> None:
    """Orders of others, made by the server itself, since a million of them are no measurement."""
    with psycopg.connect(server.url, options="-c search_path=users") as connection:
        connection.execute(
            f"INSERT INTO orders ({_NAMES}) SELECT 'order_' || n, 1, n %% 10, 'token_' || n %% 20, "
            "CASE n %% 2 WHEN 0 THEN 'Sell' ELSE 'Buy' END, 'Limit', 100, 5000, 'New', 0, 100, "
            "1704110400000 + n, 'user_' || n %% %s, n, 1, 'gtc', NULL, false, NULL, 0, 0, "
            "'cancel_taker', NULL, NULL, 0, 0 "
            "FROM generate_series(%s::bigint, %s::bigint - 1) AS n",
            [USERS, begin, end],
        )


async def _ask(store: PostgresOrderStore, watch: Stopwatch, repeats: int) -> None:
    question = OrderQuery(user_id="mine", side=Side.BUY, limit=50)
    await store.find(question)
    for _ in range(repeats):
        with watch.work(QUESTIONS):
            for _ in range(QUESTIONS):
                await store.find(question)
