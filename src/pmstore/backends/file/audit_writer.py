"""Writing an audit log: recovery at opening, then groups of appends, in one thread."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

import attrs

from pmstore.backends.file.audit_files import (
    AsideRecord,
    AuditFiles,
    Block,
    HeadRecord,
    LogFile,
    Manifest,
    read_text,
)
from pmstore.backends.file.audit_lines import Scan, scan_lines
from pmstore.backends.file.disk import unavailable
from pmstore.backends.file.fsync_policy import SyncSchedule
from pmstore.backends.file.lock import WriterLock
from pmstore.backends.file.torn_tail import TornTail
from pmstore.errors import CorruptData, StoreUnavailable, WriteOutcome


@attrs.define(eq=False, kw_only=True)
class TradeAppend:
    """
    One append on its way to the disk; without lines it only waits for those before it.

    `blocks` lie from the beginning of `data`. `begins` is the file that was begun for it,
    `start` where it came to lie there.
    """

    data: bytes
    count: int
    hash: str
    blocks: list[Block]
    last_ids: dict[int, int]
    done: asyncio.Future[None]
    begins: LogFile | None = None
    start: int = 0


@attrs.frozen(kw_only=True)
class Recovered:
    """What opening for writing found: the files, oldest first, and where to go on."""

    files: list[LogFile]
    count: int
    hash: str
    last_ids: dict[int, int]
    torn: TornTail | None


class AuditWriter:
    """The end of an audit log; after the first failure nothing is written any more."""

    def __init__(self, files: AuditFiles, *, schedule: SyncSchedule, rotate_bytes_max: int) -> None:
        self._files = files
        self._disk = files.disk
        self._schedule = schedule
        self._rotate_bytes_max = rotate_bytes_max
        self._failed = False
        self._fd = -1
        self._count = 0
        self._hash = ""
        self._count_before = 0
        self._low_ms, self._high_ms = 0, -1

    def open(self) -> Recovered:
        """
        Take the lock, check what is there against the head, cut a torn tail.

        Raises:
            WriterLocked: Another store writes here.
            CorruptData: Something that no crash leaves, such as a record that is missing.
            OSError: The disk refused.

        Cost:
            Every line of the current file is read; those put aside are in the manifest.
        """
        self._disk.make_folder(self._files.folder)
        self._lock = WriterLock(self._files.lock)
        try:
            return self._recover()
        except BaseException:
            self._release()
            raise

    def _recover(self) -> Recovered:
        files = self._files
        files.remove_leftovers()
        head = files.read_head()
        aside = files.list_aside()
        if head is None:
            if aside or (files.current.exists() and files.current.stat().st_size):
                raise CorruptData(
                    "the head file is missing, so a cut tail could not be seen; put it back",
                    where=str(files.head),
                )
            head = HeadRecord(0, "")
            files.write_head(head)
        self._manifest = files.read_manifest()
        self._last_ids = dict(self._manifest.last_ids)
        found = [self._take_aside(number, path, head) for number, path in aside]
        if not files.current.exists():
            self._create()
        text = files.current.read_bytes()
        self._count_before, hash_before = self._count, self._hash
        scan = scan_lines(files.current, text, self._hash, head.count - self._count)
        self._check_head(head, scan, self._count)
        self._add(scan)
        self._fd = self._disk.open(files.current)
        torn = None
        if scan.end < len(text):
            torn = TornTail(
                path=files.current,
                offset=scan.end,
                bytes_cut=len(text) - scan.end,
                reason=scan.problem or "",
            )
            self._disk.truncate(self._fd, scan.end)
        self._number = len(found) + 1
        self._size = scan.end
        self._low_ms, self._high_ms = scan.low_ms, scan.high_ms
        # A killed writer may have left lines that were never synced, and a head before them.
        self._disk.sync(self._fd)
        self._disk.sync_folder(files.folder)
        self._file = self._log_file(hash_before, scan.blocks, found)
        if (self._count, self._hash) != (head.count, head.hash):
            files.write_head(HeadRecord(self._count, self._hash))
        return Recovered(
            files=[*found, self._file],
            count=self._count,
            hash=self._hash,
            last_ids=dict(self._last_ids),
            torn=torn,
        )

    def _take_aside(self, number: int, path: Path, head: HeadRecord) -> LogFile:
        """A file that was put aside, from the manifest, or read if a crash kept it out."""
        hash_before = self._hash
        earlier = [record for record in self._manifest.files if record.number < number]
        if len(earlier) < len(self._manifest.files):
            record = self._manifest.files[len(earlier)]
            self._count += record.count
            self._hash = record.hash
        else:
            text = read_text(path, packed=path.suffix == ".gz")
            scan = scan_lines(path, text, self._hash, head.count - self._count)
            if scan.problem is not None:
                raise CorruptData(scan.problem, where=f"{path} at {scan.end}")
            self._check_head(head, scan, self._count, last=False)
            self._add(scan)
            record = AsideRecord(number, scan.count, scan.hash, scan.low_ms, scan.high_ms)
            self._write_manifest(record)
        return LogFile(
            number=number,
            path=path,
            packed=path.suffix == ".gz",
            hash_before=hash_before,
            high_before_ms=max((other.high_ms for other in earlier), default=-1),
            low_ms=record.low_ms,
            high_ms=record.high_ms,
            size=0,
            blocks=None,
        )

    def _check_head(
        self, head: HeadRecord, scan: Scan, count_before: int, *, last: bool = True
    ) -> None:
        """Check that what the head says is durable is there, and is the same."""
        count = count_before + scan.count
        place = f"{self._files.current} line {count - count_before}"
        if last and count < head.count:
            raise CorruptData(
                f"{head.count - count} records are missing at the end: there are {count} and the "
                f"head says {head.count}" + (f" ({scan.problem})" if scan.problem else ""),
                where=place,
            )
        if count_before <= head.count <= count and scan.asked not in (None, head.hash):
            raise CorruptData(
                f"record {head.count} has the hash {scan.asked} and the head says {head.hash}",
                where=str(self._files.head),
            )

    def _add(self, scan: Scan) -> None:
        self._count += scan.count
        self._hash = scan.hash
        self._last_ids.update(scan.last_ids)

    def _log_file(
        self, hash_before: str, blocks: list[Block], before: Sequence[LogFile]
    ) -> LogFile:
        return LogFile(
            number=self._number,
            path=self._files.current,
            packed=False,
            hash_before=hash_before,
            high_before_ms=max((file.high_ms for file in before), default=-1),
            low_ms=self._low_ms,
            high_ms=self._high_ms,
            size=self._size,
            blocks=blocks,
        )

    def commit(self, appends: Sequence[TradeAppend]) -> None:
        """
        Write *appends*, sync as the policy says, replace the head.

        Raises:
            StoreUnavailable: UNKNOWN when this call failed, NOT_APPLIED when an earlier did.
        """
        if self._failed:
            raise StoreUnavailable(
                f"{self._files.current} was closed by a failed write; open it again",
                outcome=WriteOutcome.NOT_APPLIED,
            )
        try:
            with unavailable(f"{self._files.current}: write failed", WriteOutcome.UNKNOWN):
                self._commit([append for append in appends if append.count])
        except BaseException:
            self._failed = True
            raise

    def _commit(self, appends: Sequence[TradeAppend]) -> None:
        if not appends:
            return
        if self._size >= self._rotate_bytes_max:
            appends[0].begins = self._rotate()
        data = b"".join([append.data for append in appends])
        self._schedule.written()
        self._disk.write(self._fd, data)
        for append in appends:
            append.start = self._size
            self._size += len(append.data)
            self._count += append.count
            self._hash = append.hash
            self._last_ids.update(append.last_ids)
            low, high = times(append.blocks)
            self._low_ms = low if self._high_ms < 0 else min(self._low_ms, low)
            self._high_ms = max(self._high_ms, high)
        if self.sync_due_s() == 0:
            self._sync()

    def _rotate(self) -> LogFile:
        """Put the current file aside and begin the next; each step leaves a log that opens."""
        self._sync()
        os.close(self._fd)
        self._fd = -1
        with self._files.names:
            aside = self._files.aside(self._number)
            self._disk.rename(self._files.current, aside)
            self._disk.sync_folder(self._files.folder)
            self._file.path = aside
            self._create()
            self._fd = self._disk.open(self._files.current)
        count = self._count - self._count_before
        self._write_manifest(
            AsideRecord(self._number, count, self._hash, self._low_ms, self._high_ms)
        )
        high_before_ms = max(self._file.high_before_ms, self._high_ms)
        self._number += 1
        self._size = 0
        self._count_before = self._count
        self._low_ms, self._high_ms = 0, -1
        self._file = self._log_file(self._hash, [], ())
        self._file.high_before_ms = high_before_ms
        return self._file

    def _create(self) -> None:
        os.close(self._disk.create(self._files.current))
        self._disk.sync_folder(self._files.folder)

    def _write_manifest(self, record: AsideRecord) -> None:
        self._manifest = Manifest([*self._manifest.files, record], dict(self._last_ids))
        self._files.write_manifest(self._manifest)

    def sync_due_s(self) -> float | None:
        """Seconds until a sync is due; None when none is."""
        return None if self._failed else self._schedule.due_s()

    def _sync(self) -> None:
        if self._schedule.dirty and not self._failed:
            self._disk.sync(self._fd)
            self._files.write_head(HeadRecord(self._count, self._hash))
            self._schedule.synced()

    def idle(self) -> None:
        """
        Sync when it is due.

        Raises:
            StoreUnavailable: The sync failed.
        """
        if self.sync_due_s() == 0:
            try:
                with unavailable(f"{self._files.current}: sync failed", WriteOutcome.UNKNOWN):
                    self._sync()
            except BaseException:
                self._failed = True
                raise

    def close(self) -> None:
        """Sync what is written, whatever the policy, and let go of the file."""
        try:
            with unavailable(f"{self._files.current}: sync failed", WriteOutcome.UNKNOWN):
                self._sync()
        finally:
            self._release()

    def _release(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        self._lock.release()


def times(blocks: Sequence[Block]) -> tuple[int, int]:
    """The earliest and the latest time in *blocks*, of which there is one at least."""
    return min(block.low_ms for block in blocks), max(block.high_ms for block in blocks)
