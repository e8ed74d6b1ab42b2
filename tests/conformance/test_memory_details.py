"""What the memory backend promises beyond the contracts: eviction, indexes, URLs."""

from __future__ import annotations

import asyncio
import bisect
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmstore.backends.memory import (
    MemoryAccountStore,
    MemoryConsumers,
    MemoryLease,
    MemoryOrderStore,
    MemorySnapshotStore,
    MemoryStream,
    MemoryTradeStore,
    pmstore_backend,
)
from pmstore.backends.memory.ordered_keys import OrderedKeys
from pmstore.errors import InvalidQuery, InvalidRecord, SettingsError, StoreClosed
from pmstore.models.balance import Balance
from pmstore.models.order import ACTIVE_STATUSES, Order, OrderStatus, Side
from pmstore.models.position import START, Position
from pmstore.models.query import OrderQuery
from pmstore.models.trade import Trade
from pmstore.protocols import Coverage, Positioned
from pmstore.testing import ManualClock
from pmstore.testing.samples import order, symbol
from pmstore.url import parse_url

FILLED = OrderStatus.FILLED


async def numbers(store: MemoryOrderStore, query: OrderQuery | None = None) -> list[int]:
    return [one.order_num for one in (await store.find(query or OrderQuery(limit=1000))).items]


async def test_the_order_that_ended_first_goes_first() -> None:
    async with MemoryOrderStore(max_orders=3) as store:
        await store.save([order(number) for number in range(3)])
        await store.save([order(2, version=2, status=FILLED)])
        await store.save([order(0, version=2, status=FILLED)])
        await store.save([order(3)])
        assert await numbers(store) == [0, 1, 3]
        await store.save([order(4)])
        assert await numbers(store) == [1, 3, 4]


async def test_open_orders_never_go() -> None:
    async with MemoryOrderStore(max_orders=3) as store:
        await store.save([order(number) for number in range(10)])
        assert await numbers(store) == list(range(10))
        await store.save([order(20, status=FILLED)])
        assert await numbers(store) == list(range(10))
        assert await numbers(store, OrderQuery(user_id="user_2")) == [2, 5, 8]


async def test_an_order_that_went_does_not_come_back_open() -> None:
    clock = ManualClock()
    async with MemoryOrderStore(max_orders=1, clock=clock, tombstone_s=60) as store:
        await store.save([order(1)])
        await store.save([order(1, version=2, status=FILLED), order(2)])
        assert await numbers(store) == [2]
        await store.save([order(1)])
        assert await numbers(store) == [2]


async def test_an_order_that_opens_again_is_not_evicted() -> None:
    async with MemoryOrderStore(max_orders=1) as store:
        await store.save([order(1, status=FILLED)])
        await store.save([order(1, version=2)])
        await store.save([order(2)])
        assert await numbers(store) == [1, 2]


async def test_one_users_orders_cost_the_same_among_many() -> None:
    """The steps of a find do not grow with the orders of others."""

    async def steps(others: int) -> list[int]:
        async with MemoryOrderStore() as store:
            await store.save([order(10**6 + number, user_id="mine") for number in range(50)])
            for start in range(0, others, 10_000):
                await store.save([order(number) for number in range(start, start + 10_000)])
            return [
                await calls_of(store, question)
                for question in (
                    OrderQuery(user_id="mine"),
                    OrderQuery(user_id="mine", statuses=ACTIVE_STATUSES, limit=10),
                    OrderQuery(side=Side.BUY, limit=10),
                    OrderQuery(statuses=[FILLED]),
                    OrderQuery(limit=10),
                )
            ]

    # Lists are kept in chunks, so a question may touch one more.
    few, many = await steps(10_000), await steps(100_000)
    assert all(after <= before + 10 for before, after in zip(few, many, strict=True)), (few, many)


async def calls_of(store: MemoryOrderStore, question: OrderQuery) -> int:
    """How many calls, those of C functions and steps of generators too, a find makes."""
    count = 0

    def counting(*event: object) -> None:
        nonlocal count
        count += 1

    sys.setprofile(counting)
    try:
        await store.find(question)
    finally:
        sys.setprofile(None)
    return count


async def test_what_is_gone_leaves_nothing_in_the_indexes() -> None:
    async with MemoryOrderStore() as store:
        held = [order(number, client_order_id=f"c{number}") for number in range(2000)]
        await store.save(held)
        await store.remove([(one.id, 1) for one in held])
        index = store._index
        assert index._all == [None] * 4
        assert not index.by_user
        assert not index.by_symbol
        assert not index._by_client_order_id
        assert not index._symbols_of_event
        assert not index._symbols_of_token


async def test_old_tombstones_are_purged() -> None:
    clock = ManualClock()
    async with MemoryOrderStore(clock=clock, tombstone_s=60) as store:
        await store.remove([(f"order_{number}", 1) for number in range(2500)])
        clock.move(61)
        left = []
        for version in range(3):
            await store.remove([("order_new", version)])
            left.append(len(store._tombstones))
        # A thousand a write, and the new one stays.
        assert left == [1501, 501, 1]


async def test_a_window_needs_room_for_a_trade() -> None:
    with pytest.raises(InvalidQuery, match="recent is 0"):
        MemoryTradeStore(recent=0)


