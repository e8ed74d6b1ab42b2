"""What a resting order takes of memory, in the ladder and in the whole engine."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Final

from benchmarks.measuring import Advance, Figure, amount
from benchmarks.tapes import USERS, commands_of, make_tape, opening_commands
from pmengine.commands import decode_commands, encode_command
from pmengine.engine import Engine
from pmengine.matching.ladder import Ladder

RESTING: Final = 100_000
_NOW_MS: Final = 1_704_110_400_000


def measure(count: int, repeats: int, advance: Advance) -> list[Figure]:
    """Bytes that *count* resting orders add; the same in every repeat, so there is one."""
    tape = make_tape(1, resting=count, owners=USERS, settle=False)
    ladder = Ladder()

    def fill_ladder() -> None:
        for step in tape.before:
            ladder.add(step.is_bid, step.price, step.quantity, step.owner)

    in_ladder = _bytes_of(fill_ladder)
    advance()
    engine = Engine()
    for command in opening_commands():
        engine.handle(command, _NOW_MS)
    payloads = [encode_command(command) for command in commands_of(tape)[0]]

    def fill_engine() -> None:
        # Decoded here, because the engine keeps the texts of the commands.
        for payload in payloads:
            engine.handle(decode_commands(payload)[0], _NOW_MS)

    in_engine = _bytes_of(fill_engine)
    advance()
    return [
        amount("memory, ladder", in_ladder / count, "bytes/order", f"{count} orders rest"),
        amount(
            "memory, engine",
            in_engine / count,
            "bytes/order",
            "the order, its remembered id and its place on the ladder",
        ),
    ]


def _bytes_of(fill: Callable[[], None]) -> int:
    """The memory that *fill* leaves taken."""
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        fill()
        return tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
