"""A batch of entries as one JetStream message."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Final

from pmstore import CorruptData, Entry, Position

BATCH: Final = "Pm-Batch"
"""The header of our messages: the number of entries. Without it a message is one entry."""

_LENGTH: Final = struct.Struct(">I")


def encode(items: Sequence[bytes]) -> bytes:
    """Every payload behind its length."""
    return b"".join(part for item in items for part in (_LENGTH.pack(len(item)), item))


def decode(seq: int, headers: Mapping[str, str], data: bytes, where: str) -> list[Entry]:
    """
    The entries of the message with number *seq*.

    Raises:
        CorruptData: It is not what its header says.
    """
    if BATCH not in headers:
        return [Entry(Position(seq, 0), data)]
    entries: list[Entry] = []
    at = 0
    while at < len(data):
        if at + _LENGTH.size > len(data):
            break
        (length,) = _LENGTH.unpack_from(data, at)
        at += _LENGTH.size + length
        entries.append(Entry(Position(seq, len(entries)), data[at - length : at]))
    if at != len(data) or str(len(entries)) != headers[BATCH]:
        raise CorruptData(f"it is no batch of {headers[BATCH]}", where=f"{where} message {seq}")
    return entries
