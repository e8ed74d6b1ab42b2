"""Each invariant is seen when it is broken: one thing is falsified in a healthy exchange."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest

from pmengine.engine import Engine
from pmengine.invariants import Law, engine_violations, state_violations, trade_violations
from pmstore import (
    CASH,
    Balance,
    Fees,
    MarketState,
    MatchType,
    OrderStatus,
    OrderType,
    Side,
    State,
    Symbol,
    TimeInForce,
    Trade,
)
from tests.engine.scenario import Scenario

TABLE = """
admin list 1/1 yes no tick 10   => done
ann deposit d1 1000000          => done
bob deposit d1 1000000          => done
bob split s1 1/1 100            => done
ann buy a1 yes 50 @5000         => a1 rests 50@5000
bob sell b0 yes 20 @5000        => Normal 20@5000 a1, b0 filled
ann buy a2 yes 10 @5000         => a2 rests 10@5000
bob sell b1 yes 10 @6000        => b1 rests 10@6000
cid deposit d1 1000000          => done
cid buy c1 no 5 @3000           => c1 rests 5@3000
cid buy c2 no 5 @3000 ioc       => c2 cancelled 5
"""


@pytest.fixture
def engine() -> Engine:
    scenario = Scenario(TABLE)
    assert [line for line in scenario.play() if line[2] != line[3]] == []
    return scenario.witnesses.leader


@pytest.fixture
def state(engine: Engine) -> State:
    """What the engine's facts add up to."""
    return State.restore(engine.snapshot(0))


def change_order(order_id: str, **changes: Any) -> Callable[[State], None]:
    def change(state: State) -> None:
        state.orders[order_id] = attrs.evolve(state.orders[order_id], **changes)

    return change


def change_row(asset: str, user_id: str, **changes: Any) -> Callable[[State], None]:
    def change(state: State) -> None:
        rows = state.balances[asset]
        rows[user_id] = attrs.evolve(rows[user_id], **changes)

    return change


def change_market(exclusive: bool = False, **changes: Any) -> Callable[[State], None]:
    def change(state: State) -> None:
        event = state.events[1]
        markets = {1: attrs.evolve(event.markets[1], **changes)}
        state.events[1] = attrs.evolve(event, markets=markets, exclusive=exclusive)

    return change


def change_event(**changes: Any) -> Callable[[State], None]:
    def change(state: State) -> None:
        state.events[1] = attrs.evolve(state.events[1], **changes)

    return change


def make_exclusive(state: State) -> None:
    """A second market of the same event, of which more Yes than No is held."""
    event = state.events[1]
    other = attrs.evolve(event.markets[1], market_id=2, token_ids=("up", "down"))
    markets = {**event.markets, 2: other}
    state.events[1] = attrs.evolve(event, markets=markets, exclusive=True)
    state.balances["up"] = {"bob": Balance("bob", "up", 7, 0, 1)}
    state.balances[CASH]["bob"] = attrs.evolve(state.balances[CASH]["bob"], available=930_000)


FALSIFIED: list[tuple[Law, str, Callable[[State], object]]] = [
    (Law.CROSSED, "best bid 6000 meets best ask 6000", change_order("a1", price=6_000)),
    (Law.QUEUE, "comes after", change_order("a2", order_num=1)),
    (Law.QUEUE, "beyond the counter", change_order("c1", order_num=10**9)),
    (Law.VERSIONS, "beyond its user's", change_order("a1", version=10**9)),
    (Law.QUANTITY, "0 remaining", change_order("a2", remaining_quantity=0, filled_quantity=10)),
    (Law.QUANTITY, "filled and remaining are not", change_order("a1", quantity=51)),
    (Law.STATUS, "is New with 20 filled", change_order("a1", status=OrderStatus.NEW)),
    (Law.STATUS, "is Filled with 20 filled", change_order("a1", status=OrderStatus.FILLED)),
    (Law.TERMS, "price 5005", change_order("a1", price=5_005)),
    (Law.TERMS, "price 10000", change_order("b1", price=10_000)),
    (Law.TERMS, "a market order rests", change_order("a1", order_type=OrderType.MARKET)),
    (Law.TERMS, "an ioc order rests", change_order("a1", time_in_force=TimeInForce.IOC)),
    (Law.TERMS, "its market is not listed", lambda state: state.events.clear()),
    (Law.LIFE, "stands under", lambda state: state.orders.update(zz=state.orders.pop("c1"))),
    (Law.DUE, "expired at 5", change_order("a1", expires_at_ms=5)),
    (Law.DUE, "after its end date", change_event(end_date_ms=5)),
    (Law.DUE, "its session s has ended", change_order("a1", session="s")),
    (Law.DUE, "lapsed at 5", lambda state: state.sessions.update({("ann", "s"): 5})),
    (Law.DUE, "is not forgotten", lambda state: setattr(state, "time_ms", 2 * state.time_ms)),
    (Law.GROUP, "its group g is gone", change_order("a1", group="g")),
    (Law.FEES, "has paid 2 micros of 9/10^10", change_order("a1", fee_exact=9, fee_paid=2)),
    (
        Law.FROZEN,
        "frozen is not what its orders need",
        change_market(fees=Fees("linear", 100_000, 0)),
    ),
    (
        Law.FROZEN,
        "frozen is not what its orders need",
        change_row(CASH, "ann", frozen=200_001),
    ),
    (Law.FROZEN, "nothing frozen", lambda state: state.balances["yes"].pop("bob")),
    (Law.ROWS, "-1 available", change_row(CASH, "ann", available=-1)),
    (Law.ROWS, "an empty row is kept", change_row("no", "bob", available=0)),
    (Law.ROWS, "is held and not listed", change_market(token_ids=("yes", "other"))),
    (Law.PAIRS, "101 lots of one token", change_row("yes", "ann", available=21)),
    (Law.MONEY, "came in", change_row(CASH, "bob", available=1)),
    (Law.MONEY, "came in", lambda state: setattr(state, "deposited", 1)),
    (Law.EXCLUSIVE, "Yes less No is 0 in 1, 7 in 2", make_exclusive),
    (
        Law.EXCLUSIVE,
        "some of its markets are resolved",
        lambda state: (
            make_exclusive(state),
            state.events[1].markets.update(
                {1: attrs.evolve(state.events[1].markets[1], state=MarketState.CLOSED)}
            ),
            state.events[1].markets.update(
                {2: attrs.evolve(state.events[1].markets[2], state=MarketState.RESOLVED)}
            ),
        ),
    ),
    (
        Law.PAYOUTS,
        "its Yes tokens pay 4000 together",
        change_market(exclusive=True, state=MarketState.RESOLVED, payouts=(4_000, 6_000)),
    ),
    (Law.PAYOUTS, "resolved without payouts", change_market(state=MarketState.RESOLVED)),
    (
        Law.PAYOUTS,
        "resolved with 1 and 2",
        change_market(state=MarketState.RESOLVED, payouts=(1, 2)),
    ),
    (Law.PAYOUTS, "void, and pays", change_market(state=MarketState.VOID, payouts=(10_000, 0))),
    (
        Law.PAYOUTS,
        "its holders are not being paid",
        change_market(state=MarketState.RESOLVED, payouts=(5_000, 5_000)),
    ),
    (Law.MEMORY, "ended twice", lambda state: state.ended.append(state.ended[-1])),
    (
        Law.MEMORY,
        "ended and is not there",
        lambda state: state.memories.pop(state.ended[-1][1]),
    ),
    (Law.MEMORY, "will stay for ever", lambda state: state.ended.pop()),
    (
        Law.MEMORY,
        "out of order",
        lambda state: state.ended.append((0, ("ann", "Deposit", "x"))),
    ),
    (Law.MEMORY, "its id is free", lambda state: state.order_ids.clear()),
]


