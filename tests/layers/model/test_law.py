"""The rules of layered stores hold over every history of a small machine, and each is needed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.layers.model.law import Rules, begin
from tests.layers.model.search import FAULTS, search


def these(*faults: str) -> frozenset[str]:
    assert set(faults) <= FAULTS
    return frozenset(faults)


Case = tuple[str, dict[str, Any], dict[str, Any]]

WHOLE: list[Case] = [
    ("two writers", {"writes": 2}, {}),
    ("a reader and a writer", {"reads": 1, "writes": 1}, {}),
    ("cold caches", {"reads": 1, "writes": 1, "warm": False}, {}),
    ("one away", {"writes": 1, "away": True}, {}),
    ("an eviction", {"reads": 1, "writes": 1, "faults": 1}, {"faults": these("evicts")}),
    (
        "a restart with old data",
        {"reads": 1, "writes": 1, "faults": 1, "dump": 1},
        {"faults": these("restarts")},
    ),
    ("lists", {"reads": 2, "writes": 1, "complete": True}, {"lists": True}),
]
"""Small enough to be followed to their ends in seconds."""

BOUNDED: list[Case] = [
    ("a death", {"reads": 1, "writes": 1, "faults": 1}, {"faults": these("dies")}),
    ("a loss", {"reads": 1, "writes": 1, "faults": 1}, {"faults": these("loses")}),
    (
        "a cut or a failed write",
        {"reads": 1, "writes": 1, "faults": 1},
        {"faults": these("cannot", "fails")},
    ),
    ("time passing", {"reads": 1, "writes": 1, "ages": 1}, {}),
    ("two readers and two writers", {"reads": 2, "writes": 2}, {}),
    ("every fault", {"reads": 1, "writes": 2, "faults": 2}, {}),
]
"""Followed to their ends, or for longer, by `make soak`."""

OFF: list[Case] = [
    ("truth_first", {"writes": 1, "faults": 1}, {"faults": these("dies")}),
    ("what_the_truth_took", {"writes": 2}, {}),
    ("outbox", {"writes": 1, "faults": 1}, {"faults": these("dies")}),
    (
        "floor_before_publishing",
        {"reads": 1, "writes": 1, "faults": 1},
        {"faults": these("evicts")},
    ),
    ("deletes_last", {"writes": 1, "faults": 2}, {"faults": these("dies")}),
    (
        "leases",
        {"reads": 1, "writes": 1, "faults": 1, "warm": False},
        {"faults": these("evicts")},
    ),
    ("incarnation", {"writes": 1, "faults": 1, "dump": 1}, {"faults": these("restarts")}),
    ("tombstones", {"writes": 2}, {}),
    ("flights_detach", {"reads": 2, "writes": 1, "warm": False}, {}),
    (
        "complete_without_floors",
        {"reads": 1, "writes": 1, "ages": 1, "complete": True},
        {"lists": True},
    ),
    ("leased_loads", {"reads": 1, "writes": 1, "warm": False}, {"lists": True}),
    ("trust", {"reads": 1, "writes": 1, "ages": 1}, {}),
    ("losses_are_told", {"writes": 1, "faults": 1}, {"faults": these("loses")}),
    ("clears_when_heard_again", {"writes": 1, "away": True}, {}),
    ("doubts", {"reads": 1, "writes": 1, "faults": 1}, {"faults": these("cannot")}),
]
"""Each rule, and what must happen for its lack to be seen."""


def test_every_rule_is_switched_off_somewhere() -> None:
    assert {name for name, _, _ in OFF} == set(Rules.__annotations__)


@pytest.mark.parametrize(("start", "how"), [case[1:] for case in WHOLE], ids=[c[0] for c in WHOLE])
def test_the_rules_hold_over_every_history(start: dict[str, Any], how: dict[str, Any]) -> None:
    found = search(begin(**start), Rules(), **how)
    assert found.broken is None, f"\n{found}"
    assert found.exhausted
    print(f"{found.states} states, the longest history {found.depth} steps")


@pytest.mark.parametrize(
    ("start", "how"), [case[1:] for case in BOUNDED], ids=[c[0] for c in BOUNDED]
)
def test_the_rules_hold_over_short_histories(start: dict[str, Any], how: dict[str, Any]) -> None:
    found = search(begin(**start), Rules(), **how, states_max=30_000)
    assert found.broken is None, f"\n{found}"
    print(f"{found.states} states, all histories of {found.depth} steps")


@pytest.mark.parametrize(("rule", "start", "how"), OFF, ids=[case[0] for case in OFF])
def test_without_this_rule_a_read_is_wrong(
    rule: str, start: dict[str, Any], how: dict[str, Any]
) -> None:
    found = search(begin(**start), Rules(**{rule: False}), **how, states_max=600_000)
    assert found.broken is not None, f"nothing wrong in {found.states} states without {rule}"
    print(f"\nwithout {rule}:\n{found}")


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    ("start", "how"), [case[1:] for case in BOUNDED], ids=[c[0] for c in BOUNDED]
)
def test_the_rules_hold_over_long_histories(start: dict[str, Any], how: dict[str, Any]) -> None:
    found = search(begin(**start), Rules(), **how, states_max=1_000_000)
    assert found.broken is None, f"\n{found}"
    print(f"{found.states} states, {found.depth} steps, to the end: {found.exhausted}")
