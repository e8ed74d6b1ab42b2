"""A stream in memory that can lose its tail under those who use it, as a restored backup does."""

from __future__ import annotations

from collections.abc import Sequence

from pmengine.services.log import before
from pmstore import START, Head, Position
from pmstore.backends.memory import MemoryStream
from pmstore.clock import Clock
from tests.services.streams import WatchedStream

ENTRIES_MAX = 100_000


class LosingStream(WatchedStream):
    """
    A watched stream in memory.

    Args:
        clock: Gives its entries their ids.

    Attributes:
        history: Every payload that was appended and not lost, trimmed or not.
    """

    def __init__(self, clock: Clock) -> None:
        self.history: list[bytes] = []
        self._clock = clock
        self._replayed_ms: int | None = None
        self._least_ms = 0
        super().__init__(self._new())

    async def append(
        self,
        items: Sequence[bytes],
        /,
        *,
        expect_head: Head | None = None,
        epoch: int | None = None,
    ) -> Position:
        position = await super().append(items, expect_head=expect_head, epoch=epoch)
        self.history += items
        return position

    async def lose(self, entries: int) -> None:
        """Be as before the last *entries* were appended, and before any epoch was seen."""
        held = await self._stream.read(START, ENTRIES_MAX)
        begin = before(held[0].id) if held else START
        shorter = await self._new(begin).__aenter__()
        for entry in held[: len(held) - entries]:
            self._replayed_ms = entry.id.ms
            assert await shorter.append([entry.payload]) == entry.id
        self._replayed_ms = None
        if held:
            # To restore takes time: no id is given again.
            self._least_ms = held[-1].id.ms + 1
        self._stream = shorter
        del self.history[len(self.history) - entries :]

    def _new(self, start: Position = START) -> MemoryStream:
        return MemoryStream(start=start, clock=self._now)

    def _now(self) -> int:
        if self._replayed_ms is not None:
            return self._replayed_ms
        return max(self._clock(), self._least_ms)
