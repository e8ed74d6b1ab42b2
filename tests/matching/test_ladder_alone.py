"""The ladder used on its own, as its documentation says: no market, no ledger, any price."""

from __future__ import annotations

import pytest

from pmengine.matching import Ladder, LadderContract, Match, NaiveLadder


@pytest.fixture(params=[Ladder, NaiveLadder])
def ladder(request: pytest.FixtureRequest) -> LadderContract:
    made: LadderContract = request.param()
    return made


def test_an_order_rests_is_met_and_is_gone(ladder: LadderContract) -> None:
    ask = ladder.add(False, 101, 5)
    assert ladder.match(True, 101, 3) == Match([(ask, 3, 101)], 0, False)
    assert ladder.remaining(ask) == 2
    assert ladder.match(True, 102, 3) == Match([(ask, 2, 101)], 1, False)
    assert len(ladder) == 0
    assert ladder.first(False) == -1


def test_the_best_price_is_met_first_and_the_oldest_order_at_it(ladder: LadderContract) -> None:
    late = ladder.add(False, 102, 1)
    first = ladder.add(False, 101, 1)
    second = ladder.add(False, 101, 1)
    fills = ladder.match(True, 103, 3).fills
    assert fills == [(first, 1, 101), (second, 1, 101), (late, 1, 102)]


def test_a_taker_takes_nothing_beyond_its_price(ladder: LadderContract) -> None:
    ladder.add(True, 99, 5)
    assert ladder.match(False, 100, 1) == Match([], 1, False)
    assert ladder.fillable(False, 100, 1) == 0


def test_the_walk_ends_before_the_first_order_of_the_same_owner(ladder: LadderContract) -> None:
    other = ladder.add(False, 100, 2, owner=1)
    own = ladder.add(False, 100, 2, owner=2)
    ladder.add(False, 101, 2, owner=1)
    assert ladder.fillable(True, 101, 6, owner=2) == 2
    assert ladder.match(True, 101, 6, owner=2) == Match([(other, 2, 100)], 4, True)
    assert ladder.first(False) == own


def test_nobody_never_meets_an_order_of_its_own(ladder: LadderContract) -> None:
    ladder.add(False, 100, 2)
    assert ladder.match(True, 100, 2).own is False


def test_a_smaller_order_keeps_its_place(ladder: LadderContract) -> None:
    first = ladder.add(True, 100, 9)
    ladder.add(True, 100, 1)
    ladder.amend(first, 1)
    assert ladder.quantity_at(True, 100) == 2
    assert ladder.match(False, 100, 1).fills == [(first, 1, 100)]


def test_a_handle_is_given_out_again_when_its_order_is_gone(ladder: LadderContract) -> None:
    gone = ladder.add(True, 100, 1)
    ladder.cancel(gone)
    assert ladder.add(False, 200, 7) == gone
    assert ladder.remaining(gone) == 7


@pytest.mark.parametrize("price", [1, 10, 9_990, 2**63 - 1])
def test_any_positive_64_bit_price_is_a_price(ladder: LadderContract, price: int) -> None:
    bid = ladder.add(True, price, 1)
    assert ladder.best(True) == price
    assert ladder.best(False) == 0
    assert ladder.match(False, price, 1).fills == [(bid, 1, price)]
    ladder.add(False, price, 1)
    assert ladder.levels(False, 9) == [(price, 1)]


def test_levels_come_best_first_and_no_more_than_asked(ladder: LadderContract) -> None:
    for price in (5, 3, 4, 3):
        ladder.add(True, price, 10)
        ladder.add(False, price + 10, 10)
    assert ladder.levels(True, 2) == [(5, 10), (4, 10)]
    assert ladder.levels(False, 9) == [(13, 20), (14, 10), (15, 10)]
