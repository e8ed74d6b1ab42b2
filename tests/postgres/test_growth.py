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


def scans(plain: Plain) -> tuple[int, int]:
    """How often the whole table `orders` was read, and how often one of its indexes."""
    row = plain.execute(
        "SELECT seq_scan::int, idx_scan::int FROM pg_stat_user_tables "
        "WHERE schemaname = current_schema() AND relname = 'orders'"
    ).fetchone()
    assert row is not None
    whole, indexed = row
    return int(str(whole)), int(str(indexed))


async def test_a_question_learnt_on_an_empty_table_reads_no_whole_table_later(
    config: PostgresConfig, plain: Plain
) -> None:
    """Questions that were asked often while there were few orders go by an index among many."""
    questions = [
        OrderQuery(user_id="mine", side=Side.BUY),
        OrderQuery(user_id="mine", statuses=ACTIVE_STATUSES),
        OrderQuery(token_id="token_3"),
        OrderQuery(client_order_id="c"),
        OrderQuery(limit=10),
    ]
    async with PostgresOrderStore(attrs.evolve(config, max_connections=1)) as orders:
        plain.execute("ALTER TABLE orders SET (autovacuum_enabled = off)")
        await orders.save([order(number, user_id="mine") for number in range(5)])
        for question in questions:
            for _ in range(8):
                await orders.find(question)
        for start in range(10, 20_010, 5_000):
            await orders.save([order(number) for number in range(start, start + 5_000)])
        whole, indexed = scans(plain)
        for question in questions:
            for _ in range(10):
                await orders.find(question)
        # The server counts with a delay.
        until = time.monotonic() + 20
        while (now := scans(plain))[1] < indexed + 10 * len(questions):
            assert time.monotonic() < until, f"{now} after {(whole, indexed)}"
            await asyncio.sleep(0.1)
            await orders.get(["order_1"])
        assert now[0] == whole
