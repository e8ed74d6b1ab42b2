"""Streams with one bug each."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from pmstore.backends.memory import (
    MemoryStream,
)
from pmstore.errors import Conflict
from pmstore.models.position import EMPTY, START, Entry, Head, Position
from pmstore.protocols.store import Store
from pmstore.protocols.stream import Stream
from pmstore.testing.clauses import (
    stream_clauses,
)
from pmstore.testing.planted.bug import PlantedBug
from pmstore.testing.rig import ManualClock, Rig

S = TypeVar("S", bound=Store)

clock: Final = ManualClock()


class IgnoresTheHead(MemoryStream):
    """A conditional append is an append."""

    async def append(
        self,
        items: Sequence[bytes],
        /,
        *,
        expect_head: Head | None = None,
        epoch: int | None = None,
    ) -> Position:
        return await super().append(items, epoch=epoch)


class ComparesTheIdAlone(MemoryStream):
    """The payload of the expected head is not compared."""

    async def append(
        self,
        items: Sequence[bytes],
        /,
        *,
        expect_head: Head | None = None,
        epoch: int | None = None,
    ) -> Position:
        bounds = await self.bounds()
        if expect_head is not None and bounds is not None and bounds.last.id == expect_head.id:
            expect_head = bounds.last.head
        return await super().append(items, expect_head=expect_head, epoch=epoch)


class ChecksThenAppends(MemoryStream):
    """The head is compared in one step and the entries written in another."""

    async def append(
        self,
        items: Sequence[bytes],
        /,
        *,
        expect_head: Head | None = None,
        epoch: int | None = None,
    ) -> Position:
        bounds = await self.bounds()
        head = EMPTY if bounds is None else bounds.last.head
        if expect_head is not None and expect_head != head:
            raise Conflict(f"the head is {head}")
        await asyncio.sleep(0)
        return await super().append(items, epoch=epoch)


class IgnoresTheEpoch(MemoryStream):
    """A writer that was replaced goes on writing."""

    async def append(
        self,
        items: Sequence[bytes],
        /,
        *,
        expect_head: Head | None = None,
        epoch: int | None = None,
    ) -> Position:
        return await super().append(items, expect_head=expect_head)


class AppendsOneByOne(MemoryStream):
    """Batches of several writers mix, and a cancellation cuts one."""

    async def append(
        self,
        items: Sequence[bytes],
        /,
        *,
        expect_head: Head | None = None,
        epoch: int | None = None,
    ) -> Position:
        last = await super().append(items[:1], expect_head=expect_head, epoch=epoch)
        for item in items[1:]:
            await asyncio.sleep(0)
            last = await super().append([item], epoch=epoch)
        return last


class WakesNobody(MemoryStream):
    """A waiting reader sleeps through appends."""

    def _wake(self) -> None:
        return


class ReadsInclusively(MemoryStream):
    """`read` begins with the entry that it was to begin after."""

    async def read(self, after: Position, limit: int, wait_s: float = 0.0, /) -> list[Entry]:
        before = Position(after.ms, after.seq - 1) if after.seq else Position(after.ms - 1, 10**9)
        return await super().read(before if after > START else after, limit, wait_s)


class TrimsTheLast(MemoryStream):
    """Trimming everything forgets the head."""

    async def trim(self, through: Position, /) -> None:
        await super().trim(through)
        if self._entries and self._entries[-1].id <= through:
            self._entries.clear()
            self._ids.clear()


class TrimsOneMore(MemoryStream):
    """The entry behind the position goes too."""

    async def trim(self, through: Position, /) -> None:
        behind = await self.read(through, 1)
        await super().trim(behind[0].id if behind else through)


class TakesTimeForIds(MemoryStream):
    """Ids go back with the clock."""

    async def append(
        self,
        items: Sequence[bytes],
        /,
        *,
        expect_head: Head | None = None,
        epoch: int | None = None,
    ) -> Position:
        if self._last.ms > self._clock():
            self._last = Position(self._clock(), 0)
        return await super().append(items, expect_head=expect_head, epoch=epoch)


class AppendsEmptyItems(MemoryStream):
    """An empty item is left out."""

    async def append(
        self,
        items: Sequence[bytes],
        /,
        *,
        expect_head: Head | None = None,
        epoch: int | None = None,
    ) -> Position:
        kept = [item for item in items if item]
        return await super().append(kept, expect_head=expect_head, epoch=epoch)


class CountsWhatWasAppended(MemoryStream):
    """The size never falls."""

    def __init__(self, **said: Any) -> None:
        super().__init__(**said)
        self._appended = 0

    async def append(
        self,
        items: Sequence[bytes],
        /,
        *,
        expect_head: Head | None = None,
        epoch: int | None = None,
    ) -> Position:
        last = await super().append(items, expect_head=expect_head, epoch=epoch)
        self._appended += sum(map(len, items))
        return last

    async def size_bytes(self) -> int:
        return self._appended


class CountsEntries(MemoryStream):
    """The size is that of one entry, times their number."""

    async def size_bytes(self) -> int:
        return len(self._entries)


def _stream(store: type[MemoryStream], caught_by: str, **declared: Any) -> PlantedBug[Stream]:
    def open_at(place: Path) -> Stream:
        return store(clock=clock)

    rig = Rig(open=open_at, clock=clock, shrinks=False, **declared)
    return PlantedBug(stream_clauses, store.__name__, rig, caught_by)


stream_bugs: Final[tuple[PlantedBug[Stream], ...]] = (
    _stream(IgnoresTheHead, "a-conditional-append-needs-its-head"),
    _stream(IgnoresTheHead, "only-an-empty-stream-has-the-empty-head"),
    _stream(IgnoresTheHead, "random-histories-equal-a-list"),
    _stream(ComparesTheIdAlone, "a-conditional-append-needs-its-head"),
    _stream(ChecksThenAppends, "of-racing-writers-one-wins"),
    _stream(IgnoresTheEpoch, "a-lower-epoch-is-fenced"),
    _stream(AppendsOneByOne, "batches-of-many-writers-stay-whole"),
    _stream(AppendsOneByOne, "a-cancelled-append-is-whole-or-nothing"),
    _stream(WakesNobody, "a-waiting-reader-is-woken", deadline_s=0.5),
    _stream(WakesNobody, "leaving-ends-a-waiting-read", deadline_s=0.5),
    _stream(ReadsInclusively, "reading-is-exclusive-and-limited"),
    _stream(TrimsTheLast, "trimming-keeps-the-last-entry"),
    _stream(TrimsOneMore, "trimming-spares-what-lies-behind"),
    _stream(TakesTimeForIds, "ids-grow-when-the-clock-goes-back"),
    _stream(CountsWhatWasAppended, "the-size-covers-what-is-held"),
    _stream(CountsEntries, "the-size-covers-what-is-held"),
    _stream(AppendsEmptyItems, "an-append-with-nothing-is-refused"),
    _stream(MemoryStream, "everything-is-there-after-reopening", durable=True),
)
