"""A write that was cut off, or whose outcome is unknown, leaves no cache that denies it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from pmstore.backends.memory import (
    MemoryAccountStore,
    MemoryCache,
    MemoryEventStore,
    MemoryOrderStore,
    MemoryTradeStore,
    MemoryTradeWindow,
)
from pmstore.errors import StoreUnavailable
from pmstore.layers import LayerOptions, Placed, layered
from pmstore.models.position import Position
from pmstore.models.query import TradeQuery
from pmstore.protocols.store import Limits
from pmstore.storage.kinds import ACCOUNTS, EVENTS, ORDERS
from pmstore.testing.samples import balance, event, order, trade

SLOW = LayerOptions(relay_every_s=40, cache_max_age_s=100, attempts=1)
"""The relay brings nothing while a test runs: only the writer itself can know."""
QUICK = LayerOptions(relay_every_s=0.005, cache_max_age_s=0.5, attempts=1)
AT = Position(1, 0)


class CutOff:
    """A truth whose next write takes effect, and is answered by an error, or never."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self.how = ""
        self.finds = 0
        self.loads = 0

    async def __aenter__(self) -> CutOff:
        await self._store.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._store.__aexit__(*error)

    def __getattr__(self, name: str) -> Any:
        verb = getattr(self._store, name)
        self.finds += name == "find"
        self.loads += name == "load"
        if name not in ("save", "save_noted", "remove", "append", "apply") or not self.how:
            return verb

        async def call(*given: Any, **named: Any) -> Any:
            await verb(*given, **named)
            how, self.how = self.how, ""
            if how == "unanswered":
                await asyncio.get_running_loop().create_future()
            raise StoreUnavailable("no answer")

        return call


async def cut_off(truth: CutOff, how: str, call: Awaitable[object]) -> None:
    """Have *call* take effect in *truth* without saying so."""
    truth.how = how
    task = asyncio.ensure_future(call)
    async with asyncio.timeout(60):
        while truth.how:
            await asyncio.sleep(0)
    if how == "unanswered":
        task.cancel()
    with pytest.raises((StoreUnavailable, asyncio.CancelledError)):
        await task


def noted(store: Any) -> CutOff:
    return CutOff(store)


class Unnoted(CutOff):
    """One that has no outbox either."""

    def __getattr__(self, name: str) -> Any:
        if name in ("outbox", "channel", "save_noted", "load"):
            raise AttributeError(name)
        return super().__getattr__(name)


hows = pytest.mark.parametrize("how", ["unanswered", "failed"])
truths = pytest.mark.parametrize("made", [noted, Unnoted])


def over(cache: Any, truth: Any, *, shared: bool, options: LayerOptions = SLOW) -> Any:
    placed = [Placed(store=cache, name="cache", shared=shared)]
    return layered(placed, truth, options=options)


@hows
@truths
@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("verb", ["save", "remove", "apply"])
async def test_an_order_is_read_as_a_cut_off_write_left_it(
    how: str, made: Callable[[Any], CutOff], shared: bool, verb: str
) -> None:
    truth = made(MemoryOrderStore())
    async with over(MemoryCache(ORDERS), truth, shared=shared) as orders:
        await orders.save([order(1), order(2)])
        assert await orders.get(["order_1"]) == {"order_1": order(1)}
        new = order(1, version=2)
        calls = {
            "save": lambda: orders.save([new]),
            "remove": lambda: orders.remove([("order_1", 1)]),
            "apply": lambda: orders.apply([new], source="log", position=AT),
        }
        await cut_off(truth, how, calls[verb]())
        wanted = {} if verb == "remove" else {"order_1": new}
        assert await orders.get(["order_1"]) == wanted
        assert await orders.get(["order_1", "order_2"]) == wanted | {"order_2": order(2)}


@hows
async def test_accounts_and_events_are_read_as_a_cut_off_write_left_them(how: str) -> None:
    accounts_truth, events_truth = noted(MemoryAccountStore()), noted(MemoryEventStore())
    async with (
        over(MemoryCache(ACCOUNTS), accounts_truth, shared=False) as accounts,
        over(MemoryCache(EVENTS), events_truth, shared=False) as events,
    ):
        old, new = balance("user_1", "cash", 1), balance("user_1", "cash", 2)
        await accounts.save([old])
        await cut_off(accounts_truth, how, accounts.save([new]))
        assert await accounts.get([("user_1", "cash")]) == {("user_1", "cash"): new}
        old_event, new_event = event(1), event(1, markets={})
        await events.save([(old_event, 1)])
        id = old_event.event_id
        assert await events.get([id]) == {id: old_event}
        await cut_off(events_truth, how, events.save([(new_event, 2)]))
        assert await events.get([id]) == {id: new_event}


