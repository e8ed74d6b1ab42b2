"""What a resting order takes of memory, in the ladder and in the whole engine."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Sequence
from typing import Final

import attrs
from msgspec.structs import replace

from benchmarks.measuring import Advance, Figure, amount
from benchmarks.tapes import USERS, commands_of, make_tape, opening_commands
from pmengine.commands import Command, SubmitOrder, decode_commands, encode_command
from pmengine.engine import Engine
from pmengine.matching.ladder import Ladder
from pmstore import TimeInForce

RESTING: Final = 100_000
BEYOND_IDS_MAX: Final = 500.0
_NOW_MS: Final = 1_704_110_400_000


def measure(count: int, repeats: int, advance: Advance) -> list[Figure]:
    """Bytes that *count* resting orders add; the same in every repeat, so there is one."""
    tape = make_tape(1, resting=count, owners=USERS, settle=False)
    ladder = Ladder()

    def fill_ladder() -> None:
        for step in tape.before:
            ladder.add(step.is_bid, step.price, step.quantity, step.owner)

    in_ladder = _bytes_of(fill_ladder) / count
    advance()
    orders = [command for command in commands_of(tape)[0] if isinstance(command, SubmitOrder)]
    in_engine = _bytes_in_engine(orders) / count
    # Of an order that never rests, the engine keeps what it has to remember of its ids.
    in_ids = (
        _bytes_in_engine([replace(order, time_in_force=TimeInForce.IOC) for order in orders])
        / count
    )
    advance()
    return [
        amount("memory, ladder", in_ladder, "bytes/order", f"{count} orders rest"),
        amount(
            "memory, engine",
            in_engine,
            "bytes/order",
            "the order, its remembered ids and its place on the ladder",
        ),
        amount(
            "memory, ids",
            in_ids,
            "bytes/order",
            "what is remembered of an order that ended at once, ids and outcome",
        ),
        attrs.evolve(
            amount(
                "memory, engine beyond ids",
                in_engine - in_ids,
                "bytes/order",
                "what a resting order takes more than one that ended",
            ),
            target=BEYOND_IDS_MAX,
            at_most=True,
        ),
    ]


def _bytes_in_engine(commands: Sequence[Command]) -> int:
    """What a new engine keeps of *commands*, decoded here: it keeps the texts in them."""
    engine = Engine()
    for command in opening_commands():
        engine.handle(command, _NOW_MS)
    payloads = [encode_command(command) for command in commands]

    def fill() -> None:
        for payload in payloads:
            engine.handle(decode_commands(payload)[0], _NOW_MS)

    return _bytes_of(fill)


def _bytes_of(fill: Callable[[], None]) -> int:
    """The memory that *fill* leaves taken."""
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        fill()
        return tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
