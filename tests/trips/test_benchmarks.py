"""The benchmarks measure what they say: tapes of the stated mix, and all of it done."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.__main__ import BENCHMARKS, main
from benchmarks.measuring import Run, duration, rate, ratio
from benchmarks.tapes import (
    ADD,
    CANCEL,
    TAKE,
    USERS,
    commands_of,
    make_tape,
    opening_commands,
)
from pmengine.engine import Engine
from pmengine.invariants import engine_violations

NOW_MS = 1_704_110_400_000
COUNT = 10_000


def test_a_tape_has_the_stated_mix_and_is_the_same_for_one_seed() -> None:
    tape = make_tape(COUNT)
    kinds = Counter(step.kind for step in tape.measured)
    shares = [kinds[kind] / COUNT for kind in (ADD, CANCEL, TAKE)]
    assert shares == pytest.approx([0.5, 0.3, 0.2], abs=0.02)
    assert make_tape(COUNT) == tape
    assert make_tape(COUNT, seed=2) != tape


def test_an_engine_does_everything_that_a_tape_says() -> None:
    tape = make_tape(COUNT, resting=2_000, owners=USERS)
    before, measured = commands_of(tape)
    engine = Engine()
    for command in [*opening_commands(), *before]:
        assert engine.handle(command, NOW_MS).refusal is None
    assert len(engine.state.orders) == tape.resting
    traded = 0
    for command in measured:
        outcome = engine.handle(command, NOW_MS)
        assert outcome.refusal is None
        traded += bool(outcome.trades)
    taking = sum(step.kind == TAKE for step in tape.measured)
    assert traded == pytest.approx(taking, rel=0.02)
    assert engine_violations(engine) == []


def test_a_median_is_shown_with_its_ratio_and_its_target() -> None:
    runs = [Run(1000, seconds, 10.0) for seconds in (0.001, 0.002, 0.5)]
    figure = rate("rate", runs, target=250_000)
    assert (figure.value, figure.reached) == (500_000, 2)
    assert figure.bare_loop_ratio == pytest.approx(200)
    slow = duration("time", runs, target=0.001)
    assert slow.reached == 0.5


def test_rivals_are_compared_pair_by_pair() -> None:
    runs = [Run(1000, seconds, 10.0) for seconds in (0.002, 0.004, 0.008)]
    rival = [Run(1000, seconds, 10.0) for seconds in (0.001, 0.002, 0.002)]
    longer = ratio("longer", runs, rival, at_most=4.0)
    assert (longer.value, longer.reached) == (2, 2)
    faster = ratio("faster", rival, runs, at_least=4.0)
    assert (faster.value, faster.reached) == (2, 0.5)


# The one with peers installs them from the index; what it does without is tested beside.
@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.soak] if name == "peers" else [])
        for name in BENCHMARKS
    ],
)
def test_a_benchmark_runs_and_writes_its_figures(name: str, tmp_path: Path) -> None:
    path = tmp_path / "figures" / "latest.json"
    figures = main(["--quick", name, "--json", str(path)])
    written = json.loads(path.read_text(encoding="utf-8"))
    assert [one["name"] for one in written["figures"]] == [one.name for one in figures]
    assert all(one["value"] > 0 for one in written["figures"])
    timed = [one for one in written["figures"] if one["runs"] > 1 and one["unit"] != "x"]
    assert all(one["bare_loop_ratio"] for one in timed)
    assert written["machine"]["hot_loop"] in ("compiled", "interpreted")
    assert written["quick"] is True


def test_a_benchmark_that_does_not_exist_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["speed"])
    assert "no benchmark 'speed'" in capsys.readouterr().err
