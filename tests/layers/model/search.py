"""Searches the model breadth first, so that the counterexample found is a shortest one."""

from __future__ import annotations

from typing import Final

import attrs

from tests.layers.model.law import Broken, BrokenAtRest, Cell, Rules, State, judge, steps

_Link = tuple[State, str, bool]
"""The state before, the step from it, and whether the processes changed places after it."""

_CROSSED = str.maketrans("AB", "BA")

FAULTS: Final = frozenset({"dies", "loses", "evicts", "backed up", "restarts", "fails", "cannot"})
"""The words by which steps that are faults are told."""


@attrs.frozen(kw_only=True)
class Found:
    """What a search came to."""

    states: int
    depth: int
    """Steps that every history was followed for."""
    exhausted: bool
    """Whether there was nothing left to follow."""
    broken: str | None
    history: tuple[str, ...]

    def __str__(self) -> str:
        told = [f"{at:3}  {step}" for at, step in enumerate(self.history, 1)]
        return "\n".join([*told, f"     => {self.broken}", f"     ({self.states} states)"])


def search(
    state: State,
    rules: Rules,
    *,
    faults: frozenset[str] = FAULTS,
    lists: bool = False,
    depth_max: int = 100,
    states_max: int = 10**8,
) -> Found:
    """
    Follow every history from *state*, up to a length or a number of states.

    Args:
        faults: Which of `FAULTS` may happen, as often as the state says.
    """
    without = FAULTS - faults
    first = state
    came_from: dict[State, _Link | None] = {first: None}
    frontier = [first]
    depth = 0
    while frontier and depth < depth_max and len(came_from) <= states_max:
        following: list[State] = []
        for one in frontier:
            try:
                for step, after in steps(one, rules, lists=lists):
                    if any(word in step for word in without):
                        continue
                    known = canonical(after)
                    if known not in came_from:
                        came_from[known] = (one, step, known is not after)
                        following.append(known)
                        judge(known)
            except Broken as error:
                last = following[-1] if isinstance(error, BrokenAtRest) else one
                return Found(
                    states=len(came_from),
                    depth=depth,
                    exhausted=False,
                    broken=str(error),
                    history=_history(came_from, last),
                )
        frontier = following
        depth += 1
    return Found(
        states=len(came_from), depth=depth, exhausted=not frontier, broken=None, history=()
    )


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


def _history(came_from: dict[State, _Link | None], state: State) -> tuple[str, ...]:
    """The steps that led to *state*, each process under one name throughout."""
    links: list[_Link] = []
    link = came_from[state]
    while link is not None:
        links.append(link)
        link = came_from[link[0]]
    told: list[str] = []
    crossed = False
    for _, step, swapped in reversed(links):
        told.append(step.translate(_CROSSED) if crossed else step)
        crossed ^= swapped
    return tuple(told)
