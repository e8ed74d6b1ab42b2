"""Shards that share stores each see, write and keep the place of their own records alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pmengine.processes.layout import Layout
from pmengine.services.history_stores import HistoryStores, Written
from pmengine.services.log import STORE_STREAM
from pmengine.services.shown_history import HistoryStacks
from pmstore import (
    CASH,
    Balance,
    BalanceQuery,
    Event,
    EventQuery,
    Market,
    MatchType,
    Order,
    OrderQuery,
    OrderStatus,
    OrderType,
    Position,
    Side,
    Symbol,
    Trade,
    TradeQuery,
    open_account_store,
    open_event_store,
    open_order_store,
    open_trade_store,
)
from pmstore.queries import all as all_of

SHARDS = 2
LAYOUT = Layout(generation=1, shards=SHARDS)
NOW_MS = 1_704_110_400_000


def order(number: int) -> Order:
    """Of the event of that number."""
    return Order(
        id=f"o{number}",
        symbol=Symbol(number, 1, f"yes-{number}"),
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        quantity=100,
        status=OrderStatus.NEW,
        filled_quantity=0,
        remaining_quantity=100,
        price=5_000,
        timestamp=NOW_MS,
        user_id="ann",
        order_num=number,
        version=1,
    )


def trade(number: int) -> Trade:
    symbol = Symbol(number, 1, f"yes-{number}")
    return Trade(
        trade_id=number,
        match_type=MatchType.NORMAL,
        taker_order_id=f"t{number}",
        maker_order_id=f"m{number}",
        taker_user_id="ann",
        maker_user_id="bob",
        symbol=symbol,
        maker_symbol=symbol,
        side=Side.BUY,
        maker_side=Side.SELL,
        price=5_000,
        maker_price=5_000,
        quantity=100,
        timestamp=NOW_MS + number,
        taker_is_bid=True,
    )


def event(number: int) -> Event:
    tokens = (f"yes-{number}", f"no-{number}")
    return Event(event_id=number, markets={1: Market(market_id=1, token_ids=tokens)})


@pytest.fixture(params=["memory", "sqlite"])
async def shared(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[HistoryStacks]:
    url = {"memory": "memory://", "sqlite": f"sqlite:///{tmp_path}/pm.db"}[request.param]
    async with (
        open_order_store(url) as orders,
        open_trade_store(url) as trades,
        open_account_store(url) as accounts,
        open_event_store(url) as events,
    ):
        await events.save([(event(number), 1) for number in range(10)])
        await orders.save([order(number) for number in range(10)])
        await trades.append([trade(number) for number in range(10)])
        yield HistoryStacks(orders=orders, trades=trades, accounts=accounts, events=events)


@pytest.mark.parametrize("limit", [1, 2, 3, 1000])
async def test_a_walk_through_any_pages_finds_own_records_once(
    shared: HistoryStacks, limit: int
) -> None:
    for shard in range(SHARDS):
        own = LAYOUT.ownership(shard).stacks(shared)
        numbers = list(range(shard, 10, SHARDS))
        orders = [one.order_num async for one in all_of(own.orders, OrderQuery(limit=limit))]
        assert orders == numbers
        trades = [one.trade_id async for one in all_of(own.trades, TradeQuery(limit=limit))]
        assert trades == numbers[::-1]
        events = [one.event_id async for one in all_of(own.events, EventQuery(limit=limit))]
        assert events == numbers


async def test_the_newest_trade_of_a_shard_is_found_behind_those_of_others(
    shared: HistoryStacks,
) -> None:
    for number in range(11, 31, 2):
        await shared.trades.append([trade(number)])
    own = LAYOUT.ownership(0).stacks(shared)
    page = await own.trades.find(TradeQuery(limit=1))
    assert [one.trade_id for one in page.items] == [8]


async def test_cash_is_a_row_for_each_shard_and_tokens_are_those_of_its_events(
    shared: HistoryStacks,
) -> None:
    stacks = [LAYOUT.ownership(shard).stacks(shared) for shard in range(SHARDS)]
    for shard, own in enumerate(stacks):
        rows = [
            Balance("ann", CASH, 100 + shard, 0, 1),
            Balance("ann", f"yes-{shard}", 7, 0, 1),
        ]
        await own.accounts.save(rows)
    for shard, own in enumerate(stacks):
        found = await own.accounts.get([("ann", CASH), ("ann", "yes-0")])
        assert found["ann", CASH].available == 100 + shard
        walked = [row async for row in all_of(own.accounts, BalanceQuery(limit=1))]
        assert [(row.asset, row.available) for row in walked] == [
            (CASH, 100 + shard),
            (f"yes-{shard}", 7),
        ]
        page = await own.accounts.find(BalanceQuery(asset=CASH))
        assert [row.available for row in page.items] == [100 + shard]
    rows = [row async for row in all_of(shared.accounts, BalanceQuery())]
    assert {row.asset: row.available for row in rows} == {
        "cash": 100,
        "cash@1": 101,
        "yes-0": 7,
        "yes-1": 7,
    }


async def test_each_shard_has_a_position_of_its_own(shared: HistoryStacks) -> None:
    stacks = [LAYOUT.ownership(shard).stacks(shared) for shard in range(SHARDS)]
    stores = [HistoryStores(own.orders, own.trades, own.accounts, own.events) for own in stacks]
    await stores[1].write(Written(orders=[order(11)]), Position(5, 0))
    assert (await stores[0].standing()).positions == []
    assert set((await stores[1].standing()).positions) == {Position(5, 0)}
    whole = HistoryStores(shared.orders, shared.trades, shared.accounts, shared.events)
    assert (await whole.standing()).positions == [], f"nobody followed a whole {STORE_STREAM}"
