"""What the tables cannot say of orders that leave by their time, their group or their session."""

from __future__ import annotations

from random import Random

import attrs
import pytest

from pmengine.commands import (
    AddOneEvent,
    CancelAll,
    CancelOrder,
    Heartbeat,
    OrderGroup,
    RemoveOneEvent,
    SubmitOrder,
    Tick,
)
from pmengine.engine import Engine
from pmengine.entities import GTD, Memory, OpenOrder
from pmengine.expiries import Expiries
from pmengine.journal import Journal
from pmengine.matching import Ladder
from pmengine.orders import OpenOrders
from pmengine.records import Records
from pmengine.sessions import Sessions
from pmstore import (
    Event,
    Market,
    MarketUpdateId,
    OrderCancelled,
    OrderFilled,
    OrdersLeaving,
    OrderType,
    SelfTrade,
    Side,
    TimeInForce,
)
from tests.engine.listings import START_MS, USERS, market, opening, symbol
from tests.engine.tapes import Tape

SPARE = 100


def limit(order_id: str, user_id: str = "ann", **fields: object) -> SubmitOrder:
    """A buy of one lot of the first token of market 1/1."""
    given: dict[str, object] = {
        "order_id": order_id,
        "user_id": user_id,
        "symbol": symbol(1, 1),
        "side": Side.BUY,
        "order_type": OrderType.LIMIT,
        "quantity": 1,
        "price": 5_000,
    }
    return SubmitOrder(**given | fields)  # type: ignore[arg-type]


def opened(**options: object) -> Engine:
    engine = Engine(**options)  # type: ignore[arg-type]
    for command in opening():
        engine.handle(command, START_MS)
    return engine


@pytest.mark.parametrize("seed", range(6))
def test_a_fill_or_kill_is_taken_where_an_ioc_would_be_filled_as_a_whole(seed: int) -> None:
    chance = Random(seed)
    engine = opened()
    for user_id in USERS:
        for group in ("g", "h"):
            lots = chance.randint(3, 25)
            command = OrderGroup(
                user_id=user_id, group=group, quantity_max=lots, window_ms=chance.choice((1, 900))
            )
            engine.handle(command, START_MS)
    taken = refused = 0
    for number in range(300):
        terms = {
            "user_id": chance.choice(USERS),
            "side": chance.choice((Side.BUY, Side.SELL)),
            "symbol": symbol(1, 1, chance.random() < 0.5),
            "price": chance.choice((4_900, 5_000, 5_100)),
            "group": chance.choice((None, "g", "h")),
            "self_trade": chance.choice(list(SelfTrade)),
        }
        time_ms = START_MS + number // 4
        engine.handle(limit(f"r{number}", quantity=chance.randint(1, 6), **terms), time_ms)
        if number % 3 == 0:
            again = OrderGroup(
                user_id=chance.choice(USERS),
                group=chance.choice("gh"),
                quantity_max=chance.randint(3, 25),
                window_ms=chance.choice((1, 900)),
            )
            engine.handle(again, time_ms)
        terms["user_id"] = chance.choice(USERS)
        terms["quantity"] = chance.randint(1, 12)
        snapshot = engine.snapshot(0)
        outcomes = [
            Engine.restore(snapshot).handle(
                limit(f"t{number}", time_in_force=kind, **terms), time_ms
            )
            for kind in (TimeInForce.FOK, TimeInForce.IOC)
        ]
        whole = any(
            isinstance(fact, OrderFilled) and fact.order_id == f"t{number}"
            for fact in outcomes[1].facts
        )
        if outcomes[1].refusal is None:
            assert (outcomes[0].refusal is None) == whole
            taken += whole
            refused += not whole
    assert min(taken, refused) > 20


def test_expiries_that_are_over_are_not_kept() -> None:
    records = Records(1_000, Ladder)
    records.events[1] = Event(event_id=1, markets={})
    records.open_book(1, Market(market_id=1, token_ids=("yes", "no")))
    orders = OpenOrders(records, Journal(), None, 0)
    assert isinstance(orders.expiries, Expiries)
    resting: list[OpenOrder] = []
    for number in range(1, 5_001):
        memory = Memory(records.user("ann"), "SubmitOrder", b"", b'"o%d"' % number)
        order = OpenOrder(memory, records.tokens["yes"], True, True)
        order.quantity, order.price, order.order_num = 1, 5_000, number
        order.time_in_force, order.expires_at_ms = GTD, 10**9 - number // 3
        records.link(order)
        orders.enter(order)
        resting.append(order)
        if number % 100:
            orders.cancel(resting.pop(0), 0, b'""')
        assert len(orders.expiries) <= 2 * len(resting) + SPARE
    while resting:
        orders.cancel(resting.pop(), 0, b'""')
        assert len(orders.expiries) <= 2 * len(resting) + SPARE
    assert orders.expiries.next_ms() > 10**9


