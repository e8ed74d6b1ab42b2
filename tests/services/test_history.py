"""History follows the log on its own, and an outage of its stores delays nothing but itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import attrs
import pytest

from pmengine.commands import AddOneEvent, Command, NewMarket, RemoveOneEvent
from pmengine.services import outages
from pmengine.services.history import History
from pmengine.services.log import STORE_STREAM, Log
from pmstore import (
    START,
    AccountStore,
    Applied,
    Event,
    EventStore,
    Order,
    OrderQuery,
    OrderStatus,
    OrderStore,
    Position,
    SnapshotStore,
    StoreUnavailable,
    Stream,
    Trade,
    TradeQuery,
    TradeStore,
    open_account_store,
    open_event_store,
    open_order_store,
    open_trade_store,
)
from pmstore.backends.memory import (
    MemoryOrderStore,
    MemorySnapshotStore,
    MemoryStream,
    MemoryTradeStore,
)
from pmstore.queries import all as all_of
from pmstore.testing import ManualClock
from tests.services.rig import (
    DEADLINE_S,
    NOW_MS,
    batches_of,
    engine_on,
    flow,
    recover_on,
    resuming_on,
    store_on,
)

OPEN = {OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED}


class FailingTrades(MemoryTradeStore):
    """A store of trades that does not answer when the next changes are applied."""

    failures = 0

    async def apply(
        self, changes: Sequence[Trade], /, *, source: str, position: Position
    ) -> Applied:
        if self.failures:
            self.failures -= 1
            raise StoreUnavailable("no answer")
        return await super().apply(changes, source=source, position=position)


class FailingOrders(MemoryOrderStore):
    """A store of orders that does not answer when the next changes are applied."""

    failures = 0

    async def apply(
        self, changes: Sequence[Order], /, *, source: str, position: Position
    ) -> Applied:
        if self.failures:
            self.failures -= 1
            raise StoreUnavailable("no answer")
        return await super().apply(changes, source=source, position=position)


@attrs.frozen
class Stores:
    """What a history fills, open."""

    orders: OrderStore
    trades: TradeStore
    accounts: AccountStore
    events: EventStore


@asynccontextmanager
async def history_over(
    stream: Stream, snapshots: SnapshotStore, stores: Stores
) -> AsyncIterator[History]:
    """A history that runs on the log *stream* and fills *stores*."""
    history = History(
        Log(stream),
        orders=stores.orders,
        trades=stores.trades,
        accounts=stores.accounts,
        events=stores.events,
        resuming=await resuming_on(stream, snapshots),
    )
    task = asyncio.create_task(history.run())
    try:
        yield history
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def history_on(
    stream: Stream, snapshots: SnapshotStore, trades: TradeStore | None = None
) -> AsyncIterator[History]:
    """A history that runs on the log *stream*, from the oldest of *snapshots*."""
    async with (
        open_order_store("memory://") as orders,
        trades or open_trade_store("memory://") as kept,
        open_account_store("memory://") as accounts,
        open_event_store("memory://") as events,
    ):
        stores = Stores(orders, kept, accounts, events)
        async with history_over(stream, snapshots, stores) as history:
            yield history


async def trades_on(stream: Stream) -> dict[int, Trade]:
    return {
        fact.trade_id: fact
        for _, batch in await batches_of(stream)
        for fact in batch.changes
        if isinstance(fact, Trade)
    }


@pytest.mark.parametrize("failures", [0, 3])
async def test_the_stores_hold_every_order_trade_balance_and_event(
    failures: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outages, "RETRY_S_MIN", 0.0)
    trades = FailingTrades()
    trades.failures = failures
    async with (
        MemoryStream(clock=ManualClock(NOW_MS)) as log,
        MemorySnapshotStore() as snapshots,
        engine_on(log, snapshots) as engine,
        history_on(log, snapshots, trades) as history,
    ):
        for start in range(0, 300, 60):
            await engine.take(flow(start, start + 60))
        async with asyncio.timeout(DEADLINE_S):
            await history.reached(engine.service.place.number)
        assert trades.failures == 0
        expected = await trades_on(log)
        kept = {one.trade_id: one async for one in all_of(history.trades, TradeQuery())}
        assert kept == expected
        assert kept
        state = engine.state
        orders = {one.id: one async for one in all_of(history.orders, OrderQuery())}
        assert {key: orders[key] for key in state.orders} == state.orders
        filled: dict[str, int] = {}
        for trade in kept.values():
            for order_id in (trade.taker_order_id, trade.maker_order_id):
                filled[order_id] = filled.get(order_id, 0) + trade.quantity
        assert all(one.filled_quantity == filled.get(one.id, 0) for one in orders.values())
        ended = [one for one in orders.values() if one.id not in state.orders]
        assert {one.status for one in ended} == {OrderStatus.FILLED, OrderStatus.CANCELLED}
        rows = [row for rows in state.balances.values() for row in rows.values()]
        found = await history.accounts.get([(row.user_id, row.asset) for row in rows])
        assert sorted(found) == sorted((row.user_id, row.asset) for row in rows)
        assert all(found[row.user_id, row.asset] == row for row in rows)
        assert (await history.events.get(list(state.events))).keys() == state.events.keys()


async def test_it_begins_at_the_oldest_snapshot_and_writes_nothing_twice() -> None:
    async with (
        MemoryStream(clock=ManualClock(NOW_MS)) as log,
        MemorySnapshotStore() as snapshots,
        engine_on(log, snapshots) as engine,
        MemoryTradeStore() as trades,
    ):
        store = store_on(log, snapshots, await recover_on(log, snapshots))
        for start in range(0, 200, 50):
            await engine.take(flow(start, start + 50))
            await store.catch_up()
            if start:
                await store.save()
        number = engine.service.place.number
        expected = await trades_on(log)
        for _ in range(2):
            async with history_on(log, snapshots, trades) as history:
                async with asyncio.timeout(DEADLINE_S):
                    await history.reached(number)
                kept = [one async for one in all_of(trades, TradeQuery())]
                assert len(kept) == len({one.trade_id for one in kept})
                assert {one.trade_id for one in kept} <= expected.keys()
                orders = await history.orders.get(list(engine.state.orders))
                assert orders == engine.state.orders


async def test_an_event_that_was_removed_stays_as_a_shell_until_it_is_listed_again() -> None:
    listed = AddOneEvent(event_id=9, markets={1: NewMarket(("y9", "n9"))})
    async with (
        MemoryStream(clock=ManualClock(NOW_MS)) as log,
        MemorySnapshotStore() as snapshots,
        engine_on(log, snapshots) as engine,
        history_on(log, snapshots) as history,
    ):

        async def shown(commands: Sequence[Command]) -> Event:
            await engine.take(commands)
            async with asyncio.timeout(DEADLINE_S):
                await history.reached(engine.service.place.number)
            return (await history.events.get([9]))[9]

        assert (await shown([listed])).markets.keys() == {1}
        shell = await shown([RemoveOneEvent(event_id=9)])
        assert shell.removing
        assert not shell.markets
        again = await shown([listed])
        assert again.markets.keys() == {1}
        assert not again.removing


async def test_the_log_keeps_the_entry_that_lagging_stores_stand_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(outages, "RETRY_S_MIN", 0.0)
    trades = FailingTrades()
    async with (
        MemoryStream(clock=ManualClock(NOW_MS)) as log,
        MemorySnapshotStore() as snapshots,
        engine_on(log, snapshots) as engine,
        history_on(log, snapshots, trades) as history,
    ):
        found = await recover_on(log, snapshots)
        store = store_on(log, snapshots, found, slowest=lambda: history.needed_after)
        await engine.take(flow(0, 50))
        async with asyncio.timeout(DEADLINE_S):
            await history.reached(engine.service.place.number)
        stood_on = history.place
        trades.failures = 1_000_000
        for start in range(50, 200, 50):
            await engine.take(flow(start, start + 50))
            await store.catch_up()
            await store.save()
        ends = await Log(log).ends()
        assert ends is not None
        assert (ends[0][0].id, ends[0][1].number) == (stood_on.position, stood_on.number)
        trades.failures = 0
        async with asyncio.timeout(DEADLINE_S):
            await history.reached(engine.service.place.number)
        kept = {one.trade_id async for one in all_of(trades, TradeQuery())}
        assert kept == set(range(min(kept), max(kept) + 1, 1024))


async def test_the_slowest_store_sets_the_start_and_the_others_have_nothing_twice() -> None:
    orders, trades = FailingOrders(), MemoryTradeStore()
    async with (
        MemoryStream(clock=ManualClock(NOW_MS)) as log,
        MemorySnapshotStore() as snapshots,
        engine_on(log, snapshots) as engine,
        orders,
        trades,
        open_account_store("memory://") as accounts,
        open_event_store("memory://") as events,
    ):
        stores = Stores(orders, trades, accounts, events)
        await engine.take(flow(0, 120))
        async with history_over(log, snapshots, stores) as history, asyncio.timeout(DEADLINE_S):
            await history.reached(engine.service.place.number)
        orders.failures = 1_000_000
        await engine.take(flow(120, 300))
        last = (await batches_of(log))[-1][0].id
        async with history_over(log, snapshots, stores) as history, asyncio.timeout(DEADLINE_S):
            while orders.failures == 1_000_000:
                await asyncio.sleep(0)
        # A crash between two stores' writes has left them apart.
        assert (await trades.position(STORE_STREAM) or START) > START
        assert await orders.position(STORE_STREAM) != await trades.position(STORE_STREAM)
        orders.failures = 0
        async with history_over(log, snapshots, stores) as history, asyncio.timeout(DEADLINE_S):
            await history.reached(engine.service.place.number)
        assert await orders.position(STORE_STREAM) == last
        kept = [one async for one in all_of(trades, TradeQuery())]
        assert {one.trade_id: one for one in kept} == await trades_on(log)
        shown = {one.id: one async for one in all_of(orders, OrderQuery(statuses=OPEN))}
        assert shown == engine.state.orders
