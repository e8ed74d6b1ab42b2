"""Whether a projection has one entry for every entry of the log, made from it."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Sequence
from typing import Final

import msgspec

from pmengine.invariants import Law, Violation
from pmengine.projections import PROJECTIONS, decode_batch_told
from pmstore import START, Batch, CorruptData, Entry, Position, Stream

READ_ENTRIES_MAX: Final = 256
WAITING_MAX: Final = 4_096
"""Entries of the log that wait for their projection."""


class ProjectionComparison:
    """Reads one projection beside the log; each may be ahead of the other."""

    def __init__(self, name: str, stream: Stream) -> None:
        self.name = name
        self.compared = 0
        """How many entries were compared."""
        self.left_out = 0
        """How many entries of the log did not wait for their projection."""
        self._stream = stream
        self._project = PROJECTIONS[name]
        self._after = START
        self._waiting: OrderedDict[int, tuple[Position, Batch]] = OrderedDict()
        self._ahead: deque[Entry] = deque()
        self._last = 0
        self._log_number = 0
        self._bridged: set[int] = set()
        """Where the log itself goes on behind a gap."""

    async def follow(self, found: Sequence[tuple[Entry, Batch]]) -> list[Violation]:
        """Compare what the projection has by now with what was read of the log."""
        for entry, batch in found:
            if self._log_number and batch.number != self._log_number + 1:
                self._bridged.add(batch.number)
            self._waiting[batch.number] = (entry.id, batch)
            self._log_number = batch.number
        violations: list[Violation] = []
        while True:
            if not self._ahead:
                entries = await self._stream.read(self._after, READ_ENTRIES_MAX)
                if not entries:
                    break
                self._ahead.extend(entries)
                self._after = entries[-1].id
            if not await self._take(violations):
                break
        while len(self._waiting) > WAITING_MAX:
            self._waiting.popitem(last=False)
            self.left_out += 1
        return violations

    async def _take(self, violations: list[Violation]) -> bool:
        """Compare the entries that were read; whether all of them are behind the log."""
        while self._ahead:
            entry = self._ahead[0]
            try:
                told = decode_batch_told(entry.payload, f"{self.name} {entry.id}")
            except CorruptData as error:
                self._ahead.popleft()
                violations.append(Violation(Law.PROJECTION, self.name, str(error)))
                continue
            if told.number > self._log_number:
                return False
            self._ahead.popleft()
            if not self._last or told.number in self._bridged:
                pass
            elif told.number != self._last + 1 and not await self._is_trimmed(told.number):
                text = f"entry {told.number} follows {self._last} at {entry.id}"
                violations.append(Violation(Law.PROJECTION, self.name, text))
            self._last = told.number
            while self._waiting and next(iter(self._waiting)) < told.number:
                self._waiting.popitem(last=False)  # trimmed, or left out: said above
            known = self._waiting.pop(told.number, None)
            if known is None:
                continue
            self.compared += 1
            if not _same(entry.payload, self._project(*known)):
                text = f"entry {told.number} at {entry.id} is not what the log's entry comes to"
                violations.append(Violation(Law.PROJECTION, self.name, text))
        return True

    async def _is_trimmed(self, number: int) -> bool:
        """Whether the entries before *number* were let go while they were read."""
        bounds = await self._stream.bounds()
        if bounds is None:
            return False
        first = bounds.first
        return decode_batch_told(first.payload, f"{self.name} {first.id}").number >= number


def _same(payload: bytes, expected: bytes) -> bool:
    return payload == expected or msgspec.json.decode(payload) == msgspec.json.decode(expected)
