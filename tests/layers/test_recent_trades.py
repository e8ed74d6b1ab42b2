"""Recent trades: the window answers what it can prove, the truth everything else."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from pmstore.backends.memory import MemoryTradeStore
from pmstore.errors import InvalidQuery, StoreUnavailable, WriteOutcome
from pmstore.layers import recent_trades
from pmstore.models.query import Page, TradeQuery
from pmstore.models.trade import Trade
from pmstore.protocols import Limits
from pmstore.testing import Rig, conformance, trade_store_clauses
from pmstore.testing.samples import START_MS, trade

test_small_window = conformance(
    trade_store_clauses,
    Rig(open=lambda place: recent_trades(MemoryTradeStore(recent=7), MemoryTradeStore())),
)
test_large_window = conformance(
    trade_store_clauses,
    Rig(open=lambda place: recent_trades(MemoryTradeStore(recent=1500), MemoryTradeStore())),
)
test_window_with_small_batches = conformance(
    trade_store_clauses,
    Rig(
        open=lambda place: recent_trades(
            MemoryTradeStore(recent=50, limits=Limits(batch_size_max=3)), MemoryTradeStore()
        )
    ),
)


class Counted(MemoryTradeStore):
    """Counts its finds, and fails as it is told: before, after, or never answering."""

    finds = 0
    fails = ""

    async def find(self, query: TradeQuery, /) -> Page[Trade]:
        self.finds += 1
        if self.fails == "find":
            raise StoreUnavailable("switched off", outcome=WriteOutcome.NOT_APPLIED)
        return await super().find(query)

    async def append(self, trades: Sequence[Trade], /) -> None:
        if self.fails == "before":
            raise StoreUnavailable("switched off", outcome=WriteOutcome.NOT_APPLIED)
        await super().append(trades)
        if self.fails == "after":
            raise StoreUnavailable("no answer")
        if self.fails == "never":
            await asyncio.get_running_loop().create_future()


async def tape(store: object, limit: int = 3) -> list[int]:
    page = await store.find(TradeQuery(limit=limit))  # type: ignore[attr-defined]
    return [one.trade_id for one in page.items]


async def test_the_window_is_filled_from_the_truth_at_opening() -> None:
    truth = Counted()
    async with truth:
        await truth.append([trade(number) for number in range(2500)])
    async with recent_trades(MemoryTradeStore(recent=1200), truth) as store:
        truth.finds = 0
        found: list[int] = []
        after: str | None = None
        for _ in range(11):
            page = await store.find(TradeQuery(limit=100, after=after))
            found += [one.trade_id for one in page.items]
            after = page.next
        assert found == list(range(2499, 1399, -1))
        assert truth.finds == 0


async def test_what_the_window_proves_costs_the_truth_nothing() -> None:
    truth = Counted()
    async with recent_trades(MemoryTradeStore(recent=10), truth) as store:
        await store.append([trade(number) for number in range(8)])
        truth.finds = 0
        # The window holds all there is, so it answers anything.
        assert await tape(store, 100) == [7, 6, 5, 4, 3, 2, 1, 0]
        assert (await store.find(TradeQuery(user_id="nobody"))).items == ()
        assert truth.finds == 0
        await store.append([trade(number) for number in range(8, 20)])
        assert await tape(store, 9) == list(range(19, 10, -1))
        mine = await store.find(TradeQuery(user_id="user_1", limit=2))
        assert [one.trade_id for one in mine.items] == [19, 16]
        assert truth.finds == 0


async def test_what_the_window_cannot_prove_is_asked_of_the_truth() -> None:
    truth = Counted()
    async with recent_trades(MemoryTradeStore(recent=10), truth) as store:
        await store.append([trade(number) for number in range(20)])
        for query, wanted in (
            (TradeQuery(limit=10), list(range(19, 9, -1))),
            (TradeQuery(limit=100), list(range(19, -1, -1))),
            (TradeQuery(user_id="user_1", limit=5), [19, 16, 13, 10, 7]),
            (TradeQuery(order_id="order_2"), [5, 4, 2]),
            (TradeQuery(end_ms=START_MS + 5, limit=2), [4, 3]),
        ):
            truth.finds = 0
            found = (await store.find(query)).items
            assert [one.trade_id for one in found] == wanted
            assert truth.finds == 1


async def test_pages_go_on_in_the_truth_when_the_window_has_moved_on() -> None:
    async with recent_trades(MemoryTradeStore(recent=10), MemoryTradeStore()) as store:
        # Four trades a millisecond: the truth is asked from the millisecond on.
        held = [trade(number, timestamp=START_MS + number // 4) for number in range(40)]
        await store.append(held)
        page = await store.find(TradeQuery(limit=6))
        assert [one.trade_id for one in page.items] == [39, 38, 37, 36, 35, 34]
        await store.append([trade(number) for number in range(100, 120)])
        found: list[int] = []
        while page.next is not None:
            page = await store.find(TradeQuery(limit=6, after=page.next))
            found += [one.trade_id for one in page.items]
        assert found == list(range(33, -1, -1))


@pytest.mark.parametrize("fails", ["after", "never"])
async def test_a_write_of_unknown_outcome_is_not_missing_from_the_tape(fails: str) -> None:
    truth = Counted()
    async with recent_trades(MemoryTradeStore(recent=10), truth) as store:
        await store.append([trade(1), trade(2)])
        truth.fails = fails
        writing = asyncio.ensure_future(store.append([trade(3)]))
        await asyncio.sleep(0)
        writing.cancel()
        with pytest.raises((StoreUnavailable, asyncio.CancelledError)):
            await writing
        truth.fails = ""
        assert await tape(store) == [3, 2, 1]
        truth.finds = 0
        assert await tape(store) == [3, 2, 1]
        assert truth.finds == 0, "the window was filled anew and is asked again"


async def test_a_refused_write_leaves_the_window_trusted() -> None:
    truth = Counted()
    async with recent_trades(MemoryTradeStore(recent=10), truth) as store:
        await store.append([trade(1)])
        truth.fails = "before"
        with pytest.raises(StoreUnavailable):
            await store.append([trade(2)])
        truth.finds = 0
        assert await tape(store) == [1]
        assert truth.finds == 0


@pytest.mark.parametrize("fails", ["before", "after", "find"])
async def test_a_window_that_fails_is_no_error(fails: str) -> None:
    cache = Counted(recent=10)
    async with recent_trades(cache, MemoryTradeStore()) as store:
        await store.append([trade(1)])
        cache.fails = fails
        await store.append([trade(2)])
        assert await tape(store) == [2, 1]
        cache.fails = ""
        assert await tape(store) == [2, 1]


async def test_a_truth_that_fails_is_an_error_and_never_an_empty_page() -> None:
    truth = Counted()
    async with recent_trades(MemoryTradeStore(recent=2), truth) as store:
        await store.append([trade(1), trade(2), trade(3)])
        truth.fails = "find"
        with pytest.raises(StoreUnavailable):
            await store.find(TradeQuery(user_id="nobody"))


async def test_opening_without_the_truth_closes_what_was_opened() -> None:
    cache, truth = Counted(recent=2), Counted()
    truth.fails = "find"
    with pytest.raises(StoreUnavailable):
        async with recent_trades(cache, truth):
            pass
    for store in (cache, truth):
        store.fails = ""
        with pytest.raises(Exception, match="closed"):
            await store.find(TradeQuery())


def test_a_cache_without_a_stated_window_is_refused() -> None:
    with pytest.raises(InvalidQuery, match="newest trades"):
        recent_trades(MemoryTradeStore(), MemoryTradeStore())
