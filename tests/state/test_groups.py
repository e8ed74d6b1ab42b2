"""Order groups: their terms, and what was filled of them within their windows."""

from __future__ import annotations

from pmstore import Group, GroupChanged, GroupFilled, State
from tests.state.test_fold import folded, through_the_file

TERMS = GroupChanged("ann", "g", 100, 10)
KEY = ("ann", "g")


def fills(state: State) -> tuple[tuple[int, int], ...]:
    return state.groups()[KEY].fills


def filled(time_ms: int, quantity: int) -> GroupFilled:
    return GroupFilled("ann", "g", time_ms, quantity)


def test_the_lots_of_a_millisecond_are_as_they_are_now() -> None:
    state = folded(TERMS, filled(5, 3), filled(5, 8), filled(6, 1))
    assert fills(state) == ((5, 8), (6, 1))


def test_a_fill_forgets_those_that_are_as_old_as_the_window() -> None:
    state = folded(TERMS, filled(5, 1), filled(6, 1), filled(14, 1))
    assert fills(state) == ((5, 1), (6, 1), (14, 1))
    state.apply(filled(15, 1))
    assert fills(state) == ((6, 1), (14, 1), (15, 1))
    state.apply(filled(100, 1))
    assert fills(state) == ((100, 1),)


def test_other_terms_leave_the_fills_until_the_next_one() -> None:
    state = folded(TERMS, filled(5, 1), filled(14, 1), GroupChanged("ann", "g", 7, 2, True))
    assert state.groups()[KEY] == Group(
        quantity_max=7, window_ms=2, triggered=True, fills=((5, 1), (14, 1))
    )
    state.apply(filled(15, 1))
    assert fills(state) == ((14, 1), (15, 1))


def test_a_group_without_quantity_is_gone_with_its_fills() -> None:
    state = folded(TERMS, filled(5, 1), GroupChanged("ann", "g", 0, 10))
    assert state.groups() == {}
    state.apply_all([filled(6, 1), TERMS])
    assert fills(state) == ()


def test_what_was_folded_before_changes_nothing() -> None:
    state = folded(TERMS, filled(5, 1), filled(6, 1), filled(5, 1))
    assert fills(state) == ((5, 1), (6, 1))


def test_groups_of_two_users_are_two() -> None:
    state = folded(TERMS, GroupChanged("bob", "g", 1, 1), filled(5, 1))
    assert state.groups()["bob", "g"].fills == ()


def test_a_group_goes_on_from_a_snapshot() -> None:
    state = folded(TERMS, filled(5, 1), filled(14, 2))
    snapshot = through_the_file(state.freeze(1))
    again = State.restore(snapshot)
    for one in (state, again):
        one.apply(filled(15, 3))
    assert fills(again) == fills(state) == ((14, 2), (15, 3))
    assert snapshot.groups[KEY].fills == ((5, 1), (14, 2))