def test_deadlines_that_were_renewed_are_not_kept() -> None:
    records = Records(1_000, Ladder)
    sessions = Sessions(records)
    for time_ms in range(1, 10_000):
        sessions.set(("ann", f"s{time_ms % 5}"), time_ms + 1_000)
        assert len(sessions) <= 2 * 5 + SPARE
    assert sessions.next_ms() == 10_995


def test_however_many_orders_leave_a_market_it_is_told_once() -> None:
    engine = opened(step_max=10)
    for number in range(300):
        side = Side.BUY if number % 2 else Side.SELL
        price = 4_000 - number if number % 2 else 6_000 + number
        engine.handle(limit(f"o{number}", side=side, price=price), START_MS)
    facts = engine.handle(CancelAll(user_id="ann"), START_MS).facts
    updates = [fact for fact in facts if isinstance(fact, MarketUpdateId)]
    assert [len(update.bids) + len(update.asks) for update in updates] == [300]
    assert sum(isinstance(fact, OrderCancelled) for fact in facts) == 10
    steps = 0
    while engine.open_orders():
        facts = engine.handle(Tick(), START_MS).facts
        assert sum(isinstance(fact, OrderCancelled) for fact in facts) == 10
        assert not any(isinstance(fact, MarketUpdateId) for fact in facts)
        steps += 1
    assert steps == 29
    assert isinstance(facts[-1], OrdersLeaving)
    assert not facts[-1].working


def test_an_end_that_never_came_changes_nothing_of_what_is_due() -> None:
    """An event that was removed before its end is forgotten by one that starts again, too."""
    engine = opened(step_max=1)
    new = AddOneEvent(event_id=9, markets={1: market(9, 1)}, end_date="2024-01-01T12:00:01Z")
    engine.handle(new, START_MS)
    engine.handle(RemoveOneEvent(event_id=9), START_MS)
    engine.handle(Heartbeat(user_id="ann", session="s", timeout_ms=1_500), START_MS)
    engine.handle(Heartbeat(user_id="ann", session="s", timeout_ms=5_000), START_MS)
    for number, after_ms in enumerate((500, 1_200, 1_800)):
        order = limit(
            f"o{number}", time_in_force=TimeInForce.GTD, expires_at_ms=START_MS + after_ms
        )
        engine.handle(order, START_MS)
    again = Engine.restore(engine.snapshot(0), step_max=1)
    outcomes = [one.handle(Tick(), START_MS + 3_000) for one in (engine, again)]
    assert outcomes[0] == outcomes[1]
    told = [fact for fact in outcomes[0].facts if isinstance(fact, OrdersLeaving)]
    assert len(told) == 1


def test_nothing_is_due_before_the_next_time_comes() -> None:
    engine = opened()
    never_ms = engine.due_ms()
    engine.handle(Heartbeat(user_id="ann", session="s", timeout_ms=900), START_MS)
    order = limit("o1", time_in_force=TimeInForce.GTD, expires_at_ms=START_MS + 500)
    engine.handle(order, START_MS)
    assert engine.due_ms() == START_MS + 500
    engine.handle(CancelOrder(order_id="o1", user_id="ann"), START_MS)
    assert engine.due_ms() == START_MS + 900
    engine.handle(Tick(), START_MS + 900)
    assert engine.due_ms() == never_ms


def test_a_snapshot_of_orders_that_leave_names_them_in_their_order() -> None:
    engine = opened(step_max=1)
    for number in range(4):
        engine.handle(limit(f"o{number}"), START_MS)
    engine.handle(CancelAll(user_id="ann"), START_MS)
    engine.handle(limit("late"), START_MS)
    snapshot = engine.snapshot(0)
    assert [order.id for order in snapshot.orders] == ["o2", "o3", "late"]
    again = Engine.restore(attrs.evolve(snapshot, number=1), step_max=1)
    assert again.handle(Tick(), START_MS) == engine.handle(Tick(), START_MS)
    assert engine.state_digest() == again.state_digest()


def test_tapes_let_orders_leave_in_every_way() -> None:
    engine = opened(step_max=2)
    reasons = set()
    for command, time_ms in Tape(1).run(6_000):
        for fact in engine.handle(command, time_ms).facts:
            if isinstance(fact, OrderCancelled):
                reasons.add(fact.reason)
    assert reasons >= {"expired", "cancel_all", "group", "session", "market_closed"}
