"""The newest entries of a stream in memory, so that following its head reads no file."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from operator import attrgetter
from typing import Final

from pmstore.models.position import Entry, Position

TAIL_BYTES_MAX: Final = 16 * 1024 * 1024
_id = attrgetter("id")


class Tail:
    """All entries held later than `floor`, at most about twice `TAIL_BYTES_MAX` of them."""

    def __init__(self, floor: Position) -> None:
        self.floor = floor
        self._entries: list[Entry] = []
        self._bytes = 0

    def extend(self, entries: Sequence[Entry]) -> None:
        """Add the next entries."""
        self._entries.extend(entries)
        self._bytes += sum([len(entry.payload) for entry in entries])
        if self._bytes > 2 * TAIL_BYTES_MAX:
            self._shrink()

    def after(self, position: Position, limit: int) -> list[Entry]:
        """Up to *limit* entries after *position*, which is not before `floor`."""
        start = bisect_right(self._entries, position, key=_id)
        return self._entries[start : start + limit]

    def forget(self, through: Position) -> None:
        """Drop the entries up to and including *through*, which were trimmed."""
        self._drop(bisect_right(self._entries, through, key=_id))

    def _shrink(self) -> None:
        """Drop the older half at once, so that each entry is moved once at most."""
        surplus, count = self._bytes - TAIL_BYTES_MAX, 0
        while surplus > 0 and count < len(self._entries) - 1:
            surplus -= len(self._entries[count].payload)
            count += 1
        if count:
            self.floor = self._entries[count - 1].id
            self._drop(count)

    def _drop(self, count: int) -> None:
        self._bytes -= sum([len(entry.payload) for entry in self._entries[:count]])
        del self._entries[:count]
