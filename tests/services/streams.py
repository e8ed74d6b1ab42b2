"""Streams that count what is asked of them, and fail as a network does: around real ones."""

from __future__ import annotations

import enum
from collections import Counter, deque
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from pmstore import Bounds, Entry, Head, Position, StoreUnavailable, Stream, WriteOutcome
from pmstore.protocols import Coverage, Limits


class Fault(enum.Enum):
    """What becomes of one append."""

    BEFORE = "nothing was written, and nobody knows"
    AFTER = "it was written, and nobody knows"
    REFUSED = "nothing was written, and that is known"


class WatchedStream:
    """
    *stream*, with every call counted and the next appends failing as *faults* says.

    Attributes:
        calls: How often each verb was asked.
        faults: The faults of the next appends, in order; without one an append goes well.
    """

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self.calls: Counter[str] = Counter()
        self.faults: deque[Fault] = deque()

    @property
    def limits(self) -> Limits:
        return self._stream.limits

    @property
    def coverage(self) -> Coverage:
        return self._stream.coverage

    async def __aenter__(self) -> Self:
        await self._stream.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        await self._stream.__aexit__(exc_type, exc, traceback)

    async def append(
        self,
        items: Sequence[bytes],
        /,
        *,
        expect_head: Head | None = None,
        epoch: int | None = None,
    ) -> Position:
        self.calls["append"] += 1
        fault = self.faults.popleft() if self.faults else None
        if fault is Fault.BEFORE:
            raise StoreUnavailable("no answer to the append")
        if fault is Fault.REFUSED:
            raise StoreUnavailable("not now", outcome=WriteOutcome.NOT_APPLIED)
        position = await self._stream.append(items, expect_head=expect_head, epoch=epoch)
        if fault is Fault.AFTER:
            raise StoreUnavailable("no answer to the append")
        return position

    async def read(self, after: Position, limit: int, wait_s: float = 0.0, /) -> list[Entry]:
        self.calls["read"] += 1
        return await self._stream.read(after, limit, wait_s)

    async def trim(self, through: Position, /) -> None:
        self.calls["trim"] += 1
        await self._stream.trim(through)

    async def bounds(self) -> Bounds | None:
        self.calls["bounds"] += 1
        return await self._stream.bounds()

    async def size_bytes(self) -> int:
        self.calls["size_bytes"] += 1
        return await self._stream.size_bytes()
