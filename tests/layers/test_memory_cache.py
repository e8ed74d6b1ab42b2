"""The cache and the window in memory keep the contracts of caches."""

from __future__ import annotations

import pytest

from pmstore.backends.memory import (
    MemoryCache,
    MemoryChannel,
    MemoryOrderStore,
    MemoryOutbox,
    MemoryTradeWindow,
)
from pmstore.models.order import Order
from pmstore.models.query import OrderQuery, TradeQuery
from pmstore.protocols import Backlog
from pmstore.storage.kinds import ORDERS
from pmstore.testing import ManualClock
from pmstore.testing.samples import START_MS, order, trade

clock = ManualClock()


def cache(max_records: int | None = 100, ttl_s: float = 3600.0) -> MemoryCache[str, Order]:
    return MemoryCache(
        ORDERS,
        max_records=max_records,
        ttl_s=ttl_s,
        mirror=MemoryOrderStore,
        now_s=lambda: clock.now_ms / 1000,
    )


async def held(orders: MemoryCache[str, Order], *keys: str) -> set[int]:
    return {one.version for one in (await orders.lookup(keys)).found.values()}


async def test_a_record_enters_under_the_token_of_its_miss() -> None:
    async with cache() as orders:
        found, token = await orders.lookup(["order_1"])
        assert found == {}
        assert await orders.put(token, [order(1)]) == {"order_1"}
        assert await held(orders, "order_1") == {1}
        assert await orders.put(token, [order(1, version=2)]) == frozenset(), "it is used up"


async def test_only_one_of_those_who_miss_holds_a_token() -> None:
    async with cache() as orders:
        first, second = [(await orders.lookup(["order_1"])).token for _ in range(2)]
        assert await orders.put(second, [order(1)]) == frozenset()
        assert await orders.put(first, [order(1)]) == {"order_1"}


@pytest.mark.parametrize("what", ["floor", "lease", "clear", "restart", "time"])
async def test_a_token_is_void_when_anything_happened_to_its_key(what: str) -> None:
    orders = cache()
    async with orders:
        token = (await orders.lookup(["order_1", "order_2"])).token
        match what:
            case "floor":
                await orders.floor([("order_1", 0)])
            case "lease":
                await orders.lease(["order_1"])
            case "clear":
                await orders.clear()
            case "restart":
                await orders.__aenter__()
            case "time":
                clock.move(60)
        assert await orders.put(token, [order(1)]) == frozenset()
        alone = what in ("floor", "lease")
        assert bool(await orders.put(token, [order(2)])) is alone, "its other key is untouched"


async def test_a_floor_drops_what_is_older_and_refuses_it() -> None:
    async with cache() as orders:
        token = await orders.lease(["order_1", "order_2"])
        await orders.put(token, [order(1, version=3), order(2, version=5)])
        await orders.floor([("order_1", 4), ("order_2", 4)])
        assert await held(orders, "order_1", "order_2") == {5}
        for version, kept in ((3, False), (4, True)):
            token = await orders.lease(["order_1"])
            assert bool(await orders.put(token, [order(1, version=version)])) is kept


async def test_what_was_longest_not_asked_for_goes_first() -> None:
    async with cache(max_records=2) as orders:
        for number in (1, 2):
            await orders.put(await orders.lease([f"order_{number}"]), [order(number)])
        await orders.lookup(["order_1"])
        await orders.put(await orders.lease(["order_3"]), [order(3)])
        found = (await orders.lookup(["order_1", "order_2", "order_3"])).found
        assert set(found) == {"order_1", "order_3"}


async def test_an_entry_is_as_old_as_its_token() -> None:
    async with cache(ttl_s=100) as orders:
        token = await orders.lease(["order_1", "order_2"])
        clock.move(4)
        await orders.put(token, [order(1)], max_age_s=5)
        await orders.put(token, [order(2)])
        clock.move(1)
        assert set((await orders.lookup(["order_1", "order_2"])).found) == {"order_2"}
        clock.move(95)
        assert await held(orders, "order_2") == set()


async def test_a_complete_cache_answers_lists_and_none_while_it_lacks_one() -> None:
    async with cache(max_records=None) as orders:
        assert await orders.find(OrderQuery()) is None
        token = await orders.begin_load()
        assert await orders.load(token, [order(1), order(2)])
        assert await orders.finish_load(token)
        page = await orders.find(OrderQuery())
        assert page is not None
        assert page.items == (order(1), order(2))
        await orders.floor([("order_2", 2)])
        assert await orders.find(OrderQuery()) is None
        _, token = await orders.lookup(["order_2"])
        await orders.put(token, [], absent=["order_2"])
        page = await orders.find(OrderQuery())
        assert page is not None
        assert page.items == (order(1),)