@hows
async def test_after_a_round_of_the_relay_the_order_is_cached_again(how: str) -> None:
    truth = noted(MemoryOrderStore())
    async with over(MemoryCache(ORDERS), truth, shared=False, options=QUICK) as orders:
        await orders.save([order(1)])
        await cut_off(truth, how, orders.save([order(1, version=2)]))
        async with asyncio.timeout(60):
            while True:
                loads = truth.loads
                assert await orders.get(["order_1"]) == {"order_1": order(1, version=2)}
                if truth.loads == loads:
                    break
                await asyncio.sleep(0.002)


async def test_more_cut_off_writes_than_are_counted_leave_no_cache_that_is_read() -> None:
    truth = noted(MemoryOrderStore())
    few = LayerOptions(relay_every_s=40, cache_max_age_s=100, attempts=1, notes_max=2)
    async with over(MemoryCache(ORDERS), truth, shared=False, options=few) as orders:
        await orders.save([order(number) for number in range(5)])
        for number in range(5):
            await cut_off(truth, "failed", orders.save([order(number, version=2)]))
        ids = [f"order_{number}" for number in range(5)]
        assert {one.version for one in (await orders.get(ids)).values()} == {2}


async def tape(trades: Any, limit: int = 2) -> list[int]:
    return [one.trade_id for one in (await trades.find(TradeQuery(limit=limit))).items]


@hows
@truths
@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("verb", ["append", "apply"])
async def test_the_tape_has_what_a_cut_off_write_left(
    how: str, made: Callable[[Any], CutOff], shared: bool, verb: str
) -> None:
    truth = made(MemoryTradeStore())
    async with over(MemoryTradeWindow(7), truth, shared=shared) as trades:
        await trades.append([trade(1), trade(2)])
        assert await tape(trades) == [2, 1]
        batch = [trade(3), trade(4)]
        calls = {
            "append": lambda: trades.append(batch),
            "apply": lambda: trades.apply(batch, source="log", position=AT),
        }
        await cut_off(truth, how, calls[verb]())
        assert await tape(trades) == [4, 3]
        await trades.append([trade(5)])
        assert await tape(trades, 3) == [5, 4, 3]


class Gated(MemoryTradeStore):
    """Holds back every find after the first few, while it is told so."""

    def __init__(self) -> None:
        super().__init__()
        self.passes = -1
        self.gate = asyncio.Event()

    async def find(self, query: TradeQuery, /) -> Any:
        page = await super().find(query)
        if self.passes == 0:
            await self.gate.wait()
        self.passes -= self.passes > 0
        return page


@pytest.mark.parametrize("size", [10_000, 700])
async def test_a_window_never_shows_a_part_of_what_others_appended(size: int) -> None:
    truth = Gated()
    window = MemoryTradeWindow(5000, limits=Limits(batch_size_max=size))
    async with layered(window, truth, options=QUICK) as trades:
        await trades.append([trade(0)])
        truth.passes = 1
        await truth.append([trade(number) for number in range(1, 2500)])
        for _ in range(20):
            page = await window.find(TradeQuery(limit=1))
            assert page is None or page.items[0].trade_id in (0, 2499)
            if page is not None and page.items[0].trade_id == 2499:
                assert page.next is not None
            await asyncio.sleep(0.002)
        truth.gate.set()
        truth.passes = -1
        async with asyncio.timeout(30):
            while True:
                page = await window.find(TradeQuery(start_ms=trade(0).timestamp, limit=1000))
                if page is not None and page.items[0].trade_id != 0:
                    break
                await asyncio.sleep(0.002)
        found: list[int] = []
        below: tuple[int, int] | None = None
        while page is not None:
            found += [one.trade_id for one in page.items]
            if page.next is None:
                break
            below = (page.items[-1].timestamp, page.items[-1].trade_id)
            page = await window.find(TradeQuery(limit=1000), below=below)
        assert found == list(range(2499, -1, -1))


async def test_a_window_is_filled_with_what_there_was_at_one_moment() -> None:
    class Late(MemoryTradeStore):
        """While its first page is read, somebody appends a batch on both sides of its end."""

        late = True

        async def find(self, query: TradeQuery, /) -> Any:
            page = await super().find(query)
            if self.late:
                self.late = False
                await self.append([trade(500), trade(2500)])
            return page

    truth = Late()
    async with truth:
        await truth.append([trade(number) for number in range(2000) if number != 500])
    window = MemoryTradeWindow(5000)
    async with layered(window, truth, options=SLOW):
        page = await window.find(TradeQuery(limit=1))
        assert page is not None
        assert page.items[0].trade_id == 2500
