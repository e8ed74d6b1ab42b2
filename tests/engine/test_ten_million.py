"""Ten million random commands: the laws hold, and everyone who takes them agrees to the byte."""

from __future__ import annotations

from typing import Any

import pytest

from pmengine.engine import Engine
from pmengine.formatted_journal import FormattedJournal
from pmengine.invariants import engine_violations, state_violations
from pmengine.journal import Journal
from pmengine.matching import Ladder, NaiveLadder
from pmstore import SelfTrade, State
from pmstore.codec import decode_changes
from tests.engine.listings import START_MS, opening
from tests.engine.tapes import Tape
from tests.engine.witnesses import through_the_file

PARTS = 10
RUNS = 50
COMMANDS = 20_000
BATCH = 100
LOOK_EVERY = 5_000

OPTIONS: tuple[dict[str, Any], ...] = (
    {},
    {"step_max": 2, "id_memory_s": 5},
    {"ledger": False, "self_trade": SelfTrade.CANCEL_MAKER},
    {"step_max": 1, "id_memory_s": 1, "open_orders_max": 20},
)


@pytest.mark.soak
@pytest.mark.parametrize("part", range(PARTS))
def test_a_million_commands_are_taken_alike_by_everyone(part: int) -> None:
    for run in range(RUNS):
        seed = part * RUNS + run
        take(seed, OPTIONS[seed % len(OPTIONS)])


def test_twenty_thousand_commands_are_taken_alike_by_everyone() -> None:
    take(10**6, OPTIONS[1])


def take(seed: int, options: dict[str, Any]) -> None:
    """
    Let four engines take one tape: on each ladder, once more, and with a restart in between.

    Their facts are equal batch by batch, their digests at every look; the fold of the facts
    is their state, and breaks no law.
    """
    ledger = options.get("ledger", True)
    first = Engine(new_ladder=Ladder, new_journal=Journal, **options)
    naive = Engine(new_ladder=NaiveLadder, new_journal=FormattedJournal, **options)
    again = Engine(new_ladder=Ladder, new_journal=FormattedJournal, **options)
    restarted = Engine(**options)
    fold = State(id_memory_s=options.get("id_memory_s", 86_400))
    commands = [(command, START_MS) for command in opening(exclusive=ledger)]
    commands += Tape(seed, exclusive=ledger).run(COMMANDS)
    for start in range(0, len(commands), BATCH):
        for command, time_ms in commands[start : start + BATCH]:
            for engine in (first, naive, again, restarted):
                engine.do(command, time_ms)
        facts = first.take_facts()
        for engine in (naive, again, restarted):
            assert engine.take_facts() == facts, f"tape {seed}, before command {start + BATCH}"
        fold.apply_all(decode_changes(facts, "facts"))
        if start % LOOK_EVERY == 0:
            assert engine_violations(first, ledger=ledger) == []
            restarted = Engine.restore(through_the_file(restarted.snapshot(1)), **options)
    digests = {engine.state_digest() for engine in (first, naive, again, restarted)}
    assert digests == {fold.digest()}
    assert state_violations(fold, ledger=ledger) == []
