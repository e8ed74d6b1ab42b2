"""pmstore without servers: what a look-up and a durable trade cost, next to their rivals."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, TypeVar

import pmstore
from benchmarks.measuring import Advance, Figure, Stopwatch, rate, ratio
from benchmarks.records import stored_order, stored_trade
from pmstore import Order, OrderQuery, Trade
from pmstore.protocols import OrderStore, TradeStore

GET_MOST: Final = 1.5
HIT_MOST: Final = 4.0
AUDIT_TARGET: Final = 300_000
AUDIT_BATCH: Final = 1_000
SHARED_LEAST: Final = 10.0
APPENDERS: Final = 100
USER_ORDERS: Final = 100
OTHERS: Final = (10_000, 1_000_000)
USER_MOST: Final = 1.5

T = TypeVar("T")


def measure(count: int, repeats: int, advance: Advance) -> list[Figure]:
    """The figures of the library's own parts, rivals in turn."""
    return asyncio.run(_measure(count, repeats, advance))


async def _measure(count: int, repeats: int, advance: Advance) -> list[Figure]:
    figures = await _look_ups(count, repeats)
    advance()
    figures += await _audit_log(count, repeats)
    advance()
    figures += await _one_user(count, repeats)
    advance()
    return figures


async def _look_ups(count: int, repeats: int) -> list[Figure]:
    """A look-up in a plain dictionary, in the memory store, in the first layer of a stack."""
    orders = [stored_order(number) for number in range(min(count, 10_000))]
    ids = [(order.id,) for order in orders]
    plain, memory, layered = Stopwatch(), Stopwatch(), Stopwatch()
    with tempfile.TemporaryDirectory() as folder:
        truth = f"sqlite:///{Path(folder).as_posix()}/orders.db"
        async with (
            pmstore.open_order_store("memory://") as store,
            pmstore.open_order_store(f"memory:// > {truth}") as stack,
        ):
            for target in (store, stack):
                await _save(target, orders)
                await _get_each(target.get, ids)
            known = _Dictionary(orders)
            for _ in range(repeats):
                for get, watch in (
                    (known.get, plain),
                    (store.get, memory),
                    (stack.get, layered),
                ):
                    with watch.work(len(ids)):
                        await _get_each(get, ids)
    return [
        rate("memory get", memory.runs, detail="one id a call; the answer is a copy"),
        ratio(
            "memory get / dict",
            memory.runs,
            plain.runs,
            at_most=GET_MOST,
            detail="the rival is an awaited look-up in a dict that answers a dict, uncopied",
        ),
        ratio(
            "layered hit / memory get",
            layered.runs,
            memory.runs,
            at_most=HIT_MOST,
            detail="memory:// > sqlite:, found in the memory",
        ),
    ]


async def _get_each(
    get: Callable[[Sequence[str]], Awaitable[dict[str, Order]]], ids: Sequence[Sequence[str]]
) -> None:
    for one in ids:
        await get(one)


class _Dictionary:
    """The rival of the memory store."""

    def __init__(self, orders: Sequence[Order]) -> None:
        self._orders = {order.id: order for order in orders}

    async def get(self, ids: Sequence[str]) -> dict[str, Order]:
        orders = self._orders
        return {id: orders[id] for id in ids if id in orders}


async def _audit_log(count: int, repeats: int) -> list[Figure]:
    batched, together, alone = Stopwatch(), Stopwatch(), Stopwatch()
    singles = min(count, 1_000)
    for _ in range(repeats):
        trades = [stored_trade(number) for number in range(count + 2 * singles)]
        with tempfile.TemporaryDirectory() as folder:
            url = f"file:{Path(folder).as_posix()}/trades.log?rotate_bytes_max={2**40}"
            async with pmstore.open_trade_store(url) as log:
                with batched.work(count):
                    for batch in _chunks(trades[:count], AUDIT_BATCH):
                        await log.append(batch)
                rest = iter(trades[count:])
                with together.work(singles):
                    await asyncio.gather(
                        *(_append_each(log, rest, singles // APPENDERS) for _ in range(APPENDERS))
                    )
                with alone.work(singles):
                    await _append_each(log, rest, singles)
    return [
        rate(
            "audit log, batches",
            batched.runs,
            target=AUDIT_TARGET,
            unit="trades/s",
            detail=f"batches of {AUDIT_BATCH:,} one after the other, a sync of file and head each",
        ),
        rate("audit log, one by one", alone.runs, unit="trades/s", detail="a sync for each"),
        ratio(
            f"audit log, {APPENDERS} appenders / one",
            together.runs,
            alone.runs,
            at_least=SHARED_LEAST,
            detail="single trades; those that wait together share a sync",
        ),
    ]


async def _append_each(log: TradeStore, trades: Iterator[Trade], count: int) -> None:
    for _ in range(count):
        await log.append([next(trades)])


async def _one_user(count: int, repeats: int) -> list[Figure]:
    """All orders of one user among few and among many orders of others."""
    few, many = (min(others, count * 10) for others in OTHERS)
    query = OrderQuery(user_id="user_asked", limit=1000)
    watches = Stopwatch(), Stopwatch()
    async with (
        pmstore.open_order_store("memory://") as small,
        pmstore.open_order_store("memory://") as large,
    ):
        for store, others in ((small, few), (large, many)):
            await _save(store, (stored_order(n) for n in range(others)))
            asked = range(others, others + USER_ORDERS)
            await _save(store, (stored_order(number, user_id="user_asked") for number in asked))
        for _ in range(repeats):
            for store, watch in zip((small, large), watches, strict=True):
                with watch.work(100):
                    for _ in range(100):
                        page = await store.find(query)
                assert len(page.items) == USER_ORDERS
    return [
        ratio(
            f"one user's orders, {many:,} / {few:,} others",
            watches[1].runs,
            watches[0].runs,
            at_most=USER_MOST,
            detail=f"memory; {USER_ORDERS} orders of the user",
        )
    ]


async def _save(store: OrderStore, orders: Iterator[Order] | Sequence[Order]) -> None:
    for batch in _chunks(list(orders), 1_000):
        await store.save(batch)


def _chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (items[start : start + size] for start in range(0, len(items), size))
