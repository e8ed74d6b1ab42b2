"""Follows every history of a small machine, breadth first: a shortest way to what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Final, TypeVar

import attrs

S = TypeVar("S", bound=Hashable)

FAULT: Final = "! "
"""How the steps begin that nobody wants: no promise is kept by waiting for one."""

_CROSSED = str.maketrans("AB", "BA")


class Broken(Exception):
    """A step or a state that a law forbids."""


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


def same(state: S) -> S:
    """No two states are the same."""
    return state


def search(
    first: S,
    steps: Callable[[S], Iterable[tuple[str, S]]],
    *,
    judge: Callable[[S], None] | None = None,
    canonical: Callable[[S], S] = same,
    goal: Callable[[S], bool] | None = None,
    depth_max: int = 1_000,
    states_max: int = 10**8,
) -> Found:
    """
    Follow every history from *first*, up to a length or a number of states.

    Args:
        steps: What can come next, each told in words; raises `Broken` for what must not be.
        judge: Raises `Broken` for a state that must not be.
        canonical: The one of equal states that is followed: itself, or the one in which two
            parties named A and B have changed places.
        goal: From every state some way without further faults must lead to one of these; it
            is looked at when nothing is left to follow.
    """
    links: list[tuple[int, str, bool]] = [(-1, "", False)]
    """From which state each was reached, by which step, and whether the parties crossed."""
    reached: dict[S, int] = {first: 0}
    goals = [0] if goal is not None and goal(first) else []
    ways: list[tuple[int, int]] = []
    frontier = [first]
    depth = 0

    def found(broken: str | None = None, at: int = 0, exhausted: bool = False) -> Found:
        return Found(
            states=len(reached),
            depth=depth,
            exhausted=exhausted,
            broken=broken,
            history=() if broken is None else _history(links, at),
        )

    while frontier and depth < depth_max and len(reached) <= states_max:
        following: list[S] = []
        for one in frontier:
            here = at = reached[one]
            try:
                for step, after in steps(one):
                    known = canonical(after)
                    there = reached.get(known)
                    if there is None:
                        there = reached[known] = len(links)
                        links.append((here, step, known is not after))
                        following.append(known)
                        if judge is not None:
                            at = there
                            judge(known)
                            at = here
                        if goal is not None and goal(known):
                            goals.append(there)
                    if goal is not None and not step.startswith(FAULT):
                        ways.append((there, here))
            except Broken as error:
                return found(str(error), at)
        frontier = following
        depth += 1
    if frontier:
        return found()
    if goal is not None:
        lost = _without_a_way(len(links), ways, goals)
        if lost is not None:
            return found("no way leads on from here to where it should", lost, True)
    return found(exhausted=True)


def _without_a_way(states: int, ways: Iterable[tuple[int, int]], goals: list[int]) -> int | None:
    """The first state from which no way leads to a goal."""
    back: list[list[int]] = [[] for _ in range(states)]
    for there, here in ways:
        back[there].append(here)
    leads = bytearray(states)
    waiting = list(goals)
    while waiting:
        one = waiting.pop()
        if not leads[one]:
            leads[one] = 1
            waiting.extend(back[one])
    at = leads.find(0)
    return None if at == -1 else at


def _history(links: list[tuple[int, str, bool]], at: int) -> tuple[str, ...]:
    """The steps that led to state *at*, each party under one name throughout."""
    taken: list[tuple[str, bool]] = []
    while at:
        at, step, swapped = links[at]
        taken.append((step, swapped))
    told: list[str] = []
    crossed = False
    for step, swapped in reversed(taken):
        told.append(step.translate(_CROSSED) if crossed else step)
        crossed ^= swapped
    return tuple(told)
