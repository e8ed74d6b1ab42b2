"""The rules of one log hold over every history of a small exchange, and each of them is needed."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from tests.engine_model.machine import explore
from tests.engine_model.rules import Rules
from tests.engine_model.world import Case

FAULTS = frozenset({"crash", "lapse", "untold", "tail", "input", "torn", "damage", "target"})


def case(*faults: str, sends: str = "", other: str = "", **how: Any) -> Case:
    assert set(faults) <= FAULTS
    return Case(sends=(sends, other), faults=frozenset(faults), **how)


WHOLE: dict[str, Case] = {
    "one engine and its sender": case("crash", "untold", sends="ab?", repeats="b", faults_max=2),
    "a take-over": case(
        "crash", "untold", "lapse", sends="a", repeats="a", engines=2, faults_max=2
    ),
    "two inputs": case("crash", "untold", sends="a", other="n", repeats="a", faults_max=2),
    "two relays": case("crash", "untold", sends="a", relays=2, faults_max=2),
    "a target that loses its tail": case("crash", "target", sends="a", relays=1, faults_max=2),
    "snapshots and trimming": case(
        "crash", "torn", "damage", sends="na", relays=2, saves_max=3, faults_max=1
    ),
    "a log that loses its tail": case("crash", "tail", sends="an", saves_max=2, faults_max=2),
    "a lost tail and a standby": case(
        "tail", "lapse", "crash", sends="a", engines=2, saves_max=2, faults_max=1
    ),
    "a lost tail and a relay": case(
        "tail", "crash", sends="an", relays=1, saves_max=2, faults_max=1
    ),
    "everybody at once": case(
        *("crash", "tail", "untold", "lapse"),
        sends="a",
        engines=2,
        relays=1,
        saves_max=2,
        faults_max=1,
    ),
    "inputs in memory": case(
        "crash", "untold", sends="a", repeats="aa", volatile=True, faults_max=2
    ),
    "an input that loses its tail": case(
        "input", "crash", sends="a", other="", repeats="aa", by_clock=False, faults_max=2
    ),
}
"""All of them are followed to their ends in seconds."""

LARGE: dict[str, Case] = {
    "a take-over with three faults": case(
        "crash", "untold", "lapse", sends="a", repeats="a", engines=2, faults_max=3
    ),
    "a lost tail and appends without an answer": case(
        "crash", "tail", "untold", sends="an", repeats="a", saves_max=2, faults_max=2
    ),
    "a lost tail and a standby, with two faults": case(
        "crash", "tail", "lapse", sends="a", engines=2, saves_max=2, faults_max=2
    ),
}
"""Half a million states and more each; `make soak` follows them to their ends."""

OFF: dict[str, tuple[str, Case]] = {
    "appends_name_the_head": ("one history", case("lapse", sends="a", engines=2, faults_max=1)),
    "own_batch_is_success": ("refused with cause", case("untold", sends="a", faults_max=1)),
    "readers_check_the_chain": (
        "one history",
        case("crash", "tail", sends="ab", engines=2, saves_max=2, faults_max=1),
    ),
    "answers_follow_the_log": ("answered from the log", case("crash", sends="a", faults_max=1)),
    "positions_with_the_facts": ("once", case("crash", sends="n", faults_max=1)),
    "every_position_in_every_batch": ("once", case("crash", sends="n", other="a", faults_max=1)),
    "positions_in_snapshots": ("once", case("crash", sends="n", saves_max=1, faults_max=1)),
    "ids_are_facts": ("once", case("crash", sends="a", repeats="a", faults_max=1)),
    "refusals_are_facts": (
        "one answer",
        case("crash", sends="b", other="a", repeats="b", faults_max=1),
    ),
    "snapshots_are_read_back": (
        "no way",
        case("crash", "torn", sends="n", saves_max=2, faults_max=3),
    ),
    "two_snapshots_before_trimming": (
        "no way",
        case("crash", "damage", sends="an", saves_max=3, faults_max=2),
    ),
    "snapshots_of_lost_entries_do_not_count": (
        "no way",
        case("crash", "tail", sends="a", saves_max=2, faults_max=2),
    ),
    "snapshots_lie_on_the_log": (
        "no way",
        case("crash", "tail", sends="a", saves_max=1, faults_max=2),
    ),
    "lost_tails_are_prefixes": (
        "one history",
        case("crash", "tail", sends="a", saves_max=1, faults_max=2),
    ),
    "goes_on_above_the_snapshot": ("kept", case("tail", sends="a", saves_max=1, faults_max=1)),
    "restored_has_the_next_number": ("facts", case("tail", sends="a", saves_max=1, faults_max=1)),
    "leaders_look_for_snapshots": (
        "kept",
        case("tail", sends="a", engines=2, saves_max=1, faults_max=1),
    ),
    "inputs_reach_the_position": (
        "processed",
        case("input", "crash", sends="a", repeats="a", by_clock=False, faults_max=2),
    ),
    "fresh_inputs_begin_behind": (
        "processed",
        case("crash", sends="a", repeats="a", volatile=True, faults_max=1),
    ),
    "never_ahead_of_the_log": ("facts", case("untold", sends="an", faults_max=1)),
    "unreadable_input_is_answered": ("no way", case(sends="?a")),
    "targets_say_how_far_they_are": (
        "projected once",
        case("crash", sends="a", relays=1, faults_max=1),
    ),
    "targets_are_appended_behind_their_last": ("projected once", case(sends="a", relays=2)),
    "epochs_grow": ("epochs", case("lapse", sends="a", engines=2, faults_max=1)),
    "lower_epochs_are_fenced": ("epochs", case("lapse", sends="a", engines=2, faults_max=1)),
    "lease_then_log": ("refused with cause", case("lapse", sends="a", engines=2, faults_max=1)),
    "log_is_kept_for_projections": ("no way", case(sends="na", relays=1, saves_max=2)),
    "log_is_kept_from_the_oldest_snapshot": (
        "no way",
        case("crash", "damage", sends="an", saves_max=3, faults_max=2),
    ),
    "inputs_are_kept_from_the_oldest_snapshot": (
        "no way",
        case("tail", "damage", sends="an", saves_max=2, faults_max=2),
    ),
}
"""Each rule, the law that is broken without it, and what must happen for that."""


def test_every_rule_is_switched_off_somewhere() -> None:
    assert set(OFF) == set(Rules.__annotations__)


@pytest.mark.parametrize("name", WHOLE)
def test_the_rules_hold_over_every_history(name: str) -> None:
    check_whole(WHOLE[name])


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", LARGE)
def test_the_rules_hold_over_every_history_of_more(name: str) -> None:
    check_whole(LARGE[name])


def check_whole(searched: Case) -> None:
    found = explore(searched)
    assert found.broken is None, f"\n{found}"
    assert found.exhausted, f"{found.states} states were not all"
    print(f"{found.states} states, the longest history {found.depth} steps")


def test_what_was_sent_before_a_loss_may_be_taken_after_it() -> None:
    """
    The limit of the rules: an append that was under way when the log lost its tail fits it again.

    What is lost then was in a snapshot, and is not found again; nobody forks, and everybody
    agrees afterwards: that is what the other cases with a lost tail show.
    """
    searched = case("untold", "tail", sends="a", saves_max=1, faults_max=2, strict=True)
    found = explore(searched)
    assert found.broken is not None
    assert found.broken == "kept: a was answered, and entry 1 of epoch 1 goes on without it"
    assert found.history[-1] == "! the log loses its last 2 entries"
    assert explore(attrs.evolve(searched, strict=False)).exhausted


@pytest.mark.parametrize("rule", OFF)
def test_without_this_rule_a_law_is_broken(rule: str) -> None:
    law, searched = OFF[rule]
    whole = explore(searched)
    assert whole.broken is None, f"\n{whole}"
    assert whole.exhausted
    found = explore(attrs.evolve(searched, rules=Rules(**{rule: False})))
    assert found.broken is not None, f"nothing is wrong in {found.states} states without {rule}"
    assert found.broken.startswith(law), f"\n{found}"
    print(f"\nwithout {rule}:\n{found}")
