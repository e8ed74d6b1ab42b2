"""The engine with ledger, ids and users, in memory: commands to facts, and facts to bytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from benchmarks.measuring import Advance, Figure, Stopwatch, rate
from benchmarks.tapes import USERS, commands_of, make_tape, opening_commands
from pmengine.commands import ORDER_INPUT, Command
from pmengine.engine import Engine
from pmstore import Change, Position
from pmstore.codec import GENESIS_HASH, encode_batch

COMMANDS_TARGET: Final = 300_000
ENCODED_MAX: Final = 20_000
BATCH: Final = 1_000
_START_MS: Final = 1_704_110_400_000


def measure(count: int, repeats: int, advance: Advance) -> list[Figure]:
    """Commands into facts, and the encoding of those facts, in turn."""
    tape = make_tape(count, owners=USERS)
    before, measured = commands_of(tape)
    handling, encoding = Stopwatch(), Stopwatch()
    facts = fact_bytes = 0
    sample = measured[:ENCODED_MAX]
    for _ in range(repeats):
        engine = _opened(before)
        with handling.work(count):
            # As in the service, the facts of a batch are gone before the next one.
            facts = sum(map(len, _handle(engine, measured)))
        advance()
        batches = list(_handle(_opened(before), sample))
        with encoding.work(sum(map(len, batches))):
            payloads = [
                encode_batch(
                    number, 1, _START_MS, GENESIS_HASH, {ORDER_INPUT: Position(number, 0)}, batch
                )[0]
                for number, batch in enumerate(batches, start=1)
            ]
        fact_bytes = sum(map(len, payloads))
        advance()
    return [
        rate(
            "engine, ledger and facts",
            handling.runs,
            target=COMMANDS_TARGET,
            unit="commands/s",
            detail=f"{tape.resting} orders rest, {USERS} users, batches of {BATCH}; "
            f"{facts / count:.2f} facts a command",
        ),
        rate(
            "encoding of facts",
            encoding.runs,
            unit="facts/s",
            detail=f"with the hash of each batch; {fact_bytes / len(sample):.0f} bytes a command",
        ),
    ]


def _opened(before: Sequence[Command]) -> Engine:
    engine = Engine()
    for _ in _handle(engine, [*opening_commands(), *before], _START_MS):
        pass
    return engine


def _handle(
    engine: Engine, commands: Sequence[Command], time_ms: int = _START_MS + 1_000
) -> Iterator[list[Change]]:
    """The facts of *commands*, a batch each millisecond."""
    for start in range(0, len(commands), BATCH):
        yield engine.handle_batch(commands[start : start + BATCH], time_ms + start // BATCH)
