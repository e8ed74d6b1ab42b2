"""Each invariant is seen when it is broken: one thing is falsified in a healthy exchange."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest

from pmengine.engine import Engine
from pmengine.invariants import engine_violations, state_violations, trade_violations
from pmstore import CASH, MarketState, MatchType, OrderStatus, Side, State, Symbol, Trade
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


def change_order(order_id: str, **changes: Any) -> Callable[[Engine], None]:
    def change(engine: Engine) -> None:
        orders = engine.state.orders
        orders[order_id] = attrs.evolve(orders[order_id], **changes)

    return change


def change_row(asset: str, user_id: str, **changes: Any) -> Callable[[Engine], None]:
    def change(engine: Engine) -> None:
        rows = engine.state.balances[asset]
        rows[user_id] = attrs.evolve(rows[user_id], **changes)

    return change


def change_market(**changes: Any) -> Callable[[Engine], None]:
    def change(engine: Engine) -> None:
        event = engine.state.events[1]
        markets = {1: attrs.evolve(event.markets[1], **changes)}
        engine.state.events[1] = attrs.evolve(event, markets=markets)

    return change


def change_ladder(verb: str, order_id: str, *arguments: int) -> Callable[[Engine], None]:
    def change(engine: Engine) -> None:
        book = engine.books["yes"]
        handle = next(handle for handle, order in book.resting.items() if order.id == order_id)
        getattr(book.ladder, verb)(handle, *arguments)

    return change


def queue_the_other_way(engine: Engine) -> None:
    book = engine.books["yes"]
    for order_id in ("a1", "a2"):
        handle = next(handle for handle, order in book.resting.items() if order.id == order_id)
        order = book.resting.pop(handle)
        book.ladder.cancel(handle)
        if order_id == "a1":
            first = order
    for order in (engine.state.orders["a2"], first):
        handle = book.ladder.add(True, 5_000, order.remaining_quantity)
        book.resting[handle] = order


FALSIFIED: list[tuple[str, Callable[[Engine], None]]] = [
    ("best bid 6000 meets best ask 6000", change_order("a1", price=6_000)),
    ("comes after", change_order("a2", order_num=1)),
    ("beyond the counter", change_order("c1", order_num=10**9)),
    ("beyond its user's", change_order("a1", version=10**9)),
    ("0 remaining", change_order("a2", remaining_quantity=0, filled_quantity=10)),
    ("filled and remaining are not", change_order("a1", quantity=51)),
    ("is New with 20 filled", change_order("a1", status=OrderStatus.NEW)),
    ("is Filled with 20 filled", change_order("a1", status=OrderStatus.FILLED)),
    ("price 5005", change_order("a1", price=5_005)),
    ("price 10000", change_order("b1", price=10_000)),
    ("its market is not listed", lambda engine: engine.state.events.clear()),
    ("stands under", lambda e: e.state.orders.update(zz=e.state.orders.pop("c1"))),
    ("frozen is not what its orders need", change_row(CASH, "ann", frozen=200_001)),
    ("-1 available", change_row(CASH, "ann", available=-1)),
    ("nothing frozen", lambda engine: engine.state.balances["yes"].pop("bob")),
    ("an empty row is kept", change_row("no", "bob", available=0)),
    ("101 lots of one token", change_row("yes", "ann", available=21)),
    ("came in", change_row(CASH, "bob", available=1)),
    ("came in", lambda engine: setattr(engine.state, "deposited", 1)),
    ("is held and not listed", change_market(token_ids=("yes", "other"))),
    ("resolved without payouts", change_market(state=MarketState.RESOLVED)),
    (
        "its holders are not being paid",
        change_market(state=MarketState.RESOLVED, payouts=(5_000, 5_000)),
    ),
    ("ended twice", lambda engine: engine.state.ended.append(engine.state.ended[-1])),
    ("ended and is not there", lambda engine: engine.state.memories.popitem()),
    ("will stay for ever", lambda engine: engine.state.ended.pop()),
    ("out of order", lambda engine: engine.state.ended.append((0, ("ann", "Deposit", "x")))),
    ("its id is free", lambda engine: engine.state.order_ids.clear()),
    ("on the ladder", change_ladder("cancel", "a1")),
    ("another remainder", change_ladder("amend", "a1", 1)),
    ("its bids are not", change_ladder("amend", "a1", 1)),
    ("not where its number puts it", queue_the_other_way),
    ("do not share one book", lambda engine: engine.books.pop("no")),
    ("have a book", lambda engine: engine.books.update(other=engine.books["yes"])),
]


@pytest.mark.parametrize(("said", "falsify"), FALSIFIED, ids=[said for said, _ in FALSIFIED])
def test_what_is_broken_is_named(
    engine: Engine, said: str, falsify: Callable[[Engine], object]
) -> None:
    assert engine_violations(engine) == []
    falsify(engine)
    found = engine_violations(engine)
    assert any(said in line for line in found), found


def test_a_state_without_a_ledger_is_judged_by_its_orders_alone(engine: Engine) -> None:
    engine.state.balances.clear()
    assert state_violations(engine.state) != []
    assert state_violations(engine.state, ledger=False) == []


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
    engine: Engine, said: str, changes: dict[str, Any]
) -> None:
    maker = attrs.evolve(engine.state.orders["b1"], price=5_000)
    taker = engine.state.orders["a1"]
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
    assert any(said in line for line in found), found
