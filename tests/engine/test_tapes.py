"""Long random tapes: everyone who sees them agrees, and the invariants hold all along."""

from __future__ import annotations

import pytest

from pmengine.engine import Engine
from pmengine.invariants import engine_violations
from pmengine.matching import Ladder, NaiveLadder
from pmstore import SelfTrade, State
from tests.engine.listings import START_MS, opening
from tests.engine.tapes import Tape
from tests.engine.witnesses import Witnesses


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"step_max": 2},
        {"id_memory_s": 1, "step_max": 3},
        {"ledger": False},
        {"self_trade": SelfTrade.CANCEL_MAKER, "shard": 7, "step_max": 1},
    ],
    ids=["plain", "small steps", "short memory", "no ledger", "cancel maker"],
)
def test_everyone_agrees_after_every_command(seed: int, options: dict[str, object]) -> None:
    few_ids = 40 if "id_memory_s" in options else 10**9
    witnesses = Witnesses(**options)
    for command in opening(exclusive=True):
        witnesses.handle(command, START_MS)
    for command, time_ms in Tape(seed, exclusive=True, id_range=few_ids).run(150):
        witnesses.handle(command, time_ms)


@pytest.mark.parametrize("seed", [11, pytest.param(12, marks=pytest.mark.soak)])
def test_twenty_thousand_commands_give_the_same_facts_on_both_ladders(seed: int) -> None:
    fast, naive = Engine(new_ladder=Ladder), Engine(new_ladder=NaiveLadder)
    fold = State()
    traded = 0
    commands = [(command, START_MS) for command in opening(exclusive=True)]
    commands += Tape(seed, exclusive=True).run(20_000)
    for number, (command, time_ms) in enumerate(commands):
        outcome = fast.handle(command, time_ms)
        assert naive.handle(command, time_ms) == outcome
        traded += len(outcome.trades)
        fold.apply_all(outcome.facts)
        if number % 1_000 == 0:
            assert engine_violations(fast) == []
            assert fold.digest() == fast.state_digest() == naive.state_digest()
    assert fold.digest() == fast.state_digest() == naive.state_digest()
    assert traded > 1_500, "the tape must make orders meet"
