"""Which open orders are leaving, and by what."""

from __future__ import annotations

from typing import Any

import pytest

from pmstore import (
    Leaving,
    MarketChanged,
    MarketState,
    OrderCreated,
    OrdersLeaving,
    State,
    Symbol,
    Work,
)
from tests.state.facts import event, order
from tests.state.test_fold import folded, through_the_file

OTHER = Symbol(1, 2, "x")
ELSEWHERE = Symbol(2, 1, "y")

RULES: list[tuple[dict[str, Any], dict[str, Any], bool]] = [
    ({}, {}, True),
    ({"through": 7}, {"order_num": 7}, True),
    ({"through": 7}, {"order_num": 8}, False),
    ({"user_id": "ann"}, {}, True),
    ({"user_id": "ann"}, {"user_id": "bob"}, False),
    ({"event_id": 1}, {}, True),
    ({"event_id": 1}, {"symbol": OTHER}, True),
    ({"event_id": 1}, {"symbol": ELSEWHERE}, False),
    ({"event_id": 1, "market_id": 1}, {}, True),
    ({"event_id": 1, "market_id": 1}, {"symbol": OTHER}, False),
    ({"event_id": 1, "market_id": 1}, {"symbol": ELSEWHERE}, False),
    ({"group": "g"}, {"group": "g"}, True),
    ({"group": "g"}, {"group": "h"}, False),
    ({"group": "g"}, {}, False),
    ({"session": "s"}, {"session": "s"}, True),
    ({"session": "s"}, {"session": "t"}, False),
    ({"session": "s"}, {}, False),
    ({"reason": "expired"}, {"expires_at_ms": 50}, True),
    ({"reason": "expired"}, {"expires_at_ms": 51}, False),
    ({"reason": "expired"}, {}, False),
    ({"reason": "expired"}, {"expires_at_ms": 50, "order_num": 101}, False),
    ({"reason": "cancel_all"}, {"expires_at_ms": 51}, True),
]


@pytest.mark.parametrize(("fields", "changes", "expected"), RULES)
def test_an_order_leaves_if_everything_that_is_named_is_its_own(
    fields: dict[str, Any], changes: dict[str, Any], expected: bool
) -> None:
    named: dict[str, Any] = {"reason": "cancel_all", "time_ms": 50, "through": 100, **fields}
    assert Leaving(**named).concerns(order(1, **changes)) is expected


def test_the_oldest_that_concerns_an_order_is_what_it_is_leaving_by() -> None:
    of_bob = Leaving("cancel_all", 1, 100, "bob")
    expired = Leaving("expired", 2, 100)
    of_ann = Leaving("session", 3, 100, "ann", session="s")
    later = Leaving("cancel_all", 4, 100, "ann")
    work = Work([(2, 1), of_bob, expired, of_ann, later])
    due = order(1, session="s", expires_at_ms=2)
    assert work.leaving_of(due) == expired
    assert work.leaving_of(order(1, session="s")) == of_ann
    assert work.leaving_of(order(1)) == later
    assert work.leaving_of(order(1, user_id="bob", expires_at_ms=2)) == of_bob
    assert work.leaving_of(order(1, user_id="carl")) is None
    work.end(expired)
    assert work.leaving_of(due) == of_ann
    for item in (of_bob, of_ann, later):
        work.end(item)
    assert work.leaving_of(due) is None
    assert list(work.items) == [(2, 1)]


def test_an_order_whose_market_was_being_worked_off_before_ends_with_it() -> None:
    market, leaving = (1, 1), Leaving("cancel_all", 1, 100)
    assert Work([market, leaving]).leaving_of(order(1)) is None
    assert Work([leaving, market]).leaving_of(order(1)) == leaving


def test_work_stands_in_the_order_in_which_it_came_also_in_snapshots() -> None:
    first = Leaving("group", 1, 9, "ann", group="g")
    second = Leaving("expired", 2, 9)
    state = folded(
        OrderCreated(order(1, group="g", expires_at_ms=1)),
        *(OrdersLeaving(one, True) for one in (first, second, first)),
    )
    assert list(state.work) == [first, second]
    again = State.restore(through_the_file(state.freeze(1)))
    assert list(again.work) == [first, second]
    assert again.leaving_of(state.orders["o1"]) == first
    again.apply(OrdersLeaving(first, False))
    assert list(again.work) == [second]
    assert again.leaving_of(state.orders["o1"]) == second


def test_a_market_that_is_worked_off_is_no_reason_to_leave() -> None:
    state = State()
    state.events[1] = event(1)
    state.apply_all([OrderCreated(order(1)), MarketChanged(1, 1, MarketState.CLOSED, working=True)])
    assert list(state.work) == [(1, 1)]
    assert state.leaving_of(state.orders["o1"]) is None
