"""An ordered log in a folder of segment files."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import attrs

from pmstore.backends.file.contents import Contents
from pmstore.backends.file.disk import Disk, unavailable
from pmstore.backends.file.follower import open_for_reading
from pmstore.backends.file.fsync_policy import FsyncPolicy, SyncSchedule
from pmstore.backends.file.group_commit import GroupCommit
from pmstore.backends.file.records import encode
from pmstore.backends.file.segment_writer import (
    Append,
    Recovered,
    SegmentWriter,
)
from pmstore.backends.file.segments import Segment
from pmstore.backends.file.threads import in_thread
from pmstore.backends.file.torn_tail import TornTail
from pmstore.clock import Clock, system_clock
from pmstore.errors import (
    Conflict,
    Fenced,
    InvalidQuery,
    InvalidRecord,
    LimitExceeded,
    StoreClosed,
    StoreUnavailable,
    WriteOutcome,
)
from pmstore.models.position import EMPTY, START, Bounds, Entry, Head, Position
from pmstore.models.units import INTEGER_MAX
from pmstore.storage.lifetime import Lifetime

_QUEUED_BYTES_MAX: Final = 64 * 1024 * 1024
_SEGMENT_BYTES_MIN: Final = 1024
_log = logging.getLogger(__name__)


class FileStream(Lifetime):
    """
    A `Stream` in one folder: one writer by an OS lock, any number of readers.

    Appends that wait at the same time share one write and one sync. Readers of the same
    object are woken at once and see what is as durable as the policy promises; a stream
    opened for reading only follows the files that another process writes, looking every
    `poll_s`, and sees an append as soon as it is whole in the file.

    After the first failed write or sync the stream is closed for good: what the disk then
    holds is known by opening it again. An append lies whole in one segment; after a crash
    all of it is there or nothing.

    Attributes:
        recovered: What the last opening cut from the tail, None if nothing.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        fsync: FsyncPolicy = "always",
        fsync_interval_s: float = 0.1,
        segment_bytes_max: int = 64 * 1024 * 1024,
        poll_s: float = 0.02,
        readonly: bool = False,
        start: Position = START,
        clock: Clock = system_clock,
        disk: Disk | None = None,
    ) -> None:
        """
        Describe a stream; nothing is touched before `async with`.

        Args:
            folder: Made when it does not exist (unless *readonly*).
            fsync: `always`: an append returns when it is on the disk; `interval`: when it
                is in the file, synced within *fsync_interval_s*; `never`: when it is in
                the file, synced when a segment is finished and at leaving.
            segment_bytes_max: A segment that has reached it is finished.
            poll_s: How often a stream that is *readonly* looks at the files while it waits.
            start: No entry gets this position or one before it.
            clock: Milliseconds for the ids; they grow also if it goes back.
        """
        if segment_bytes_max < _SEGMENT_BYTES_MIN:
            raise ValueError(f"segment_bytes_max is below {_SEGMENT_BYTES_MIN}")
        if poll_s <= 0:
            raise ValueError(f"poll_s is {poll_s}; it takes more than 0 seconds")
        super().__init__()
        self._folder = Path(folder)
        self._schedule = SyncSchedule(fsync, fsync_interval_s)
        self._segment_bytes_max = segment_bytes_max
        self._poll_s = poll_s
        self._readonly = readonly
        self._start = start
        self._clock = clock
        self._disk = disk or Disk()
        self._failure: BaseException | None = None
        self.recovered: TornTail | None = None

    async def __aenter__(self) -> Self:
        if self._opened:
            raise StoreClosed(f"{self._folder} is open already; open it once at a time")
        loop = asyncio.get_running_loop()
        self._changed: asyncio.Future[None] = loop.create_future()
        self._trimming = asyncio.Lock()
        opening = loop.run_in_executor(None, self._open_files)
        try:
            opened = await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(_undo_opening)
            raise
        self._contents = opened.contents
        self._failure = None
        self._head = opened.contents.last
        self._queued_bytes = 0
        if opened.writer is not None and opened.recovered is not None:
            self._epoch = opened.recovered.epoch
            self._assigned = max(opened.recovered.last, self._start)
            self.recovered = opened.recovered.torn
            if self.recovered:
                _log.warning("cut a torn tail: %s", self.recovered)
            opened.writer.start_after(self._start)
            name = f"write {self._folder.name}"
            self._group = GroupCommit(opened.writer, self._settle, name=name)
        self._opened = True
        return self

    def _open_files(self) -> _Opened:
        with unavailable(f"{self._folder} cannot be opened", WriteOutcome.NOT_APPLIED):
            if self._readonly:
                return _Opened(None, None, Contents(self._folder, *open_for_reading(self._folder)))
            writer = SegmentWriter(
                self._disk,
                self._folder,
                schedule=self._schedule,
                segment_bytes_max=self._segment_bytes_max,
            )
            found = writer.open()
            try:
                contents = Contents(self._folder, found.segments, found.entries)
            except BaseException:
                writer.close()
                raise
            return _Opened(writer, found, contents)

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        if not self._opened:
            return
        self._opened = False
        self._wake()
        if not self._readonly:
            async with self._trimming:
                await self._group.stop()

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

        A refused append leaves no trace, its epoch included. Cancelling it before it was
        queued leaves nothing; afterwards it is written and only its answer is lost.

        Cost:
            One write and one sync, shared by all appends that wait at the same time.
        """
        self._check_writable()
        if len(items) > self._limits.batch_size_max:
            raise LimitExceeded(
                f"{len(items)} items in one append; at most {self._limits.batch_size_max}"
            )
        if not items:
            raise InvalidRecord("an append takes at least one item")
        if epoch is not None and not 0 <= epoch <= INTEGER_MAX:
            raise InvalidRecord(f"epoch is {epoch}; it takes 0..2^63-1")
        while self._queued_bytes > _QUEUED_BYTES_MAX:
            await asyncio.wait((self._changed,))
            self._check_writable()
        # No await from here to the queue: the check and the place in the order are one step.
        if epoch is not None and self._epoch is not None and epoch < self._epoch:
            raise Fenced(
                f"{self._folder}: epoch {epoch} is over, {self._epoch} was seen: "
                "another writer took over"
            )
        if expect_head is not None:
            head = EMPTY if self._head is None else self._head.head
            if head != expect_head:
                raise Conflict(
                    f"{self._folder}: the last entry is {head.id}, "
                    f"the append expected {expect_head.id}"
                    + (" with another payload" if head.id == expect_head.id else "")
                )
        data, entries = encode(items, self._assigned, self._clock())
        newer = epoch if epoch is not None and epoch != self._epoch else None
        if newer is not None:
            self._epoch = newer
        self._head = entries[-1]
        self._assigned = self._head.id
        self._queued_bytes += len(data)
        done: asyncio.Future[Position] = asyncio.get_running_loop().create_future()
        self._group.submit(Append(data, entries, newer, done))
        return await done

    def _settle(self, appends: Sequence[Append], error: BaseException | None) -> None:
        """Make a group of appends visible, or say that it failed."""
        if error is not None and self._failure is None:
            self._failure = error
            _log.error("%s is closed by a failure: %s", self._folder, error)
        for append in appends:
            self._queued_bytes -= len(append.data)
            if error is None:
                self._contents.publish(append.segment, append.entries, append.end)
            if append.done.done():
                continue
            if error is None:
                append.done.set_result(append.entries[-1].id)
            elif isinstance(error, StoreUnavailable):
                # Each caller its own: a raised error carries the traceback of who met it.
                append.done.set_exception(StoreUnavailable(str(error), outcome=error.outcome))
            else:
                append.done.set_exception(error)
        self._wake()

    def _wake(self) -> None:
        changed, self._changed = self._changed, self._changed.get_loop().create_future()
        changed.set_result(None)

    async def read(self, after: Position, limit: int, wait_s: float = 0.0, /) -> list[Entry]:
        """
        Up to *limit* entries after *after*; see `Stream.read`.

        One call answers at most 16 MiB beyond its first entry.

        Cost:
            From memory near the head; else one look into the segment's index and a read.
        """
        self._check_open()
        if limit < 1:
            raise InvalidQuery(f"limit is {limit}; it takes at least 1")
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait_s
        while True:
            changed = self._changed
            found = await self._contents.read(after, limit)
            if not found and self._readonly and await self._contents.look():
                found = await self._contents.read(after, limit)
            self._check_open()
            left_s = deadline - loop.time()
            if found or left_s <= 0:
                return found
            if self._readonly:
                left_s = min(left_s, self._poll_s)
            await asyncio.wait((changed,), timeout=left_s)
            self._check_open()

    async def trim(self, through: Position, /) -> None:
        """
        Drop the segments that hold nothing after *through*; see `Stream.trim`.

        Cost:
            One unlink and one sync of the folder for each segment.
        """
        self._check_writable()
        async with self._trimming:
            self._check_writable()
            dropped = self._contents.take_droppable(through)
            if not dropped:
                return
            await in_thread(self._remove, dropped)

    def _remove(self, segments: Sequence[Segment]) -> None:
        with unavailable(f"{self._folder}: trim failed", WriteOutcome.UNKNOWN):
            for segment in segments:
                self._disk.remove(segment.path)
                # One by one, oldest first: a crash must not leave a hole.
                self._disk.sync_folder(self._folder)

    async def bounds(self) -> Bounds | None:
        """The first and the last entry held; see `Stream.bounds`. Cost: a read after a trim."""
        self._check_open()
        if self._readonly:
            await self._contents.look()
        return await self._contents.bounds()

    async def size_bytes(self) -> int:
        """The bytes of the segments as far as they may be read; see `Stream.size_bytes`."""
        self._check_open()
        if self._readonly:
            await self._contents.look()
        return self._contents.size_bytes

    def _check_open(self) -> None:
        if not self._opened:
            raise StoreClosed(f"{self._folder} is closed; use it inside `async with`")
        if self._failure is not None:
            raise StoreUnavailable(
                f"{self._folder} was closed by a failure, open it again: {self._failure}",
                outcome=WriteOutcome.NOT_APPLIED,
            )

    def _check_writable(self) -> None:
        self._check_open()
        if self._readonly:
            raise StoreClosed(f"{self._folder} is open for reading only; open it for writing")


@attrs.frozen
class _Opened:
    writer: SegmentWriter | None
    recovered: Recovered | None
    contents: Contents


def _undo_opening(opening: asyncio.Future[_Opened]) -> None:
    """Close what a cancelled opening opened after all."""
    if not opening.cancelled() and opening.exception() is None:
        writer = opening.result().writer
        if writer is not None:
            writer.close()
