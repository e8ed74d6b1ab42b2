"""A hundred thousand orders at one price: leaving and matching stay exact and cheap."""

from __future__ import annotations

import random
import time
from typing import Any, Final

import pytest

from pmengine.commands import Heartbeat, OrderGroup, SubmitOrder, Tick
from pmengine.engine import Engine
from pmengine.facts import Refusal
from pmengine.matching.ladder import Ladder
from pmstore import OrderType, Side, TimeInForce
from tests.engine.listings import START_MS, opening, symbol
from tests.matching.fills import fills_of

ORDERS = 100_000
OWNERS = 8_000
FOK: Final = TimeInForce.FOK


@pytest.fixture
def deep() -> Ladder:
    ladder = Ladder()
    for number in range(ORDERS):
        assert ladder.add(False, 5_000, 1 + number % 7, owner=1 + number % 3) == number
    return ladder


def test_orders_leave_from_the_middle_and_the_others_keep_their_places(deep: Ladder) -> None:
    chance = random.Random(1)
    leaving = set(chance.sample(range(ORDERS), ORDERS // 2))
    for number in chance.sample(sorted(leaving), len(leaving)):
        assert deep.cancel(number) == 1 + number % 7
    staying = [number for number in range(ORDERS) if number not in leaving]
    lots = sum(1 + number % 7 for number in staying)
    assert len(deep) == len(staying)
    assert deep.levels(False, 2) == [(5_000, lots)]
    assert deep.match(True, 5_000, lots) == 0
    assert [handle for handle, _, _ in fills_of(deep)] == staying
    assert len(deep) == 0
    assert deep.best(False) == 0


def test_a_taker_walks_through_all_of_them_in_order(deep: Ladder) -> None:
    lots = deep.quantity_at(False, 5_000)
    assert deep.match(True, 9_990, lots + 5) == 5
    assert fills_of(deep) == [(number, 1 + number % 7, 5_000) for number in range(ORDERS)]


def test_small_takers_take_from_the_head_and_never_touch_the_rest(deep: Ladder) -> None:
    lots = deep.quantity_at(False, 5_000)
    for taken in range(1, 10_001):
        deep.match(True, 5_000, 1)
        ((handle, one, price),) = fills_of(deep)
        assert (one, price) == (1, 5_000)
        assert deep.quantity_at(False, 5_000) == lots - taken
        assert handle <= taken
    assert deep.remaining(ORDERS - 1) == 1 + (ORDERS - 1) % 7


def fastest_cancel_and_match_s(orders: int) -> float:
    """Seconds of 200 times leaving the middle and meeting the head of a level; the best of five."""
    best = float("inf")
    for _ in range(5):
        ladder = Ladder()
        handles = [ladder.add(True, 5_000, 1) for _ in range(orders)]
        middle = orders // 2
        begun = time.thread_time()
        for handle in handles[middle - 100 : middle + 100]:
            ladder.cancel(handle)
            ladder.match(False, 5_000, 1)
        best = min(best, time.thread_time() - begun)
    return best


def test_the_cost_of_leaving_and_matching_does_not_grow_with_the_level() -> None:
    # A walk of the level would cost a hundred times as much; twenty leaves room for a busy host.
    assert fastest_cancel_and_match_s(ORDERS) < 20 * fastest_cancel_and_match_s(1_000)


def fastest_refusal_s(orders: int) -> float:
    """Seconds of 200 looks at a level that has not enough for an owner; the best of five."""
    ladder = Ladder()
    for _ in range(orders):
        ladder.add(True, 5_000, 1, owner=1)
    best = float("inf")
    for _ in range(5):
        begun = time.thread_time()
        for _ in range(200):
            assert ladder.fillable(False, 5_000, orders + 1, owner=2) == orders
        best = min(best, time.thread_time() - begun)
    return best


def test_to_see_that_a_level_has_not_enough_costs_the_same_however_many_stand_there() -> None:
    assert fastest_refusal_s(ORDERS) < 20 * fastest_refusal_s(1_000)


def order(
    order_id: str, user_id: str, side: Side, quantity: int, price: int = 5_000, **terms: Any
) -> SubmitOrder:
    """A limit order of one and the same token."""
    return SubmitOrder(
        order_id=order_id,
        user_id=user_id,
        symbol=symbol(1, 1),
        side=side,
        order_type=OrderType.LIMIT,
        quantity=quantity,
        price=price,
        **terms,
    )


def of_many_groups(orders: int) -> Engine:
    """An engine with so many orders of one lot at one price, each of a group with more room."""
    engine = Engine(ledger=False)
    for command in opening():
        engine.do(command, START_MS)
    for number in range(orders):
        user_id = f"u{number}"
        group = OrderGroup(user_id=user_id, group="g", quantity_max=2, window_ms=1)
        assert engine.do(group, START_MS) is None
        resting = order(f"o{number}", user_id, Side.SELL, 1, group="g")
        assert engine.do(resting, START_MS) is None
    engine.take_facts()
    return engine


def fastest_refusal_beside_groups_s(orders: int) -> float:
    """Seconds of 20 fill-or-kill orders that ask for one lot too many; the best of five."""
    engine = of_many_groups(orders)
    best = float("inf")
    for turn in range(5):
        begun = time.thread_time()
        for number in range(20):
            taker = order(f"{turn}-{number}", "t", Side.BUY, orders + 1, time_in_force=FOK)
            assert engine.do(taker, START_MS) is Refusal.FOK_NOT_FILLABLE
        best = min(best, time.thread_time() - begun)
    return best


def test_to_refuse_what_cannot_be_filled_costs_the_same_where_orders_are_of_groups() -> None:
    # Asking the group of every order would cost eighty times as much.
    assert fastest_refusal_beside_groups_s(OWNERS) < 20 * fastest_refusal_beside_groups_s(100)


def fastest_fill_of_groups_s(orders: int) -> float:
    """Seconds that one fill takes of a taker that meets so many groups; the best of three."""
    best = float("inf")
    for _ in range(3):
        engine = of_many_groups(orders)
        begun = time.thread_time()
        assert engine.do(order("t", "t", Side.BUY, orders), START_MS) is None
        best = min(best, time.thread_time() - begun)
        assert engine.open_orders() == 0
    return best / orders


def test_a_fill_costs_the_same_however_many_groups_one_taker_meets() -> None:
    # It was five times as much, and more with each further group.
    assert fastest_fill_of_groups_s(OWNERS) < 3 * fastest_fill_of_groups_s(500)


def of_many_names(others: int, *, sessions: bool) -> Engine:
    """An engine with a user of so many orders, and one of each of a hundred sessions or groups."""
    engine = Engine(ledger=False)
    for command in opening():
        engine.do(command, START_MS)
    for number in range(others):
        assert engine.do(order(f"o{number}", "u", Side.BUY, 1), START_MS) is None
    for number in range(100):
        name = f"n{number}"
        if sessions:
            engine.do(Heartbeat(user_id="u", session=name, timeout_ms=1), START_MS)
            named = order(name, "u", Side.BUY, 2, 6_000, session=name)
        else:
            group = OrderGroup(user_id="u", group=name, quantity_max=1, window_ms=1)
            engine.do(group, START_MS)
            named = order(name, "u", Side.BUY, 2, 6_000, group=name)
        assert engine.do(named, START_MS) is None
    engine.take_facts()
    return engine


def fastest_ends_s(others: int, *, sessions: bool) -> float:
    """Seconds in which all the sessions lapse, or one taker fills all the groups up."""
    best = float("inf")
    for _ in range(3):
        engine = of_many_names(others, sessions=sessions)
        command = Tick() if sessions else order("t", "t", Side.SELL, 100, 6_000)
        begun = time.thread_time()
        assert engine.do(command, START_MS + 1) is None
        best = min(best, time.thread_time() - begun)
        assert engine.open_orders() == others
    return best


@pytest.mark.parametrize("sessions", [True, False], ids=["sessions", "groups"])
def test_what_ends_orders_of_a_name_costs_the_same_however_many_others_there_are(
    sessions: bool,
) -> None:
    assert fastest_ends_s(4_000, sessions=sessions) < 5 * fastest_ends_s(10, sessions=sessions)