async def test_a_stream_begins_behind_its_start() -> None:
    clock = ManualClock(5)
    async with MemoryStream(start=Position(10, 3), clock=clock) as stream:
        assert await stream.bounds() is None
        assert await stream.append([b"a", b"b"]) == Position(10, 5)
        with pytest.raises(InvalidQuery, match="limit is 0"):
            await stream.read(START, 0)


async def test_a_lease_is_held_for_some_time() -> None:
    async with MemoryLease() as lease:
        for ttl_s in (0, -1, float("nan")):
            with pytest.raises(InvalidQuery, match="ttl_s"):
                await lease.acquire("engine", ttl_s)
        with pytest.raises(InvalidRecord):
            await lease.acquire("", 1)


async def test_a_consumer_reads_at_least_one_entry() -> None:
    async with MemoryStream() as stream, MemoryConsumers(stream) as consumers:
        with pytest.raises(InvalidQuery, match="limit is 0"):
            await consumers.read("group", "a", 0)
        with pytest.raises(InvalidQuery, match="limit is 0"):
            await consumers.reclaim("group", "a", 0, 0)
        with pytest.raises(InvalidRecord):
            await consumers.read("group", "", 1)
        assert await consumers.positions() == {}, "a refused read makes no group"


async def test_closed_groups_answer_nobody_who_waits() -> None:
    async with MemoryStream() as stream:
        async with MemoryConsumers(stream) as consumers:
            waiting = asyncio.ensure_future(consumers.read("group", "a", 1, 30))
            await asyncio.sleep(0)
        await stream.append([b"x"])
        with pytest.raises(StoreClosed):
            await waiting
        async with consumers:
            assert [entry.payload for entry in await consumers.read("group", "b", 1)] == [b"x"]


async def test_stores_of_records_are_positioned() -> None:
    orders: Positioned[Order] = MemoryOrderStore()
    trades: Positioned[Trade] = MemoryTradeStore()
    balances: Positioned[Balance] = MemoryAccountStore()
    for store in (orders, trades, balances):
        with pytest.raises(StoreClosed):
            await store.position("log")


async def test_pruning_everything_is_refused() -> None:
    async with MemorySnapshotStore() as store:
        with pytest.raises(InvalidQuery, match="keep is 0"):
            await store.prune(0)


def test_a_url_says_what_is_kept() -> None:
    backend = pmstore_backend()
    config = backend.config(parse_url("memory://?max_orders=5&recent=7&tombstone_s=1.5"))
    assert backend.contracts["orders"](config).coverage == Coverage(newest=0)
    assert backend.contracts["trades"](config).coverage == Coverage(newest=7)
    plain = backend.config(parse_url("memory://"))
    for contract in ("orders", "trades", "accounts", "events", "snapshots", "lease"):
        assert backend.contracts[contract](plain).coverage.is_all
    stream = backend.contracts["stream"](plain, "input")
    assert backend.contracts["consumers"](plain, stream).coverage.is_all
    for wrong in ("memory://?max_orders=0", "memory://?recent=many", "memory://?resent=5"):
        with pytest.raises(SettingsError):
            backend.config(parse_url(wrong))


@given(
    st.lists(
        st.tuples(st.booleans(), st.integers(0, 10_000)), min_size=1, max_size=300, unique=True
    ),
    st.integers(0, 10_000),
)
def test_ordered_keys_are_a_sorted_list(steps: list[tuple[bool, int]], probe: int) -> None:
    keys: OrderedKeys[tuple[int]] = OrderedKeys()
    # A long run first, so that the steps cut into many chunks.
    model = [(number,) for number in range(0, 6000, 2)]
    for key in model:
        keys.add(key)
    for adds, number in steps:
        if adds and (number,) not in model:
            keys.add((number,))
            bisect.insort(model, (number,))
        elif not adds and (number,) in model:
            keys.discard((number,))
            model.remove((number,))
    assert len(keys) == len(model)
    assert list(keys.above(None)) == model
    assert list(keys.below(None)) == model[::-1]
    assert list(keys.above((probe,))) == [key for key in model if key > (probe,)]
    assert list(keys.below((probe,))) == [key for key in reversed(model) if key < (probe,)]


def test_ordered_keys_bear_any_order_of_arrival() -> None:
    for order_of in (range(5000), range(4999, -1, -1), [n * 7 % 5000 for n in range(5000)]):
        keys: OrderedKeys[tuple[int]] = OrderedKeys()
        for number in order_of:
            keys.add((number,))
        assert list(keys.above(None)) == [(number,) for number in range(5000)]
        assert keys.first() == (0,)
        for number in order_of:
            keys.discard((number,))
        assert not keys
        assert list(keys.below(None)) == []
        keys.add((1,))
        assert list(keys.above((0,))) == [(1,)]


async def test_a_market_is_found_in_all_its_events() -> None:
    async with MemoryOrderStore() as store:
        await store.save([order(number, symbol=symbol(number)) for number in range(12)])
        assert await numbers(store, OrderQuery(market_id=3)) == [6, 7]
        assert await numbers(store, OrderQuery(event_id=1, user_id="user_0")) == [6]
        assert await numbers(store, OrderQuery(event_id=0, token_id="token_9")) == []
