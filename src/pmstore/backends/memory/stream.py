"""A stream in memory."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import Sequence
from types import TracebackType

from pmstore.clock import Clock, system_clock
from pmstore.errors import Conflict, Fenced, InvalidQuery, InvalidRecord
from pmstore.models.position import EMPTY, START, Bounds, Entry, Head, Position
from pmstore.storage.lifetime import Lifetime


class MemoryStream(Lifetime):
    """
    An ordered log in this process; a `Stream`.

    Every verb but a waiting `read` is one step of the event loop. An append wakes every
    waiting reader; leaving `async with` wakes them with `StoreClosed`.

    Args:
        start: Ids begin after this position.
        clock: The time now in epoch milliseconds: the first part of an entry's id.
    """

    def __init__(
        self,
        *,
        start: Position = START,
        clock: Clock = system_clock,
    ) -> None:
        super().__init__()
        self._clock = clock
        self._last = start
        self._entries: list[Entry] = []
        self._ids: list[Position] = []
        self._size_bytes = 0
        self._epoch = 0
        self._waiting: set[asyncio.Future[None]] = set()

    async def append(
        self,
        items: Sequence[bytes],
        /,
        *,
        expect_head: Head | None = None,
        epoch: int | None = None,
    ) -> Position:
        """
        Add entries at the end; see `Stream.append`.

        The epoch is compared before the head, and remembered only by a written append. An
        append without an epoch is a writer that takes no part in fencing.
        """
        self.check_call(len(items))
        if not items:
            raise InvalidRecord("no item to append; an append has at least one")
        for item in items:
            if not isinstance(item, bytes) or not item:
                raise InvalidRecord(f"an item is {item!r}; an entry is bytes, at least one")
        if epoch is not None and epoch < self._epoch:
            raise Fenced(f"epoch {epoch} is over: epoch {self._epoch} has written; stop writing")
        if expect_head is not None and expect_head != self._head():
            raise Conflict(f"the head is {self._head()}, not {expect_head}; read to the end again")
        if epoch is not None:
            self._epoch = epoch
        now_ms = self._clock()
        for item in items:
            self._last = self._last.next(now_ms)
            self._entries.append(Entry(self._last, item))
            self._ids.append(self._last)
            self._size_bytes += len(item)
        self._wake()
        return self._last

    async def read(self, after: Position, limit: int, wait_s: float = 0.0, /) -> list[Entry]:
        """Up to *limit* entries after *after*, waiting for one; see `Stream.read`."""
        self.check_call()
        if limit < 1:
            raise InvalidQuery(f"limit is {limit}; read at least one entry")
        found = self._after(after, limit)
        if found or wait_s <= 0:
            return found
        try:
            async with asyncio.timeout(wait_s):
                while not found:
                    await self._growth()
                    self.check_call()
                    found = self._after(after, limit)
        except TimeoutError:
            # An append of the same event loop step as the timeout is not lost.
            self.check_call()
            found = self._after(after, limit)
        return found

    async def trim(self, through: Position, /) -> None:
        """Drop the entries up to and including *through*, never the last; see `Stream.trim`."""
        self.check_call()
        count = min(bisect_right(self._ids, through), len(self._ids) - 1)
        if count > 0:
            self._size_bytes -= sum(len(entry.payload) for entry in self._entries[:count])
            del self._entries[:count]
            del self._ids[:count]

    async def bounds(self) -> Bounds | None:
        """The first and the last entry held, None if there never was one."""
        self.check_call()
        return Bounds(self._entries[0], self._entries[-1]) if self._entries else None

    async def size_bytes(self) -> int:
        """The bytes of the payloads held; they are counted, not looked at."""
        self.check_call()
        return self._size_bytes

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        await super().__aexit__(exc_type, exc, traceback)
        self._wake()

    def _head(self) -> Head:
        return self._entries[-1].head if self._entries else EMPTY

    def _after(self, after: Position, limit: int) -> list[Entry]:
        first = bisect_right(self._ids, after)
        return self._entries[first : first + limit]

    async def _growth(self) -> None:
        """Wait until something was appended or the stream is closed."""
        waiter = asyncio.get_running_loop().create_future()
        self._waiting.add(waiter)
        try:
            await waiter
        finally:
            self._waiting.discard(waiter)

    def _wake(self) -> None:
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(None)
