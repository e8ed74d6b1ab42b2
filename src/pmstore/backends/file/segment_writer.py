"""Writing a stream's segments: recovery at opening, then groups of appends, in one thread."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import attrs

from pmstore.backends.file.disk import Disk, unavailable
from pmstore.backends.file.epoch import read_epoch, write_epoch
from pmstore.backends.file.fsync_policy import SyncSchedule
from pmstore.backends.file.lock import WriterLock
from pmstore.backends.file.segment_reader import marks_of, scan_whole
from pmstore.backends.file.segments import (
    HEADER_BYTES,
    Segment,
    header,
    new_segment,
    read_segments,
)
from pmstore.backends.file.torn_tail import TornTail
from pmstore.errors import StoreUnavailable, WriteOutcome
from pmstore.models.position import Entry, Position

_WRITE_BYTES_MAX: Final = 8 * 1024 * 1024


@attrs.define(eq=False)
class Append:
    """One append on its way to the disk; `segment` and `end` say where it came to lie."""

    data: bytes
    entries: list[Entry]
    epoch: int | None
    done: asyncio.Future[Position]
    segment: Segment | None = None
    end: int = 0


@attrs.frozen(kw_only=True)
class Recovered:
    """What opening for writing found."""

    segments: list[Segment]
    entries: list[Entry]
    last: Position
    epoch: int | None
    torn: TornTail | None


class SegmentWriter:
    """
    The end of a stream, written by one thread at a time.

    After the first failure nothing is written any more: what the disk then holds is only
    known by opening it again.
    """

    def __init__(
        self,
        disk: Disk,
        folder: Path,
        *,
        schedule: SyncSchedule,
        segment_bytes_max: int,
    ) -> None:
        self._disk = disk
        self._folder = folder
        self._schedule = schedule
        self._segment_bytes_max = segment_bytes_max
        self._fd = -1
        self._number = 0
        self._path = folder
        self._size = 0
        self._last = Position(0, 0)
        self._failed = False

    def open(self) -> Recovered:
        """
        Take the lock, read what is there, cut a torn tail, make what remains durable.

        Raises:
            WriterLocked: Another store writes here.
            CorruptData: Something that no crash leaves.
            OSError: The disk refused.
        """
        self._disk.make_folder(self._folder)
        self._lock = WriterLock(self._folder / "writer.lock")
        try:
            return self._recover()
        except BaseException:
            self._lock.release()
            raise

    def _recover(self) -> Recovered:
        for left in self._folder.glob("*.tmp"):
            self._disk.remove(left)
        segments = read_segments(self._folder)
        entries: list[Entry] = []
        torn: TornTail | None = None
        if segments:
            segment = segments[-1]
            found = scan_whole(segment)
            entries = found.entries
            self._fd = self._disk.open(segment.path)
            if found.end < segment.size:
                torn = TornTail(
                    path=segment.path,
                    offset=found.end,
                    bytes_cut=segment.size - found.end,
                    reason=found.problem or "",
                )
                self._disk.truncate(self._fd, found.end)
            # A killed writer may have left records that were never synced; from here on
            # readers see them, so they have to stay.
            self._disk.sync(self._fd)
            self._disk.sync_folder(self._folder)
            segment.size = self._size = found.end
            segment.marks = marks_of(segment, entries)
            self._number, self._path = segment.number, segment.path
            self._last = entries[-1].id if entries else segment.after
        return Recovered(
            segments=segments,
            entries=entries,
            last=self._last,
            epoch=read_epoch(self._folder),
            torn=torn,
        )

    def commit(self, appends: Sequence[Append]) -> None:
        """
        Write *appends* and make them as durable as the policy promises.

        Raises:
            StoreUnavailable: UNKNOWN when this call failed, NOT_APPLIED when an earlier did.
        """
        if self._failed:
            raise StoreUnavailable(
                f"{self._folder} was closed by a failed write; open it again",
                outcome=WriteOutcome.NOT_APPLIED,
            )
        try:
            with unavailable(f"{self._folder}: write failed", WriteOutcome.UNKNOWN):
                self._commit(appends)
        except BaseException:
            self._failed = True
            raise

    def _commit(self, appends: Sequence[Append]) -> None:
        epochs = [append.epoch for append in appends if append.epoch is not None]
        if epochs:
            write_epoch(self._disk, self._folder, max(epochs))
        pending: list[bytes] = []
        pending_bytes = 0
        for append in appends:
            if self._fd < 0 or self._size >= self._segment_bytes_max:
                self._write(pending)
                pending, pending_bytes = [], 0
                append.segment = self._roll()
            elif pending_bytes >= _WRITE_BYTES_MAX:
                self._write(pending)
                pending, pending_bytes = [], 0
            pending.append(append.data)
            pending_bytes += len(append.data)
            self._size += len(append.data)
            self._last = append.entries[-1].id
            append.end = self._size
        self._write(pending)
        if self.sync_due_s() == 0:
            self._sync()

    def _write(self, pending: list[bytes]) -> None:
        if pending:
            self._schedule.written()
            self._disk.write(self._fd, pending[0] if len(pending) == 1 else b"".join(pending))

    def _roll(self) -> Segment:
        """Finish the segment and begin the next; a header is whole as soon as it has its name."""
        if self._fd >= 0:
            self._disk.sync(self._fd)
            os.close(self._fd)
            self._fd = -1
        segment = new_segment(self._folder, self._number + 1, self._last, self._size)
        temporary = segment.path.with_suffix(".tmp")
        self._fd = self._disk.create(temporary)
        self._disk.write(self._fd, header(segment))
        self._disk.sync(self._fd)
        self._disk.rename(temporary, segment.path)
        self._disk.sync_folder(self._folder)
        self._number, self._path, self._size = segment.number, segment.path, HEADER_BYTES
        return segment

    def start_after(self, position: Position) -> None:
        """Say what stands before the first entry of a stream that has none yet."""
        self._last = max(self._last, position)

    def sync_due_s(self) -> float | None:
        """Seconds until a sync is due; None when none is."""
        return None if self._failed else self._schedule.due_s()

    def _sync(self) -> None:
        if self._schedule.dirty and not self._failed:
            self._disk.sync(self._fd)
            self._schedule.synced()

    def idle(self) -> None:
        """
        Sync when the interval policy wants it.

        Raises:
            StoreUnavailable: The sync failed; some acknowledged entries may be lost with
                the power, as this policy says.
        """
        if self.sync_due_s() == 0:
            try:
                with unavailable(f"{self._folder}: sync failed", WriteOutcome.UNKNOWN):
                    self._sync()
            except BaseException:
                self._failed = True
                raise

    def close(self) -> None:
        """Sync what is written, whatever the policy, and let go of the file."""
        try:
            with unavailable(f"{self._folder}: sync failed", WriteOutcome.UNKNOWN):
                self._sync()
        finally:
            if self._fd >= 0:
                os.close(self._fd)
                self._fd = -1
            self._lock.release()
