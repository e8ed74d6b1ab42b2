"""What a command costs as resting orders and markets become many: a table, and a plot as SVG."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Final

from benchmarks.measuring import Advance, Figure, Stopwatch, rate, ratio
from benchmarks.plot import drawn
from benchmarks.tapes import USERS, commands_from, make_tape, opening_commands
from pmengine.commands import Command
from pmengine.compiled import is_compiled
from pmengine.engine import Engine

RESTING_MAX: Final = 1_000_000
PARTS: Final = (1_000, 100, 10, 1)
"""The engines with one market have the most orders divided by these."""
MARKETS: Final = (1, 10, 100, 1_000, 10_000)
ORDERS_TARGET: Final = 2.0
MARKETS_TARGET: Final = 3.0
BATCH: Final = 1_000
_MEASURED_PART: Final = 50
"""A run has one command for so many of the most orders."""
_RESTING_PART: Final = 10
"""The engines with many markets have one order in all for so many of the most."""
_START_MS: Final = 1_704_110_400_000
_FOLDER: Final = Path(".benchmarks")


def measure(count: int, repeats: int, advance: Advance) -> list[Figure]:
    """
    Engines of all sizes up to *count* resting orders, their runs taken in turn.

    Each goes on with the mix where its last run ended, so that its size stays about the same.
    """
    measured = max(count // _MEASURED_PART, BATCH)
    resting = count // _RESTING_PART
    by_orders = [_Grown(count // part, 1, measured, repeats, buys_only=False) for part in PARTS]
    # Nobody could begin with tokens of ten thousand markets: there all orders buy.
    by_markets = [
        _Grown(resting, markets, measured, repeats, buys_only=True) for markets in MARKETS
    ]
    for _ in range(repeats):
        for grown in (*by_orders, *by_markets):
            grown.run()
            advance()
    path = _plot(by_orders, by_markets)
    figures = [(f"growth, {grown.resting:,} orders", grown) for grown in by_orders]
    figures += [(f"growth, orders in {grown.markets:,} markets", grown) for grown in by_markets]
    return [
        *[rate(name, grown.watch.runs, unit="commands/s") for name, grown in figures],
        _times(
            "growth, cost by orders",
            by_orders,
            ORDERS_TARGET,
            f"{count:,} orders next to {by_orders[0].resting:,}; drawn in {path}",
        ),
        _times(
            "growth, cost by markets",
            by_markets,
            MARKETS_TARGET,
            f"{resting:,} orders in {MARKETS[-1]:,} markets next to {MARKETS[0]}",
        ),
    ]


class _Grown:
    """An engine of a certain size, and what it still has to do."""

    def __init__(
        self, resting: int, markets: int, measured: int, repeats: int, *, buys_only: bool
    ) -> None:
        self.resting = resting
        self.markets = markets
        self.watch = Stopwatch()
        self._measured = measured
        self._engine = Engine()
        self._time_ms = _START_MS
        tape = make_tape(
            measured * repeats,
            ladders=markets,
            resting=resting,
            owners=USERS,
            settle=False,
            steady_within=1.0,
        )
        self._handle(opening_commands(markets, pairs=not buys_only))
        self._commands = commands_from(chain(tape.before, tape.measured), buys_only=buys_only)
        for _ in range(0, resting, BATCH):
            self._handle(list(islice(self._commands, BATCH)))

    @property
    def microseconds(self) -> float:
        """The median of what a command took."""
        return statistics.median(run.seconds / run.operations * 1e6 for run in self.watch.runs)

    def run(self) -> None:
        """Handle the next commands against the clock."""
        commands = list(islice(self._commands, self._measured))
        with self.watch.work(len(commands)):
            self._handle(commands)

    def _handle(self, commands: Sequence[Command]) -> None:
        """Let the engine do *commands*, a batch each millisecond."""
        for start in range(0, len(commands), BATCH):
            self._engine.handle_batch(commands[start : start + BATCH], self._time_ms)
            self._time_ms += 1


def _times(name: str, grown: Sequence[_Grown], target: float, detail: str) -> Figure:
    """How many times as long a command takes in the largest as in the smallest."""
    largest, smallest = grown[-1].watch.runs, grown[0].watch.runs
    return ratio(name, largest, smallest, at_most=target, detail=detail)


def _plot(by_orders: Sequence[_Grown], by_markets: Sequence[_Grown]) -> Path:
    code = "compiled" if is_compiled() else "interpreted"
    picture = drawn(
        f"What a command costs as the engine fills ({code})",
        "orders that rest, markets",
        "µs",
        {
            "resting orders, one market": [(one.resting, one.microseconds) for one in by_orders],
            f"markets, {by_markets[0].resting:,} orders in all": [
                (one.markets, one.microseconds) for one in by_markets
            ],
        },
    )
    _FOLDER.mkdir(parents=True, exist_ok=True)
    path = _FOLDER / f"growth-{code}.svg"
    path.write_text(picture, encoding="utf-8")
    return path
