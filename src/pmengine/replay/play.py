"""Plays a recording through an engine and reports how the two agree."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random

import attrs

from pmengine.commands import AddOneEvent, AmendOrder, CancelOrder, SubmitOrder
from pmengine.engine import Engine
from pmengine.facts import Refusal
from pmengine.replay.events import OrderEvent, Print, Reader
from pmengine.replay.fills import Fills
from pmengine.replay.opening import Opening, survey
from pmengine.replay.pace import Pace
from pmengine.replay.pictures import DEPTH, PictureComparison, PictureReport
from pmengine.replay.prints import PrintComparison, PrintReport
from pmengine.replay.translation import TOKENS, Cause, Translator
from pmstore import MatchType

PROGRESS_EVERY = 500
"""Progress is told each time so many events were played."""

Progress = Callable[[int, int], None]
"""Is told how many events were played, and how many there are."""


@attrs.frozen(kw_only=True)
class Report:
    """
    What a replay did, and how it agrees with the recording.

    Attributes:
        events: Events read, by kind.
        commands: Commands made, by kind; those of the opening book apart.
        refused: Commands refused, by kind and reason.
        causes: Events that were no plain submit, cancel or amend, by how they were understood.
        fills_digest: SHA-256 over taker, maker, quantity and first-token price of each fill.
        match_types: Fills by match type.
        seconds: Wall time of the replay, without the first pass.
        engine_seconds: The part of it inside the engine.
    """

    opening: Opening
    events: dict[str, int]
    opening_commands: int
    commands: dict[str, int]
    refused: dict[tuple[str, Refusal], int]
    causes: dict[Cause, int]
    prints: PrintReport
    pictures: PictureReport
    fills_digest: str
    match_types: dict[MatchType, int]
    seconds: float
    engine_seconds: float

    @property
    def commands_per_second(self) -> float:
        """Commands over the wall time of the replay: reading, matching and comparing."""
        return self._rate(self.seconds)

    @property
    def engine_commands_per_second(self) -> float:
        """Commands over the time inside the engine."""
        return self._rate(self.engine_seconds)

    def _rate(self, seconds: float) -> float:
        count = sum(self.commands.values()) + self.opening_commands
        return count / seconds if seconds else 0.0


class Replay:
    """One recording on its way through one engine; `play` may be called once."""

    def __init__(self, opening: Opening, *, complement_seed: int | None = None) -> None:
        self._engine = Engine(ledger=False)
        chance = None if complement_seed is None else Random(complement_seed)
        self._translator = Translator(
            opening.price_offset, self._engine.find_order, complement=chance
        )
        self._opening = opening
        self._fills = Fills()
        self._prints = PrintComparison(
            opening.price_offset, [order.order_id for order in opening.older]
        )
        self._pictures = PictureComparison(opening.price_offset)
        self._events: Counter[str] = Counter()
        self._commands: Counter[str] = Counter()
        self._refused: Counter[tuple[str, Refusal]] = Counter()
        self._engine_ns = 0

    def play(
        self, reader: Reader, path: Path, pace: Pace, progress: Progress = lambda done, of: None
    ) -> Report:
        """
        Play the recording at *path* and report.

        Raises:
            RecordingError: It cannot be read to its end.
        """
        started_ns = time.perf_counter_ns()
        opening = self._opening
        self._do(self._translator.listing(), opening.time_ms)
        self._translator.expect_unsized(opening.unsized)
        for order in opening.older:
            self._do(self._translator.open(order), opening.time_ms)
        opening_commands = sum(self._commands.values())
        self._commands.clear()
        ladder = self._engine.books[TOKENS[0]].ladder
        for done, event in enumerate(reader(path)):
            if done % PROGRESS_EVERY == 0:
                progress(done, opening.events)
            pace.wait_for(event.time_ms)
            if isinstance(event, OrderEvent):
                self._events[event.kind.value] += 1
                self._pictures.touch(event)
                command = self._translator.translate(event)
                if command is not None:
                    self._do(command, event.time_ms)
            elif isinstance(event, Print):
                self._events["trade"] += 1
                self._prints.add_print(event)
            else:
                self._events["order_book"] += 1
                self._pictures.compare(
                    event, ladder.levels(True, DEPTH), ladder.levels(False, DEPTH)
                )
        progress(opening.events, opening.events)
        prints = self._prints.report()
        return Report(
            opening=opening,
            events=dict(self._events),
            opening_commands=opening_commands,
            commands=dict(self._commands),
            refused=dict(self._refused),
            causes={one: self._translator.causes[one] for one in Cause},
            prints=prints,
            pictures=self._pictures.report(prints.extra),
            fills_digest=self._fills.digest,
            match_types=dict(self._fills.match_types),
            seconds=(time.perf_counter_ns() - started_ns) / 1e9,
            engine_seconds=self._engine_ns / 1e9,
        )

    def _do(
        self, command: AddOneEvent | SubmitOrder | CancelOrder | AmendOrder, time_ms: int
    ) -> None:
        before = time.perf_counter_ns()
        outcome = self._engine.handle(command, time_ms)
        self._engine_ns += time.perf_counter_ns() - before
        name = type(command).__name__
        self._commands[name] += 1
        if outcome.refusal is not None:
            self._refused[name, outcome.refusal] += 1
        for trade in outcome.trades:
            self._prints.add_fill(self._fills.add(trade))


def replay(
    reader: Reader,
    path: Path,
    *,
    pace: Pace | None = None,
    complement_seed: int | None = None,
    opening: Opening | None = None,
    progress: Progress = lambda done, of: None,
) -> Report:
    """
    Play the recording at *path* through a new engine without ledger, on one market.

    The recording is read twice: first for what stood before it began, unless *opening* says
    that already. Of each event only what came before it is known.

    Args:
        pace: How fast; full speed by default.
        complement_seed: Turn a random half of the orders into their complement.

    Raises:
        RecordingError: The recording cannot be read to its end.

    Cost:
        Memory for the open orders and one entry per order event; time linear in events.
    """
    if opening is None:
        opening = survey(reader(path))
    return Replay(opening, complement_seed=complement_seed).play(
        reader, path, pace or Pace(), progress
    )
