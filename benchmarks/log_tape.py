"""A log as the engine writes it, in a file: so many resting orders, and a mix of commands after."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Final

import attrs
import msgspec

from benchmarks.tapes import USERS, commands_from, make_tape, opening_commands
from pmengine.commands import EVENT_INPUT, ORDER_INPUT, Command
from pmengine.engine import Engine
from pmstore import START, Position
from pmstore.codec import GENESIS_HASH, encode_batch

BATCH: Final = 64
"""Commands of an entry."""
MARKETS: Final = 100
_NOW_MS: Final = 1_704_110_400_000
_SIZE: Final = struct.Struct("<I")
_unread: Final = msgspec.json.Decoder(list[msgspec.Raw])


@attrs.frozen(kw_only=True)
class LogTape:
    """
    A file of entries: those that fill the books, then those of the mix.

    `entries` and `changes` are those of the mix; `resting` orders stand before it.
    """

    path: Path
    fill_entries: int
    fill_changes: int
    entries: int
    changes: int
    resting: int

    def read(self) -> Iterator[bytes]:
        """The payloads, in order."""
        with self.path.open("rb") as file:
            while size := file.read(_SIZE.size):
                yield file.read(_SIZE.unpack(size)[0])


def write_log(path: Path, *, resting: int, count: int) -> LogTape:
    """
    Let an engine write what *count* commands of the mix change among *resting* orders.

    Nobody is paid or charged anything but cash: both sides buy, and meet in minted pairs.
    """
    tape = make_tape(count, resting=resting, owners=USERS, settle=False, ladders=MARKETS)
    engine, log = Engine(), _Log()
    with path.open("wb") as file:
        commands = commands_from([*tape.before, *tape.measured], buys_only=True)
        fill = [*opening_commands(MARKETS, pairs=False), *islice(commands, len(tape.before))]
        log.write(engine, fill, file.write)
        rests, fill_entries, fill_changes = engine.open_orders(), log.number, log.changes
        log.write(engine, commands, file.write)
    return LogTape(
        path=path,
        fill_entries=fill_entries,
        fill_changes=fill_changes,
        entries=log.number - fill_entries,
        changes=log.changes - fill_changes,
        resting=rests,
    )


class _Log:
    def __init__(self) -> None:
        self.number = 0
        self.changes = 0
        self._hash = GENESIS_HASH

    def write(
        self, engine: Engine, commands: Iterable[Command], out: Callable[[bytes], object]
    ) -> None:
        remaining = iter(commands)
        while batch := list(islice(remaining, BATCH)):
            self.number += 1
            now_ms = _NOW_MS + self.number
            for command in batch:
                engine.do(command, now_ms)
            facts = engine.take_facts()
            self.changes += len(_unread.decode(facts))
            positions = {ORDER_INPUT: Position(now_ms, 0), EVENT_INPUT: START}
            payload, self._hash = encode_batch(
                self.number, 1, engine.time_ms, self._hash, positions, facts
            )
            out(_SIZE.pack(len(payload)) + payload)
