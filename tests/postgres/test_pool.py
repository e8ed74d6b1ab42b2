"""How many connections there are, and for how long."""

from __future__ import annotations

import asyncio
import time

import attrs
import psycopg
import pytest

from pmstore.backends.postgres import PostgresConfig, PostgresOrderStore
from pmstore.errors import StoreClosed
from pmstore.models.query import OrderQuery
from pmstore.testing.samples import order

Plain = psycopg.Connection[tuple[object, ...]]


def connections(plain: Plain) -> set[int]:
    """The server's processes that have last run a question of ours for orders."""
    # Inside a transaction the server would show the same picture again.
    plain.execute("SELECT pg_stat_clear_snapshot()")
    rows = plain.execute(
        "SELECT pid FROM pg_stat_activity WHERE application_name = 'pmstore' "
        "AND query LIKE '%FROM orders ORDER BY%'"
    ).fetchall()
    return {int(str(row[0])) for row in rows}


async def settled(plain: Plain, wanted: int) -> set[int]:
    """Wait until there are so many connections."""
    until = time.monotonic() + 60
    while len(found := connections(plain)) != wanted:
        assert time.monotonic() < until, f"{len(found)} connections, not {wanted}"
        await asyncio.sleep(0.02)
    return found


async def test_idle_connections_beyond_the_bound_are_closed(
    config: PostgresConfig, plain: Plain
) -> None:
    """A rush opens up to max_connections; after it max_idle_connections stay; then none."""
    bounded = attrs.evolve(config, max_connections=4, max_idle_connections=2)
    async with PostgresOrderStore(bounded) as orders:
        await orders.save([order(1)])
        with plain.transaction():
            plain.execute("LOCK TABLE orders")
            rush = asyncio.gather(*(orders.find(OrderQuery()) for _ in range(12)))
            await settled(plain, 4)
        await rush
        await settled(plain, 2)
    await settled(plain, 0)


async def test_an_aged_connection_is_replaced(config: PostgresConfig, plain: Plain) -> None:
    """A connection older than conn_max_lifetime_s is not used again."""
    short = attrs.evolve(config, conn_max_lifetime_s=0.3, max_connections=1)
    async with PostgresOrderStore(short) as orders:
        await orders.find(OrderQuery())
        first = await settled(plain, 1)
        until = time.monotonic() + 60
        while connections(plain) == first:
            assert time.monotonic() < until
            await asyncio.sleep(0.05)
            await orders.find(OrderQuery())


async def test_a_connection_that_the_server_ended_is_not_used(
    config: PostgresConfig, plain: Plain
) -> None:
    """An idle connection that an operator has terminated costs no call its answer."""
    async with PostgresOrderStore(config) as orders:
        await asyncio.gather(*(orders.find(OrderQuery()) for _ in range(5)))
        for process in connections(plain):
            plain.execute("SELECT pg_terminate_backend(%s, 5000)", [process])
        await orders.save([order(1)])
        assert len((await orders.find(OrderQuery())).items) == 1


async def test_a_store_that_was_entered_twice_by_mistake_leaves_no_connection(
    config: PostgresConfig, plain: Plain
) -> None:
    store = PostgresOrderStore(config)
    async with store:
        with pytest.raises(StoreClosed, match="open already"):
            await store.__aenter__()
        await store.find(OrderQuery())
        assert len(await settled(plain, 1)) == 1
    await settled(plain, 0)
