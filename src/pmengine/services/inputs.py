"""How the engine reads its inputs, whoever wrote to them."""

from __future__ import annotations

from functools import partial
from typing import Final

import structlog

from pmengine.commands import Command, decode_commands
from pmengine.services.log import before
from pmengine.services.outages import persistently
from pmstore import CorruptData, Entry, Position, Stream

READ_ENTRIES_MAX: Final = 1_000
READ_WAIT_S: Final = 0.5
ENTRY_BYTES_MAX: Final = 4 * 2**20
ENTRY_COMMANDS_MAX: Final = 10_000

_logger = structlog.get_logger("pmengine.engine")


async def read_input(stream: Stream, after: Position) -> list[Entry]:
    """What is on an input behind *after*; an entry that cannot even be read has no payload."""
    try:
        return await persistently(
            partial(stream.read, after, READ_ENTRIES_MAX, READ_WAIT_S), "engine"
        )
    except CorruptData as error:
        if error.position is None:
            raise
        _logger.warning("unreadable_input", reason=str(error))
        return [Entry(Position(*error.position), b"")]


async def reaches(stream: Stream, position: Position) -> bool:
    """Whether an input has an entry at *position* or behind it."""
    try:
        return bool(await stream.read(before(position), 1))
    except CorruptData as error:
        if error.position is None:
            raise
        return True


def read_commands(payload: bytes) -> list[Command]:
    """The commands of an input entry, if it is of a size that one batch can hold."""
    if len(payload) > ENTRY_BYTES_MAX:
        raise ValueError(f"{len(payload)} bytes; an input entry has at most {ENTRY_BYTES_MAX}")
    try:
        commands = decode_commands(payload)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if len(commands) > ENTRY_COMMANDS_MAX:
        raise ValueError(f"{len(commands)} commands; an entry has at most {ENTRY_COMMANDS_MAX}")
    return commands
