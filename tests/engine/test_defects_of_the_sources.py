"""What the engine that this one replaces got wrong: each defect is a test named after it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from pmengine.commands import (
    AddOneEvent,
    CancelOrder,
    Command,
    Deposit,
    NewMarket,
    RemoveOneEvent,
    Split,
    SubmitOrder,
    Tick,
)
from pmengine.engine import Engine
from pmengine.facts import Outcome, Refusal
from pmengine.invariants import engine_violations
from pmengine.matching import Ladder, NaiveLadder
from pmstore import (
    CASH,
    MarketUpdateId,
    OrderCancelled,
    OrderType,
    OrderUpdated,
    Side,
    State,
    Symbol,
)
from tests.engine.listings import START_MS
from tests.engine.witnesses import through_the_file

YES, NO = Symbol(1, 1, "yes"), Symbol(1, 1, "no")


class Exchange:
    """One market, and two users with 1.00 of cash and 50 pairs each."""

    def __init__(self, engine: Engine, end_date: str | None = None) -> None:
        self.engine = engine
        self.time_ms = START_MS
        self.take(AddOneEvent(event_id=1, markets={1: NewMarket(("yes", "no"))}, end_date=end_date))
        self.take(AddOneEvent(event_id=2, markets={1: NewMarket(("up", "down"))}))
        for user_id in ("ann", "bob"):
            self.take(Deposit(id="d", user_id=user_id, amount=1_500_000))
            self.take(Split(id="s", user_id=user_id, event_id=1, market_id=1, quantity=50))

    def take(self, command: Command) -> Outcome:
        outcome = self.engine.handle(command, self.time_ms)
        assert engine_violations(self.engine) == []
        return outcome

    def buy(self, order_id: str, price: int, quantity: int = 10, **fields: Any) -> Outcome:
        return self.order(order_id, Side.BUY, price, quantity, **{"user_id": "ann", **fields})

    def sell(self, order_id: str, price: int, quantity: int = 10, **fields: Any) -> Outcome:
        return self.order(order_id, Side.SELL, price, quantity, **{"user_id": "bob", **fields})

    def order(
        self,
        order_id: str,
        side: Side,
        price: int,
        quantity: int,
        user_id: str,
        symbol: Symbol = YES,
    ) -> Outcome:
        return self.take(
            SubmitOrder(
                order_id=order_id,
                symbol=symbol,
                side=side,
                order_type=OrderType.LIMIT,
                user_id=user_id,
                quantity=quantity,
                price=price,
            )
        )

    def held(self, user_id: str, asset: str) -> tuple[int, int]:
        row = self.engine.state.balances.get(asset, {}).get(user_id)
        return (0, 0) if row is None else (row.available, row.frozen)


@pytest.fixture(params=[Ladder, NaiveLadder])
def exchange(request: pytest.FixtureRequest) -> Exchange:
    return Exchange(Engine(new_ladder=request.param))


def test_best_ask_returned_the_worst_ask(exchange: Exchange) -> None:
    for number, price in enumerate((5_200, 5_000, 5_100)):
        exchange.sell(f"s{number}", price, 5)
        exchange.buy(f"b{number}", price - 1_000, 5)
    ladder = exchange.engine.books["yes"].ladder
    assert (ladder.best(True), ladder.best(False)) == (4_200, 5_000)
    (trade,) = exchange.buy("taker", 5_200, 5).trades
    assert trade.price == 5_000


@pytest.mark.parametrize("price", [10, 11, 42, 99, 9_901, 9_990])
def test_limit_orders_in_10_to_99_traded_and_were_then_refused(
    exchange: Exchange, price: int
) -> None:
    assert exchange.sell("s", price).refusal is None
    outcome = exchange.buy("b", price)
    assert outcome.refusal is None
    assert [trade.price for trade in outcome.trades] == [price]
    assert exchange.held("ann", CASH) == (1_000_000 - 10 * price, 0)
    assert exchange.held("bob", CASH) == (1_000_000 + 10 * price, 0)
    assert exchange.held("ann", "yes") == (60, 0)


def test_price_improvement_stayed_frozen_for_ever(exchange: Exchange) -> None:
    exchange.sell("s", 4_000)
    exchange.buy("b", 9_000, 15)
    assert exchange.held("ann", CASH) == (1_000_000 - 10 * 4_000 - 5 * 9_000, 5 * 9_000)
    exchange.take(CancelOrder(order_id="b", user_id="ann"))
    assert exchange.held("ann", CASH) == (1_000_000 - 10 * 4_000, 0)


def test_time_priority_lost_on_reload(exchange: Exchange) -> None:
    # The same level from both tokens: two mirrored books forget who of them came first.
    exchange.sell("first", 6_000, 1)
    exchange.buy("second", 4_000, 1, symbol=NO)
    exchange.sell("third", 6_000, 1)
    exchange.buy("fourth", 4_000, 1, symbol=NO)
    engine = Engine.restore(through_the_file(exchange.engine.snapshot(START_MS)))
    taker = SubmitOrder(
        order_id="taker",
        symbol=YES,
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        user_id="cid",
        quantity=4,
        price=6_000,
    )
    engine.handle(Deposit(id="d", user_id="cid", amount=24_000), START_MS)
    trades = engine.handle(taker, START_MS).trades
    assert [trade.maker_order_id for trade in trades] == ["first", "second", "third", "fourth"]


def test_a_token_outside_the_market_matched_as_the_second_token(exchange: Exchange) -> None:
    exchange.sell("s", 4_000, symbol=NO)
    for token in ("up", "other", "cash", ""):
        outcome = exchange.buy(f"b-{token}", 9_000, symbol=Symbol(1, 1, token))
        assert outcome.refusal is Refusal.UNKNOWN_TOKEN
        assert outcome.trades == []


def test_duplicate_ids_accepted(exchange: Exchange) -> None:
    assert exchange.buy("b", 4_000).refusal is None
    again = exchange.buy("b", 4_000)
    assert (again.refusal, len(again.facts)) == (None, 1)
    assert exchange.sell("b", 6_000).refusal is Refusal.DUPLICATE_ORDER
    exchange.take(CancelOrder(order_id="b", user_id="ann"))
    assert exchange.sell("b", 6_000, user_id="cid").refusal is Refusal.DUPLICATE_ORDER
    assert len(exchange.engine.state.orders) == 0


def test_cancel_did_not_check_the_owner(exchange: Exchange) -> None:
    exchange.buy("b", 4_000)
    refused = exchange.take(CancelOrder(order_id="b", user_id="bob"))
    assert refused.refusal is Refusal.NOT_OWNER
    assert "b" in exchange.engine.state.orders


def test_cancel_refused_after_end_date() -> None:
    exchange = Exchange(Engine(step_max=1), end_date="2024-01-01T12:00:05Z")
    for number in range(4):
        exchange.buy(f"b{number}", 4_000 + number)
    exchange.time_ms += 5_000
    exchange.take(Tick())
    still_there = list(exchange.engine.state.orders)
    assert len(still_there) == 3
    outcome = exchange.take(CancelOrder(order_id=still_there[0], user_id="ann"))
    assert outcome.refusal is None
    cancelled = [fact for fact in outcome.facts if isinstance(fact, OrderCancelled)]
    assert cancelled[-1].order_id == still_there[0]
    while exchange.engine.state.work:
        exchange.take(Tick())
    assert exchange.held("ann", CASH) == (1_000_000, 0)


def test_a_graceful_stop_cancelled_every_order(exchange: Exchange) -> None:
    exchange.buy("b", 4_000)
    exchange.sell("s", 6_000)
    engine = Engine.restore(through_the_file(exchange.engine.snapshot(START_MS)))
    assert list(engine.state.orders) == ["b", "s"]
    assert engine.books["yes"].ladder.levels(True, 9) == [(4_000, 10)]
    assert engine.books["yes"].ladder.levels(False, 9) == [(6_000, 10)]
    assert engine.state_digest() == exchange.engine.state_digest()


def test_orders_after_event_removed_re_created_in_the_store() -> None:
    engine, fold = Engine(), State()
    listed = AddOneEvent(event_id=1, markets={1: NewMarket(("yes", "no"))})
    deposit = Deposit(id="d", user_id="ann", amount=1_000_000)
    order = SubmitOrder(
        order_id="b",
        symbol=YES,
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        user_id="ann",
        quantity=1,
        price=5_000,
    )
    for command in (listed, deposit, order):
        fold.apply_all(engine.handle(command, START_MS).facts)
    late = OrderUpdated(fold.orders["b"])
    fold.apply_all(engine.handle(RemoveOneEvent(event_id=1), START_MS).facts)
    fold.apply(late)
    refused = engine.handle(msgspec.structs.replace(order, order_id="c"), START_MS)
    fold.apply_all(refused.facts)
    assert refused.refusal is Refusal.UNKNOWN_EVENT
    assert (fold.orders, fold.events) == ({}, {})
    assert fold.digest() == engine.state_digest()


def test_trades_without_ids_so_retries_double_counted(exchange: Exchange) -> None:
    exchange.sell("s1", 5_000, 4)
    exchange.sell("s2", 5_001, 4)
    first = exchange.buy("b", 5_001, 8)
    assert [trade.trade_id for trade in first.trades] == [1024, 2048]
    again = exchange.buy("b", 5_001, 8)
    assert again.trades == []
    assert exchange.held("ann", "yes") == (58, 0)
    sharded = Exchange(Engine(shard=5))
    sharded.sell("s1", 5_000, 4)
    assert [trade.trade_id for trade in sharded.buy("b", 5_001, 4).trades] == [1029]


def test_update_id_not_contiguous_so_a_lost_delta_went_unseen(exchange: Exchange) -> None:
    commands = [
        lambda: exchange.sell("s1", 5_000, 4),
        lambda: exchange.sell("s2", 5_001, 4),
        lambda: exchange.buy("b1", 5_001, 10),
        lambda: exchange.buy("refused", 5_001, 10**9),
        lambda: exchange.take(CancelOrder(order_id="b1", user_id="ann")),
        lambda: exchange.take(CancelOrder(order_id="b1", user_id="ann")),
    ]
    seen = [
        [fact.update_id for fact in command().facts if isinstance(fact, MarketUpdateId)]
        for command in commands
    ]
    assert seen == [[1], [2], [3], [], [4], []]
