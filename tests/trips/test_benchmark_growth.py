"""What the benchmark of growth stands on: flow over many markets, and a readable picture."""

from __future__ import annotations

from xml.etree import ElementTree

from benchmarks.plot import drawn
from benchmarks.tapes import (
    TAKE,
    USERS,
    commands_from,
    make_tape,
    opening_commands,
)
from pmengine.engine import Engine
from pmengine.invariants import engine_violations

NOW_MS = 1_704_110_400_000
MARKETS = 7
SVG = "{http://www.w3.org/2000/svg}"


def test_orders_of_many_markets_are_all_taken_although_nobody_has_tokens() -> None:
    tape = make_tape(2_000, ladders=MARKETS, resting=700, owners=USERS, settle=False)
    engine = Engine()
    for command in opening_commands(MARKETS, pairs=False):
        assert engine.handle(command, NOW_MS).refusal is None
    traded = 0
    for command in commands_from([*tape.before, *tape.measured], buys_only=True):
        outcome = engine.handle(command, NOW_MS)
        assert outcome.refusal is None
        traded += bool(outcome.trades)
    assert traded >= 0.95 * sum(step.kind == TAKE for step in tape.measured)
    assert engine_violations(engine) == []


def test_a_picture_has_every_line_with_all_of_its_points_inside() -> None:
    lines = {"<orders>": [(1_000, 1.5), (1_000_000, 2.7)], "markets": [(1, 2.0)]}
    picture = ElementTree.fromstring(drawn("growth", "size", "µs", lines))
    _, _, width, height = map(float, picture.attrib["viewBox"].split())
    points = [(float(c.attrib["cx"]), float(c.attrib["cy"])) for c in picture.iter(f"{SVG}circle")]
    assert len(points) == 3
    assert all(0 < x < width and 0 < y < height for x, y in points)
    (low, high) = points[:2]
    assert low[0] < high[0]
    assert low[1] > high[1], "what costs more stands higher"
    texts = [text.text for text in picture.iter(f"{SVG}text")]
    assert {"growth", "size", "µs", "<orders>", "markets", "1,000,000"} <= set(texts)
