"""A snapshot of another engine has orders and no memories or counters: ours goes on from it."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from pmengine.commands import AddOneEvent, CancelOrder, SubmitOrder
from pmengine.engine import Engine
from pmengine.facts import Refusal
from pmengine.invariants import engine_violations
from pmstore import OrderType, Side, Snapshot
from tests.engine.listings import START_MS, market, symbol
from tests.engine.witnesses import through_the_file


def order(order_id: str, user_id: str = "ann", price: int = 5_000) -> SubmitOrder:
    return SubmitOrder(
        order_id=order_id,
        symbol=symbol(1, 1),
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        user_id=user_id,
        quantity=5,
        price=price,
    )


@pytest.fixture
def foreign() -> Snapshot:
    """Two resting orders with high numbers, and nothing that only our snapshots have."""
    engine = Engine(ledger=False)
    engine.handle(AddOneEvent(event_id=1, markets={1: market(1, 1)}), START_MS)
    engine.handle(order("f1"), START_MS)
    engine.handle(order("f2", "bob"), START_MS)
    orders = [
        attrs.evolve(one, order_num=one.order_num + 10**6, version=10**15)
        for one in engine.state.orders.values()
    ]
    return Snapshot(
        orders=orders, events=engine.state.events, timestamp=START_MS, last_message_id=None
    )


def restored(snapshot: Snapshot, **options: Any) -> Engine:
    return Engine.restore(snapshot, ledger=False, **options)


def test_a_new_order_comes_behind_the_ones_that_were_there(foreign: Snapshot) -> None:
    engine = restored(foreign)
    engine.handle(order("o3", "cid"), START_MS)
    assert list(engine.state.orders) == ["f1", "f2", "o3"]
    assert engine_violations(engine, ledger=False) == []
    again = restored(through_the_file(engine.snapshot(START_MS)))
    assert list(again.state.orders) == ["f1", "f2", "o3"]
    assert again.state_digest() == engine.state_digest()


def test_versions_go_on_above_those_that_were_there(foreign: Snapshot) -> None:
    engine = restored(foreign)
    cancelled = engine.handle(CancelOrder(order_id="f1", user_id="ann"), START_MS).facts[0]
    assert cancelled.version > 10**15  # type: ignore[union-attr]


def test_the_id_of_an_order_that_was_there_is_taken_while_it_lives(foreign: Snapshot) -> None:
    engine = restored(foreign, id_memory_s=10)
    assert engine.handle(order("f1"), START_MS).refusal is Refusal.DUPLICATE_ORDER
    engine.handle(CancelOrder(order_id="f1", user_id="ann"), START_MS)
    assert engine_violations(engine, ledger=False) == []
    again = restored(through_the_file(engine.snapshot(START_MS)), id_memory_s=10)
    for one in (engine, again):
        # The refusal is remembered, and forgotten once, though its order ended meanwhile.
        assert one.handle(order("f1"), START_MS + 9_999).refusal is Refusal.DUPLICATE_ORDER
        assert one.handle(order("f1"), START_MS + 10_000).refusal is None
    assert engine.state_digest() == again.state_digest()


def test_a_free_id_is_free_before_and_after_a_restart(foreign: Snapshot) -> None:
    engine = restored(foreign)
    engine.handle(CancelOrder(order_id="f2", user_id="bob"), START_MS)
    again = restored(through_the_file(engine.snapshot(START_MS)))
    refusals = [one.handle(order("f2", "cid"), START_MS).refusal for one in (engine, again)]
    assert refusals == [None, None]
