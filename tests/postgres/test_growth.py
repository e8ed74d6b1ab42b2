"""What a question costs does not follow what others have stored."""

from __future__ import annotations

import asyncio
import time

import attrs
import psycopg

from pmstore.backends.postgres import PostgresConfig, PostgresOrderStore
from pmstore.models.order import ACTIVE_STATUSES, Side
from pmstore.models.query import OrderQuery
from pmstore.testing.samples import order

Plain = psycopg.Connection[tuple[object, ...]]


def rows_read(plain: Plain) -> tuple[int, int]:
    """How many rows of `orders` were read by scans of the table and of its indexes, and scans."""
    row = plain.execute(
        "SELECT (seq_tup_read + (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes AS one "
        "WHERE one.relid = orders.relid))::int, idx_scan::int FROM pg_stat_user_tables AS orders "
        "WHERE schemaname = current_schema() AND relname = 'orders'"
    ).fetchone()
    assert row is not None
    read, scans = row
    return int(str(read)), int(str(scans))


async def test_a_question_reads_about_what_it_answers(config: PostgresConfig, plain: Plain) -> None:
    """
    A page costs what is on it, also with plans that were made when there were few orders, and
    before the server has counted how many there are now.
    """
    questions = [
        OrderQuery(user_id="mine", side=Side.BUY, limit=20),
        OrderQuery(user_id="mine", statuses=ACTIVE_STATUSES, limit=20),
        OrderQuery(user_id="mine", event_id=0, limit=20),
        OrderQuery(token_id="token_3", limit=20),
        OrderQuery(limit=20),
    ]
    async with PostgresOrderStore(attrs.evolve(config, max_connections=1)) as orders:
        plain.execute("ALTER TABLE orders SET (autovacuum_enabled = off)")
        await orders.save([order(number, user_id="mine") for number in range(50)])
        await orders.save([order(number) for number in range(50, 2_000)])
        for question in questions:
            for _ in range(8):
                await orders.find(question)
        for start in range(2_000, 22_000, 5_000):
            await orders.save([order(number) for number in range(start, start + 5_000)])
        # What the server has counted so far, which it does with a delay.
        await asyncio.sleep(1.5)
        await orders.get(["order_1"])
        await asyncio.sleep(1.5)
        read, scans = rows_read(plain)
        for question in questions:
            for _ in range(10):
                await orders.find(question)
        until = time.monotonic() + 60
        while (now := rows_read(plain))[1] < scans + 10 * len(questions):
            assert time.monotonic() < until, f"{now} after {(read, scans)}"
            await asyncio.sleep(0.2)
            await orders.get(["order_1"])
        assert now[0] - read < 10 * len(questions) * 100
