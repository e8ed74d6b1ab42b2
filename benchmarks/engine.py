"""The engine with ledger, ids and users, in memory: commands to facts, and facts to bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from benchmarks.measuring import Advance, Figure, Stopwatch, rate
from benchmarks.tapes import USERS, commands_of, make_tape, opening_commands
from pmengine.commands import ORDER_INPUT, Command
from pmengine.engine import Engine
from pmstore import Change, Position
from pmstore.codec import GENESIS_HASH, encode_batch

COMMANDS_TARGET: Final = 300_000
BATCH: Final = 1_000
_START_MS: Final = 1_704_110_400_000


def measure(count: int, repeats: int, advance: Advance) -> list[Figure]:
    """Commands into facts, and the encoding of those facts, in turn."""
    tape = make_tape(count, owners=USERS)
    before, measured = commands_of(tape)
    handling, encoding = Stopwatch(), Stopwatch()
    facts = fact_bytes = 0
    for _ in range(repeats):
        engine = Engine()
        _handle(engine, [*opening_commands(), *before], _START_MS)
        with handling.work(count):
            batches = _handle(engine, measured, _START_MS + 1_000)
        advance()
        facts = sum(len(batch) for batch in batches)
        with encoding.work(facts):
            payloads = [
                encode_batch(
                    number, 1, _START_MS, GENESIS_HASH, {ORDER_INPUT: Position(number, 0)}, batch
                )[0]
                for number, batch in enumerate(batches, start=1)
            ]
        fact_bytes = sum(len(payload) for payload in payloads)
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
            detail=f"with the hash of each batch; {fact_bytes / count:.0f} bytes a command",
        ),
    ]


def _handle(engine: Engine, commands: Sequence[Command], time_ms: int) -> list[list[Change]]:
    """The facts of *commands*, a batch each millisecond."""
    return [
        engine.handle_batch(commands[start : start + BATCH], time_ms + start // BATCH)
        for start in range(0, len(commands), BATCH)
    ]
