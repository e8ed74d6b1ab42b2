"""Stream entries as Redis answers them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from pmstore.errors import CorruptData
from pmstore.models.position import Entry, Position

RawEntry = Sequence[Any]
"""An id, and names and values of fields in turn (None: the entry is gone)."""


def entry_of(raw: RawEntry, key: str) -> Entry:
    """
    The entry, its payload being the value of its only field, whatever that is called.

    Raises:
        CorruptData: It has no field, or several.
    """
    (entry,) = entries_of((raw,), key)
    return entry


def entries_of(raws: Iterable[RawEntry], key: str) -> list[Entry]:
    """
    The entries before the first one that cannot be right.

    Raises:
        CorruptData: The very first cannot be right.
    """
    entries: list[Entry] = []
    for id, fields in raws:
        if fields is None or len(fields) != 2:
            if entries:
                break
            seen = "is gone" if fields is None else f"has {len(fields) // 2} fields"
            raise CorruptData(
                f"{seen}; an entry has one",
                where=f"stream {key} entry {id.decode()}",
                position=position_of(id),
            )
        ms, _, seq = id.partition(b"-")
        entries.append(Entry(Position(int(ms), int(seq)), fields[1]))
    return entries


def position_of(id: bytes) -> Position:
    """The position that an id names."""
    ms, _, seq = id.partition(b"-")
    return Position(int(ms), int(seq))
