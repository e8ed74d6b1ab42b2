"""What a stream holds, as one process knows it: segments, the newest entries, the bounds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from pmstore.backends.file.follower import look_behind
from pmstore.backends.file.segment_reader import (
    Piece,
    build_marks,
    first_entry,
    last_entry,
    read_pieces,
)
from pmstore.backends.file.segments import HEADER_BYTES, Segment
from pmstore.backends.file.tail import Tail
from pmstore.errors import CorruptData, StoreUnavailable
from pmstore.models.position import START, Bounds, Entry, Position

T = TypeVar("T")


class Contents:
    """
    The readable part of a stream; owned by one loop, files are read in threads.

    Attributes:
        last: The last entry, None if there never was one.
    """

    def __init__(self, folder: Path, segments: list[Segment], entries: Sequence[Entry]) -> None:
        """Take *segments*, and *entries*, which are all of the last one's."""
        self._folder = folder
        self._segments = segments
        self._tail = Tail(segments[-1].after if segments else START)
        self._tail.extend(entries)
        self._first: Entry | None = None
        self._looking = asyncio.Lock()
        self.last: Entry | None = None
        if entries:
            self.last = entries[-1]
        elif len(segments) > 1:
            # The last segment was just begun; the last entry is in the one before it.
            self.last = last_entry(segments[-2])

    def publish(self, segment: Segment | None, entries: list[Entry], end: int) -> None:
        """Add entries that reach to *end* in *segment*, if they begin one, else in the last."""
        if segment is not None:
            self._segments.append(segment)
        if entries:
            self._segments[-1].extend(end, entries[-1].id)
            self._tail.extend(entries)
            self.last = entries[-1]

    async def read(self, after: Position, limit: int) -> list[Entry]:
        """Up to *limit* entries after *after* of those that are known."""
        while self.last is not None and after < self.last.id:
            if after >= self._tail.floor:
                return self._tail.after(after, limit)
            segments = self._segments[_index_of(self._segments, after) :]
            if not segments:
                break
            sizes = [segment.size for segment in segments]
            try:
                return await self._in_thread(_read_segments, segments, sizes, after, limit)
            except FileNotFoundError as error:
                self._forget_trimmed(error)
        return []

    async def bounds(self) -> Bounds | None:
        """The first and the last entry, None if there never was one."""
        while self.last is not None and self._segments:
            if self._first is None:
                segment = self._segments[0]
                try:
                    first = await self._in_thread(first_entry, segment.path, segment.size)
                except FileNotFoundError as error:
                    self._forget_trimmed(error)
                    continue
                if self._segments and self._segments[0] is segment:
                    self._first = first
                continue
            return Bounds(self._first, self.last)
        return None

    @property
    def size_bytes(self) -> int:
        """Bytes of all segments, as far as they may be read."""
        return sum(segment.size for segment in self._segments)

    def take_droppable(self, through: Position) -> list[Segment]:
        """Forget the segments with nothing after *through*, and answer them, oldest first."""
        drop = 0
        for segment in self._segments[1:]:
            # A segment that was just begun has no entry: the last one is still before it.
            if self.last is None or segment.after > through or segment.after >= self.last.id:
                break
            drop += 1
        dropped = self._segments[:drop]
        self._drop(drop)
        return dropped

    async def look(self) -> bool:
        """Take over what a writer in another process added; answers whether it did."""
        async with self._looking:
            while True:
                known = self._segments[-1] if self._segments else None
                last = self.last.id if self.last else START
                if known is not None:
                    last = max(last, known.after)
                try:
                    news = await self._in_thread(look_behind, self._folder, known, last)
                except FileNotFoundError as error:
                    self._forget_trimmed(error)
                    continue
                for item in news:
                    self.publish(item.segment, item.entries, item.end)
                return bool(news)

    def _forget_trimmed(self, error: FileNotFoundError) -> None:
        """Segments are gone: trimmed if they were the first ones, else somebody took them."""
        if not self._folder.is_dir():
            raise StoreUnavailable(f"{self._folder} is gone") from error
        missing = [segment for segment in self._segments if not segment.path.exists()]
        if missing != self._segments[: len(missing)]:
            raise CorruptData("the segment is missing", where=str(missing[0].path)) from error
        self._drop(len(missing))

    def _drop(self, count: int) -> None:
        if count:
            del self._segments[:count]
            self._first = None
            if self._segments:
                # What is in memory of them goes as well: reading and `bounds` agree.
                self._tail.forget(self._segments[0].after)

    async def _in_thread(self, call: Callable[..., T], *args: object) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(None, call, *args)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise StoreUnavailable(f"{self._folder} cannot be read: {error}") from error


def _index_of(segments: Sequence[Segment], after: Position) -> int:
    """Where the segment is in which the first entry later than *after* may lie."""
    low, high = 0, len(segments)
    while low < high:
        middle = (low + high) // 2
        if segments[middle].after <= after:
            low = middle + 1
        else:
            high = middle
    return max(0, low - 1)


def _read_segments(
    segments: Sequence[Segment], sizes: Sequence[int], after: Position, limit: int
) -> list[Entry]:
    first = segments[0]
    if first.marks is None:
        first.marks = build_marks(first.path, first.after, sizes[0])
    pieces = [Piece(first.path, first.offset_after(after), sizes[0])]
    pieces += [
        Piece(segment.path, HEADER_BYTES, size)
        for segment, size in zip(segments[1:], sizes[1:], strict=True)
    ]
    return read_pieces(pieces, after, limit)
