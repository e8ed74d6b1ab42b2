"""Searches the model of the layers, with some of its faults."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Final

from tests.layers.model.law import Cell, Rules, State, Step, judge, steps
from tests.searching import Found
from tests.searching import search as search_all

FAULTS: Final = frozenset({"dies", "loses", "evicts", "backed up", "restarts", "fails", "cannot"})
"""The words by which steps that are faults are told."""


def search(
    state: State,
    rules: Rules,
    *,
    faults: frozenset[str] = FAULTS,
    lists: bool = False,
    states_max: int = 10**8,
) -> Found:
    """
    Follow every history from *state*, up to a number of states.

    Args:
        faults: Which of `FAULTS` may happen, as often as the state says.
    """
    following = partial(_steps, rules=rules, lists=lists, without=FAULTS - faults)
    return search_all(state, following, judge=judge, canonical=canonical, states_max=states_max)


def _steps(state: State, rules: Rules, lists: bool, without: frozenset[str]) -> Iterator[Step]:
    for step in steps(state, rules, lists=lists):
        if not any(word in step[0] for word in without):
            yield step


def canonical(state: State) -> State:
    """The state with its processes in one order: which is called A does not matter."""
    one, other = state.processes
    # Equal hashes of different processes only cost a state that is visited twice.
    if hash(other) >= hash(one):
        return state
    return state._replace(processes=(other, one), shared=_swapped(state.shared))


def _swapped(cell: Cell) -> Cell:
    if cell.holder is None:
        return cell
    kind, at = cell.holder
    return cell._replace(holder=(kind, 1 - at))
