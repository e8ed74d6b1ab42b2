"""The engine with ledger, ids and users, in memory: commands to encoded entries of the log."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from benchmarks.measuring import Advance, Figure, Stopwatch, rate
from benchmarks.tapes import USERS, commands_of, make_tape, opening_commands
from pmengine.commands import ORDER_INPUT, Command
from pmengine.engine import Engine
from pmstore import Position
from pmstore.codec import GENESIS_HASH, encode_batch

COMMANDS_TARGET: Final = 300_000
BATCH: Final = 1_000
_START_MS: Final = 1_704_110_400_000


def measure(count: int, repeats: int, advance: Advance) -> list[Figure]:
    """Commands into entries of the log, facts and hash included."""
    tape = make_tape(count, owners=USERS)
    before, measured = commands_of(tape)
    handling = Stopwatch()
    entry_bytes = 0
    for _ in range(repeats):
        engine = _opened(before)
        with handling.work(count):
            # As in the service, the entry of a batch is gone before the next one.
            entry_bytes = sum(map(len, _entries(engine, measured)))
        advance()
    return [
        rate(
            "engine, ledger and entry",
            handling.runs,
            target=COMMANDS_TARGET,
            unit="commands/s",
            detail=f"{tape.resting} orders rest, {USERS} users, batches of {BATCH}; "
            f"{entry_bytes / count:.0f} bytes a command",
        ),
    ]


def _opened(before: Sequence[Command]) -> Engine:
    engine = Engine()
    for _ in _entries(engine, [*opening_commands(), *before], _START_MS):
        pass
    return engine


def _entries(
    engine: Engine, commands: Sequence[Command], time_ms: int = _START_MS + 1_000
) -> Iterator[bytes]:
    """The log's entries of *commands*, a batch each millisecond."""
    prev_hash = GENESIS_HASH
    for number, start in enumerate(range(0, len(commands), BATCH), start=1):
        now_ms = time_ms + number
        facts = engine.handle_batch(commands[start : start + BATCH], now_ms)
        position = {ORDER_INPUT: Position(number, 0)}
        entry, prev_hash = encode_batch(number, 1, now_ms, prev_hash, position, facts)
        yield entry