@pytest.mark.parametrize(
    ("law", "said", "falsify"), FALSIFIED, ids=[f"{law.slug}-{said}" for law, said, _ in FALSIFIED]
)
def test_what_is_broken_is_named(
    state: State, law: Law, said: str, falsify: Callable[[State], object]
) -> None:
    assert state_violations(state) == []
    falsify(state)
    found = state_violations(state)
    assert any(one.law is law and said in str(one) for one in found), found


def change_ladder(verb: str, order_id: str, *arguments: int) -> Callable[[Engine], None]:
    def change(engine: Engine) -> None:
        book = engine.books["yes"]
        quoted = f'"{order_id}"'.encode()
        handle = next(order.handle for order in book.resting if order and order.id == quoted)
        getattr(book.ladder, verb)(handle, *arguments)

    return change


@pytest.mark.parametrize(
    ("said", "falsify"),
    [
        ("3 on the ladder", change_ladder("cancel", "a1")),
        ("its bids are not", change_ladder("amend", "a1", 1)),
        ("do not share one book", lambda engine: engine.books.pop("no")),
        ("have a book", lambda engine: engine.books.update(other=engine.books["yes"])),
    ],
)
def test_a_ladder_that_is_no_picture_of_the_orders_is_named(
    engine: Engine, said: str, falsify: Callable[[Engine], object]
) -> None:
    assert engine_violations(engine) == []
    falsify(engine)
    found = engine_violations(engine)
    assert any(one.law is Law.LADDER and said in str(one) for one in found), found


def test_a_state_without_a_ledger_is_judged_by_its_orders_alone(state: State) -> None:
    state.balances.clear()
    assert state_violations(state) != []
    assert state_violations(state, ledger=False) == []


def test_an_empty_state_breaks_nothing() -> None:
    assert state_violations(State()) == []


@pytest.mark.parametrize(
    ("said", "changes"),
    [
        ("Normal at 5000 and 5001", {"maker_price": 5_001}),
        ("and not at its limit", {"price": 4_999, "maker_price": 4_999}),
        ("worse than the taker's limit", {"price": 5_001, "maker_price": 5_001}),
        (
            "Mint at 5000 and 5001",
            {
                "match_type": MatchType.MINT,
                "maker_side": Side.BUY,
                "maker_symbol": Symbol(1, 1, "no"),
                "maker_price": 5_001,
            },
        ),
        ("Merge of", {"match_type": MatchType.MERGE}),
        ("Normal of Buy and Buy", {"maker_side": Side.BUY}),
        ("0 lots", {"quantity": 0}),
        ("unknown", {"maker_order_id": "nobody"}),
    ],
)
def test_a_trade_at_a_wrong_price_is_named(
    state: State, said: str, changes: dict[str, Any]
) -> None:
    maker = attrs.evolve(state.orders["b1"], price=5_000)
    taker = state.orders["a1"]
    symbol = maker.symbol
    trade = Trade(
        1,
        MatchType.NORMAL,
        taker.id,
        maker.id,
        "ann",
        "bob",
        symbol,
        symbol,
        Side.BUY,
        Side.SELL,
        5_000,
        5_000,
        10,
        1,
        True,
    )
    orders = {order.id: order for order in (maker, taker)}
    assert trade_violations([trade], orders) == []
    found = trade_violations([attrs.evolve(trade, **changes)], orders)
    assert any(said in str(one) for one in found), found
