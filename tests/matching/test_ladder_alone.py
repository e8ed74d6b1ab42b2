"""The ladder used on its own, as its documentation says: no market, no ledger, any price."""

from __future__ import annotations

import pytest

from pmengine.matching.contract import LadderContract
from pmengine.matching.ladder import Ladder
from pmengine.matching.naive_ladder import NaiveLadder
from tests.matching.fills import fills_of


@pytest.fixture(params=[Ladder, NaiveLadder])
def ladder(request: pytest.FixtureRequest) -> LadderContract:
    made: LadderContract = request.param()
    return made


def handles_from(ladder: LadderContract, handle: int) -> list[int]:
    """The handles that a walk finds from *handle* on."""
    found = []
    while handle != -1:
        found.append(handle)
        handle = ladder.next(handle)
    return found


def test_an_order_rests_is_met_and_is_gone(ladder: LadderContract) -> None:
    ask = ladder.add(False, 101, 5)
    assert ladder.match(True, 101, 3) == 0
    assert fills_of(ladder) == [(ask, 3, 101)]
    assert ladder.remaining(ask) == 2
    assert ladder.match(True, 102, 3) == 1
    assert fills_of(ladder) == [(ask, 2, 101)]
    assert len(ladder) == 0
    assert ladder.first(False) == -1


def test_the_best_price_is_met_first_and_the_oldest_order_at_it(ladder: LadderContract) -> None:
    late = ladder.add(False, 102, 1)
    first = ladder.add(False, 101, 1)
    second = ladder.add(False, 101, 1)
    assert ladder.match(True, 103, 3) == 0
    assert fills_of(ladder) == [(first, 1, 101), (second, 1, 101), (late, 1, 102)]


def test_a_taker_takes_nothing_beyond_its_price(ladder: LadderContract) -> None:
    ladder.add(True, 99, 5)
    assert ladder.match(False, 100, 1) == 1
    assert ladder.fill_count == 0
    assert ladder.fillable(False, 100, 1) == 0


def test_what_was_taken_stays_to_be_asked_for_until_the_next_match(ladder: LadderContract) -> None:
    gone = ladder.add(False, 100, 3)
    ladder.match(True, 100, 3)
    ladder.add(True, 90, 1)
    ladder.add(False, 110, 1)
    assert fills_of(ladder) == [(gone, 3, 100)]
    ladder.match(True, 100, 3)
    assert fills_of(ladder) == []


def test_the_walk_ends_before_the_first_order_of_the_same_owner(ladder: LadderContract) -> None:
    other = ladder.add(False, 100, 2, owner=1)
    own = ladder.add(False, 100, 2, owner=2)
    ladder.add(False, 101, 2, owner=1)
    assert ladder.fillable(True, 101, 6, owner=2) == 2
    assert ladder.match(True, 101, 6, owner=2) == 4
    assert ladder.met_own
    assert fills_of(ladder) == [(other, 2, 100)]
    assert ladder.first(False) == own


def test_a_taker_that_has_enough_before_its_own_order_does_not_meet_it(
    ladder: LadderContract,
) -> None:
    ladder.add(False, 100, 2, owner=1)
    ladder.add(False, 100, 2, owner=2)
    assert ladder.match(True, 101, 2, owner=2) == 0
    assert not ladder.met_own


def test_own_orders_that_step_aside_are_not_counted_and_end_nothing(
    ladder: LadderContract,
) -> None:
    ladder.add(False, 100, 2, owner=2)
    ladder.add(False, 100, 3, owner=1)
    ladder.add(False, 101, 5, owner=2)
    ladder.add(False, 101, 7, owner=3)
    ladder.add(False, 103, 9, owner=3)
    assert ladder.fillable(True, 102, 17, owner=2) == 0
    assert ladder.fillable(True, 102, 17, owner=2, skip_own=True) == 10
    assert ladder.fillable(True, 102, 4, owner=2, skip_own=True) == 4
    assert ladder.fillable(True, 102, 17) == 17
    assert len(ladder) == 5


@pytest.mark.parametrize("skip_own", [False, True])
def test_where_too_little_crosses_the_answer_is_all_of_it(
    ladder: LadderContract, skip_own: bool
) -> None:
    ladder.add(False, 100, 2, owner=2)
    ladder.add(False, 101, 3, owner=1)
    ladder.add(False, 103, 9, owner=1)
    assert ladder.fillable(True, 102, 6, owner=2, skip_own=skip_own) == 5
    assert ladder.fillable(True, 102, 6) == 5


def test_nobody_never_meets_an_order_of_its_own(ladder: LadderContract) -> None:
    ladder.add(False, 100, 2)
    assert ladder.fillable(True, 100, 2, skip_own=True) == 2
    assert ladder.match(True, 100, 2) == 0
    assert not ladder.met_own


def test_a_smaller_order_keeps_its_place(ladder: LadderContract) -> None:
    first = ladder.add(True, 100, 9)
    ladder.add(True, 100, 1)
    ladder.amend(first, 1)
    assert ladder.quantity_at(True, 100) == 2
    ladder.match(False, 100, 1)
    assert fills_of(ladder) == [(first, 1, 100)]


def test_a_handle_is_given_out_again_when_its_order_is_gone(ladder: LadderContract) -> None:
    gone = ladder.add(True, 100, 1)
    ladder.cancel(gone)
    assert ladder.add(False, 200, 7) == gone
    assert ladder.remaining(gone) == 7


def test_handles_stay_below_the_most_orders_that_ever_rested(ladder: LadderContract) -> None:
    for _ in range(3):
        made = [ladder.add(True, price, 1) for price in range(1, 6)]
        assert sorted(made) == [0, 1, 2, 3, 4]
        ladder.cancel(made[1])
        assert ladder.match(False, 1, 4) == 0
        assert len(ladder) == 0


def test_a_walk_goes_by_price_and_by_age_and_ends(ladder: LadderContract) -> None:
    far, near, nearer, alone = (ladder.add(True, price, 1) for price in (3, 5, 5, 4))
    ask = ladder.add(False, 9, 1)
    assert handles_from(ladder, ladder.first(True)) == [near, nearer, alone, far]
    assert handles_from(ladder, alone) == [alone, far]
    assert handles_from(ladder, ladder.first(False)) == [ask]
    dearer = ladder.add(False, 11, 1)
    assert handles_from(ladder, ask) == [ask, dearer]


@pytest.mark.parametrize("price", [1, 10, 9_990, 2**63 - 1])
def test_any_positive_64_bit_price_is_a_price(ladder: LadderContract, price: int) -> None:
    bid = ladder.add(True, price, 1)
    assert ladder.best(True) == price
    assert ladder.best(False) == 0
    ladder.match(False, price, 1)
    assert fills_of(ladder) == [(bid, 1, price)]
    ladder.add(False, price, 1)
    assert ladder.levels(False, 9) == [(price, 1)]
    assert ladder.quantity_at(False, price) == 1


def test_levels_come_best_first_and_no_more_than_asked(ladder: LadderContract) -> None:
    for price in (5, 3, 4, 3):
        ladder.add(True, price, 10)
        ladder.add(False, price + 10, 10)
    assert ladder.levels(True, 2) == [(5, 10), (4, 10)]
    assert ladder.levels(False, 9) == [(13, 20), (14, 10), (15, 10)]
