"""A batch of entries as one JetStream message."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final

from pmstore import CorruptData, Entry, Position
from pmstore_nats.connection import Message

BATCH: Final = "Pm-Batch"
"""The header of our messages: the number of entries. Without it a message is one entry."""

AFTER_MS: Final = "Pm-After-Ms"
"""The header that says of which time the message before it is: time never goes back."""

_LENGTH: Final = struct.Struct(">I")
_PLACE_BITS: Final = 20
"""Behind the number of the message the place in its batch."""


def ms_of(message: Message) -> int:
    """The first half of its entries' ids: the server's time, and that of the one before."""
    said = message.headers.get(AFTER_MS, "")
    return max(message.time_ms, int(said) if said.isdecimal() else 0)


def number_of(id: Position) -> int:
    """The number of the message that an entry is in; 0 of an id that is a time alone."""
    return id.seq >> _PLACE_BITS


def encode(items: Sequence[bytes]) -> bytes:
    """Every payload behind its length."""
    return b"".join(part for item in items for part in (_LENGTH.pack(len(item)), item))


def decode(message: Message, where: str) -> list[Entry]:
    """
    The entries of a message.

    Raises:
        CorruptData: It is not what its header says.
    """
    data, ms, first = message.data, ms_of(message), message.seq << _PLACE_BITS
    if BATCH not in message.headers:
        return [Entry(Position(ms, first), data)]
    entries: list[Entry] = []
    at = 0
    while at < len(data):
        if at + _LENGTH.size > len(data):
            break
        (length,) = _LENGTH.unpack_from(data, at)
        at += _LENGTH.size + length
        entries.append(Entry(Position(ms, first + len(entries)), data[at - length : at]))
    claimed = message.headers[BATCH]
    if at != len(data) or str(len(entries)) != claimed:
        raise CorruptData(
            f"it is no batch of {claimed}",
            where=f"{where} message {message.seq}",
            position=(ms, first),
        )
    return entries
