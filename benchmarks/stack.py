"""The stack of the distributed mode on real servers, next to a call for each order and layer."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import pmstore
from benchmarks.measuring import Advance, Figure, Stopwatch, rate, ratio
from benchmarks.records import stored_order
from pmstore import Order
from pmstore.testing.servers import PostgresServer, RedisServer

BATCH: Final = 1_000
RIVAL_PART: Final = 50
"""The rival saves one order in so many: it takes as long."""
LEAST: Final = 8.0


def measure(count: int, repeats: int, advance: Advance) -> list[Figure]:
    """Saving *count* orders in batches, and a part of as many one by one into each layer."""
    return asyncio.run(_measure(count, repeats, advance))


async def _measure(count: int, repeats: int, advance: Advance) -> list[Figure]:
    batched, single = Stopwatch(), Stopwatch()
    with tempfile.TemporaryDirectory() as folder:
        for number in range(repeats):
            place = Path(folder) / str(number)
            durable = ("-c", "fsync=on", "-c", "full_page_writes=on")
            with (
                RedisServer(place / "redis") as redis,
                PostgresServer(place / "postgres", options=durable) as postgres,
            ):
                orders = [stored_order(n) for n in range(count)]
                await _in_batches(redis.url, postgres, orders, batched)
                await _one_by_one(redis.url, postgres, orders[: count // RIVAL_PART], single)
            advance()
    return [
        rate(
            "stack, batches",
            batched.runs,
            unit="orders/s",
            detail=f"memory > redis > postgresql, batches of {BATCH:,}; redis and postgresql "
            "sync their disks",
        ),
        rate(
            "one call per order and layer",
            single.runs,
            unit="orders/s",
            detail=f"the same three stores, {count // RIVAL_PART:,} orders",
        ),
        ratio("stack / one by one", batched.runs, single.runs, at_least=LEAST),
    ]


async def _in_batches(
    redis_url: str, postgres: PostgresServer, orders: Sequence[Order], watch: Stopwatch
) -> None:
    url = f"memory:// > {redis_url} > {postgres.create_database('batches')}"
    async with pmstore.open_order_store(url) as stack:
        with watch.work(len(orders)):
            for start in range(0, len(orders), BATCH):
                await stack.save(orders[start : start + BATCH])


async def _one_by_one(
    redis_url: str, postgres: PostgresServer, orders: Sequence[Order], watch: Stopwatch
) -> None:
    urls = ("memory://", f"{redis_url}?prefix=rival", postgres.create_database("singles"))
    async with AsyncExitStack() as opened:
        layers = [await opened.enter_async_context(pmstore.open_order_store(url)) for url in urls]
        with watch.work(len(orders)):
            for order in orders:
                for layer in layers:
                    await layer.save([order])
