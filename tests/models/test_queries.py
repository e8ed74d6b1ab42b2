"""The everyday questions ask a real store, page by page."""

from __future__ import annotations

import attrs
import pytest

import pmstore
from pmstore import queries
from pmstore.backends.memory import MemoryCache, MemoryOrderStore, MemoryTradeStore
from pmstore.errors import InvalidQuery
from pmstore.models.order import Order, Side
from pmstore.models.query import LIMIT_MAX, OrderQuery, TradeQuery
from pmstore.models.trade import Trade
from pmstore.storage.kinds import ORDERS as ORDER_KIND
from tests.codec.examples import ORDER, TRADE


def order(number: int) -> Order:
    return attrs.evolve(
        ORDER,
        id=f"o{number}",
        order_num=number,
        user_id=f"user_{number % 2}",
        side=Side.BUY if number % 3 else Side.SELL,
        version=1,
    )


ORDERS = [order(number) for number in range(1, 8)]


def trade(number: int) -> Trade:
    return attrs.evolve(TRADE, trade_id=number, timestamp=1000 + number)


@pytest.mark.parametrize("limit", [1, 3, 7, 100])
async def test_all_walks_every_page(limit: int) -> None:
    async with MemoryOrderStore() as store:
        await store.save(ORDERS)
        assert [found async for found in queries.all(store, OrderQuery(limit=limit))] == ORDERS
    async with MemoryTradeStore() as trades:
        made = [trade(number) for number in range(7)]
        await trades.append(made)
        found = [item async for item in queries.all(trades, TradeQuery(limit=limit))]
        assert found == made[::-1]


async def test_all_goes_on_after_a_cursor() -> None:
    async with MemoryOrderStore() as store:
        await store.save(ORDERS)
        first = await store.find(OrderQuery(limit=2))
        rest = queries.all(store, OrderQuery(limit=2, after=first.next))
        assert [found async for found in rest] == ORDERS[2:]


async def test_nothing_there_is_nothing() -> None:
    async with MemoryOrderStore() as store:
        assert [found async for found in queries.all(store, OrderQuery())] == []


async def test_by_user_and_by_side() -> None:
    async with MemoryOrderStore() as store:
        await store.save(ORDERS)
        mine = [found.id async for found in queries.by_user(store, "user_1")]
        assert mine == ["o1", "o3", "o5", "o7"]
        selling = [found.id async for found in queries.by_side(store, Side.SELL)]
        assert selling == ["o3", "o6"]


async def test_by_user_is_not_cut_at_one_page() -> None:
    async with MemoryOrderStore() as store:
        many = [attrs.evolve(order(number), user_id="u") for number in range(LIMIT_MAX + 1)]
        await store.save(many)
        assert [found async for found in queries.by_user(store, "u")] == many


async def test_recent_trades_are_the_newest_first() -> None:
    async with MemoryTradeStore() as store:
        await store.append([trade(number) for number in range(5)])
        assert await queries.recent(store, 2) == (trade(4), trade(3))
        assert len(await queries.recent(store, 1000)) == 5
        with pytest.raises(InvalidQuery):
            await queries.recent(store, 0)


async def test_update_saves_one_order() -> None:
    async with MemoryOrderStore() as store:
        await queries.update(store, ORDERS[0])
        newer = attrs.evolve(ORDERS[0], price=1, version=2)
        await queries.update(store, newer)
        assert await store.get(["o1"]) == {"o1": newer}


async def test_remove_takes_the_version_that_is_there() -> None:
    async with MemoryOrderStore() as store:
        await queries.update(store, attrs.evolve(ORDERS[0], version=9))
        assert await queries.remove(store, "o1")
        assert await store.get(["o1"]) == {}
        assert not await queries.remove(store, "o1")
        await queries.update(store, attrs.evolve(ORDERS[0], version=9))
        assert await store.get(["o1"]) == {}


class SavesInBetween(MemoryOrderStore):
    """A store in which another client saves between a `get` and what follows it."""

    async def get(self, ids: object, /, **options: object) -> dict[str, Order]:
        found = await super().get(ids, **options)  # type: ignore[arg-type]
        await self.save(
            [attrs.evolve(value, version=value.version + 1) for value in found.values()]
        )
        return found


async def test_a_newer_version_saved_meanwhile_lives() -> None:
    async with SavesInBetween() as store:
        await queries.update(store, ORDERS[0])
        assert not await queries.remove(store, "o1")
        assert (await MemoryOrderStore.get(store, ["o1"]))["o1"].version == 2


async def test_what_the_truth_says_is_asked_alike_of_a_stack_and_of_a_single_store() -> None:
    truth = MemoryOrderStore()
    async with pmstore.layered(MemoryCache(ORDER_KIND), truth) as stack:
        await stack.save(ORDERS)
        assert await queries.fresh(stack, ["o1", "absent"]) == {"o1": ORDERS[0]}
        assert await queries.fresh(truth, ["o1", "absent"]) == {"o1": ORDERS[0]}


async def test_a_fresh_answer_is_the_truth_s_where_a_cache_is_older() -> None:
    truth = MemoryOrderStore()
    options = pmstore.LayerOptions(cache_max_age_s=3600)
    async with pmstore.layered(MemoryCache(ORDER_KIND), truth, options=options) as stack:
        await stack.save(ORDERS[:1])
        newer = attrs.evolve(ORDERS[0], version=2)
        await truth.save([newer])  # as another process does
        assert await queries.fresh(stack, ["o1"]) == {"o1": newer}