@pytest.mark.parametrize("floors", [[4], [4, 1]], ids=["once", "again-for-less"])
async def test_lists_show_what_is_older_than_what_was_believed_to_be_gone(
    floors: list[int],
) -> None:
    async with cache(max_records=None) as orders:
        load = await orders.begin_load()
        assert await orders.finish_load(load)
        for floor in floors:
            await orders.floor([("order_1", floor)])
            await orders.put((await orders.lookup(["order_1"])).token, [], absent=["order_1"])
        await orders.put((await orders.lookup(["order_1"])).token, [order(1)])
        page = await orders.find(OrderQuery())
        assert page is None or [one.id for one in page.items] == ["order_1"]


async def test_a_load_passes_over_what_was_touched_and_is_void_if_it_lacks_it() -> None:
    async with cache(max_records=None) as orders:
        token = await orders.begin_load()
        await orders.lookup(["order_1"])
        await orders.load(token, [order(1)])
        assert not await orders.finish_load(token)
        token = await orders.begin_load()
        await orders.put(await orders.lease(["order_1"]), [order(1, version=2)])
        await orders.load(token, [order(1)])
        assert await orders.finish_load(token)
        assert await held(orders, "order_1") == {2}


async def test_a_window_answers_what_it_can_prove() -> None:
    async with MemoryTradeWindow(4) as window:
        token = await window.lease()
        await window.put(token, [trade(number) for number in range(5, 9)])
        assert await window.find(TradeQuery(limit=2)) is None, "it is not complete yet"
        assert await window.complete(token, (START_MS + 5, 5))
        page = await window.find(TradeQuery(limit=3))
        assert page is not None
        assert [one.trade_id for one in page.items] == [8, 7, 6]
        assert await window.find(TradeQuery(limit=4)) is None, "older ones may be in the truth"
        page = await window.find(TradeQuery(start_ms=START_MS + 6))
        assert page is not None
        assert page.next is None
        await window.put(token, [trade(2)])
        assert await window.find(TradeQuery(limit=4)) is None
        await window.clear()
        assert not await window.put(token, [trade(9)])
        assert await window.find(TradeQuery(limit=1)) is None


async def test_a_window_that_holds_all_answers_anything() -> None:
    async with MemoryTradeWindow(4) as window:
        assert await window.complete(await window.lease(), None)
        await window.put(await window.lease(), [trade(1)])
        page = await window.find(TradeQuery(user_id="nobody"))
        assert page is not None
        assert page.items == ()


async def test_notes_are_kept_for_each_reader_and_forgotten_one_by_one() -> None:
    outbox: MemoryOutbox[str] = MemoryOutbox(clock)
    outbox.write([("a", 1)])
    assert await outbox.keep("one")
    assert not await outbox.keep("one")
    outbox.write([("a", 2), ("b", 1)])
    await outbox.keep("two")
    outbox.write([("c", 1)])
    clock.move(2)
    notes = await outbox.notes("one", 10)
    assert [(note.key, note.least) for note in notes] == [("a", 2), ("b", 1), ("c", 1)]
    assert await outbox.backlog("one") == Backlog(depth=3, lag_s=2.0)
    await outbox.forget("one", notes[1:2], everything=True)
    assert [note.key for note in await outbox.notes("one", 10)] == ["a", "c", None]
    await outbox.bury("one", notes[:1], "too old")
    (dead,) = await outbox.notes("one", 10, dead=True)
    assert (dead.key, dead.reason) == ("a", "too old")
    assert [note.key for note in await outbox.notes("two", 10)] == ["c"]
    assert await outbox.keep("one", False)
    assert await outbox.notes("one", 10) == await outbox.notes("one", 10, dead=True) == []


async def test_messages_come_to_everybody_in_one_order_and_a_loss_is_told() -> None:
    channel = MemoryChannel()
    async with channel.subscribe() as one, channel.subscribe() as other:
        await channel.publish(["a", "b"])
        await channel.publish(["c"])
        for subscription in (one, other):
            assert [await subscription.receive() for _ in range(3)] == ["a", "b", "c"]
        await channel.publish(["x"] * 9_000)
        await channel.publish(["y"] * 9_000)
        assert await one.receive() is None
        assert await one.receive() == "y"
