"""Orders in Redis: batches next to a hand-written pipeline, and what one user's question costs."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from redis.asyncio import Redis

from benchmarks.measuring import Advance, Figure, Stopwatch, rate, ratio
from benchmarks.records import stored_order
from pmstore.backends.redis import RedisOrderStore, redis_config
from pmstore.codec import encode_order
from pmstore.models.order import Order, Side
from pmstore.models.query import OrderQuery
from pmstore.testing.servers import RedisServer
from pmstore.url import parse_url

SAVED: Final = 20_000
BATCH: Final = 1_000
PIPELINE_LEAST: Final = 1.5
USER_MOST: Final = 1.5
FEW: Final = 10_000
MANY_TIMES: Final = 10
QUESTIONS: Final = 300


def measure(count: int, repeats: int, advance: Advance) -> list[Figure]:
    """Rates of *count* saves, ours and the pipeline's in turn, on a server of their own."""
    return asyncio.run(_measure(count, repeats, advance))


async def _measure(count: int, repeats: int, advance: Advance) -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        # Without its disk: both sides would wait for the same one.
        options = ("--appendonly", "no")
        with RedisServer(Path(folder) / "server", options=options) as server:
            figures = await _batches(server, count, repeats, advance)
            figures += await _one_user(server, count, repeats)
    return figures


async def _batches(server: RedisServer, count: int, repeats: int, advance: Advance) -> list[Figure]:
    ours, theirs = Stopwatch(), Stopwatch()
    changed, changed_theirs = Stopwatch(), Stopwatch()
    for turn in range(repeats):
        url = f"{server.url}?prefix=ours{turn}&timeout_s=30"
        orders = [stored_order(number) for number in range(count)]
        fills = [stored_order(number, version=2) for number in range(count)]
        async with RedisOrderStore(redis_config(parse_url(url))) as store:
            for watch, saved in ((ours, orders), (changed, fills)):
                with watch.work(count):
                    for at in range(0, count, BATCH):
                        await store.save(saved[at : at + BATCH])
        advance()
        async with Redis(host=server.host, port=server.port, protocol=2) as client:
            for watch, saved in ((theirs, orders), (changed_theirs, fills)):
                with watch.work(count):
                    for at in range(0, count, BATCH):
                        await _pipeline(client, f"theirs{turn}:", saved[at : at + BATCH])
            await client.flushdb()
        advance()
    return [
        rate("redis, new orders saved", ours.runs, detail=f"batches of {BATCH}"),
        ratio(
            "redis, new orders / pipeline",
            ours.runs,
            theirs.runs,
            at_least=PIPELINE_LEAST,
            detail="the rival sends SET, HSET and six ZADD for each order in one pipeline "
            "of redis-py, and compares no versions",
        ),
        rate("redis, changed orders saved", changed.runs, detail="each was there a version older"),
        ratio("redis, changed orders / pipeline", changed.runs, changed_theirs.runs),
    ]


async def _pipeline(client: Redis, prefix: str, orders: Sequence[Order]) -> None:
    """What somebody would write by hand: the same keys, without any check."""
    async with client.pipeline(transaction=False) as pipe:
        for order in orders:
            member = {f"{order.order_num:020d}{order.id}": 0}
            pipe.set(f"{prefix}order:{order.id}", encode_order(order))
            pipe.hset(
                f"{prefix}orders:headers",
                order.id,
                f"{order.version:020d} {order.timestamp:020d} {order.status.value}",
            )
            pipe.zadd(f"{prefix}orders", member)
            pipe.zadd(f"{prefix}user_orders:{order.user_id}", member)
            pipe.zadd(f"{prefix}side_orders:{order.side.value}", member)
            pipe.zadd(f"{prefix}event_orders:{order.symbol.event_id}", member)
            pipe.zadd(f"{prefix}market_orders:{order.symbol.market_id}", member)
            pipe.zadd(f"{prefix}token_orders:{order.symbol.token_id}", member)
        await pipe.execute()


async def _one_user(server: RedisServer, count: int, repeats: int) -> list[Figure]:
    """A user's page among few and among many orders of others, in turn."""
    few, many = Stopwatch(), Stopwatch()
    size = min(FEW, count)
    mine = [stored_order(number, user_id="mine") for number in range(50)]
    small, large = (
        RedisOrderStore(redis_config(parse_url(f"{server.url}?prefix={name}&timeout_s=30")))
        for name in ("few", "many")
    )
    async with small, large:
        for store, orders in ((small, size), (large, size * MANY_TIMES)):
            await store.save(mine)
            for at in range(50, orders, BATCH):
                end = min(at + BATCH, orders)
                await store.save([stored_order(number) for number in range(at, end)])
        question = OrderQuery(user_id="mine", side=Side.BUY, limit=50)
        for _ in range(repeats):
            for store, watch in ((small, few), (large, many)):
                with watch.work(QUESTIONS):
                    for _ in range(QUESTIONS):
                        await store.find(question)
    return [
        ratio(
            f"redis, a user among {size * MANY_TIMES} / among {size}",
            many.runs,
            few.runs,
            at_most=USER_MOST,
            detail="a page of 50 of the user's orders; the others are other users'",
        )
    ]
