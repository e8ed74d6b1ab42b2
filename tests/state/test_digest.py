"""The digest tells every two states apart whose answers can differ, and no others."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from pmstore import (
    Balance,
    Fees,
    Group,
    Leaving,
    MarketState,
    Position,
    Remembered,
    Snapshot,
    snapshot_digest,
)
from tests.state.facts import event, market, order

LEAVING = Leaving("cancel_all", 1, 2, "ann")
GROUPS = {
    ("ann", "g"): Group(quantity_max=1, window_ms=2),
    ("bob", "g"): Group(quantity_max=1, window_ms=2, fills=((1, 1),)),
}
MEMORY = Remembered("ann", "Deposit", "d1", "accepted", "", 1, (1, "x", None), "c")
SNAPSHOT = Snapshot(
    orders=[order(1), order(2)],
    events={1: event(1), 2: event(2)},
    timestamp=0,
    last_message_id=None,
    balances=[Balance("ann", "cash", 1, 2, 3), Balance("bob", "cash", 1, 2, 3)],
    memories=[MEMORY, attrs.evolve(MEMORY, id="d2")],
    ended=[(5, ("ann", "Deposit", "d1")), (6, ("ann", "Deposit", "d2"))],
    user_update_ids={"ann": 3, "bob": 3},
    work=[(1, 1), LEAVING],
    groups=GROUPS,
    sessions={("ann", "s"): 5, ("bob", "s"): 6},
    order_counter=2,
    trade_counter=1,
    deposited=6,
)


def group(**changes: Any) -> dict[tuple[str, str], Group]:
    return {**GROUPS, ("ann", "g"): attrs.evolve(GROUPS["ann", "g"], **changes)}


def events(**changes: Any) -> dict[int, Any]:
    return {1: attrs.evolve(event(1), markets={1: market(1, 1, **changes)}), 2: event(2)}


@pytest.mark.parametrize(
    "changes",
    [
        {"orders": [order(1)]},
        {"orders": [order(1), order(2, version=2)]},
        {"orders": [order(1), order(2, group="g")]},
        {"orders": [order(1), order(2, session="s")]},
        {"orders": [order(1), order(2, fee_exact=2**90)]},
        {"orders": [order(1), order(2, fee_exact=2**90 + 1)]},
        {"orders": [order(1), order(2, fee_paid=1)]},
        {"events": {1: event(1)}},
        {"events": events(fees=None)},
        {"events": events(fees=Fees("linear", 0, 70_000))},
        {"events": events(fees=Fees("quadratic", 1, 70_000))},
        {"events": events(fees=event(1).markets[1].fees, state=MarketState.PAUSED)},
        {"events": events(fees=event(1).markets[1].fees, last_price=1)},
        {"balances": [Balance("ann", "cash", 1, 2, 3)]},
        {"memories": [MEMORY]},
        {"memories": [attrs.evolve(MEMORY, id="d2"), MEMORY]},
        {"ended": [(5, ("ann", "Deposit", "d1")), (7, ("ann", "Deposit", "d2"))]},
        {"user_update_ids": {"ann": 3, "bob": 4}},
        {"work": [LEAVING, (1, 1)]},
        {"work": [(1, 1)]},
        {"work": [(1, 1), attrs.evolve(LEAVING, through=3)]},
        {"groups": {}},
        {"groups": group(triggered=True)},
        {"groups": group(window_ms=3)},
        {"groups": group(fills=((1, 1),))},
        {"sessions": {("ann", "s"): 5}},
        {"sessions": {("ann", "s"): 5, ("bob", "s"): 7}},
        {"order_counter": 3},
        {"trade_counter": 2},
        {"deposited": 7},
        {"paused": True},
        {"post_only_until_ms": 1},
    ],
)
def test_what_can_change_a_later_answer_changes_the_digest(changes: dict[str, Any]) -> None:
    assert snapshot_digest(attrs.evolve(SNAPSHOT, **changes)) != snapshot_digest(SNAPSHOT)


@pytest.mark.parametrize(
    "changes",
    [
        {"timestamp": 1},
        {"time_ms": 1},
        {"number": 1, "hash": "x", "trail": [(1, "x")]},
        {"last_message_id": Position(1, 1), "input_position": {"a": Position(1, 1)}},
        {"skipped": ["1-1"]},
        {"events": dict(reversed(SNAPSHOT.events.items()))},
        {"balances": SNAPSHOT.balances[::-1]},
        {"balances": [*SNAPSHOT.balances, Balance("carl", "cash", 0, 0, 1)]},
        {"user_update_ids": {"ann": 3, "bob": 3, "carl": 0}},
        {"user_update_ids": {"bob": 3, "ann": 3}},
        {"groups": dict(reversed(GROUPS.items()))},
        {"sessions": {("bob", "s"): 6, ("ann", "s"): 5}},
        {"work": tuple(SNAPSHOT.work), "orders": tuple(SNAPSHOT.orders)},
        {"memories": [attrs.evolve(MEMORY, correlation_id="y"), SNAPSHOT.memories[1]]},
    ],
)
def test_what_cannot_change_an_answer_does_not(changes: dict[str, Any]) -> None:
    assert snapshot_digest(attrs.evolve(SNAPSHOT, **changes)) == snapshot_digest(SNAPSHOT)
