"""Checking an audit log: any record that was edited, dropped, moved or cut, and where."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import attrs

from pmstore.backends.file.audit_files import (
    AsideRecord,
    AuditFiles,
    HeadRecord,
    Manifest,
    read_text,
)
from pmstore.backends.file.audit_lines import decode_line
from pmstore.backends.file.disk import Disk, unavailable
from pmstore.errors import CorruptData, StoreUnavailable, WriteOutcome
from pmstore.models.trade import Trade

T = TypeVar("T")
PROBLEMS_MAX: Final = 100


@attrs.frozen(kw_only=True)
class FileAuditReport:
    """
    What `verify_audit_log` found.

    Attributes:
        count: Records that were read.
        last_hash: The hash of the last record that follows from those before; empty if none.
        problems: Each with its file and line, at most `PROBLEMS_MAX`; empty: it is whole.
    """

    count: int
    last_hash: str
    problems: tuple[str, ...]


def verify_audit_log(path: str | Path) -> FileAuditReport:
    """
    Read all files of the audit log at *path* and check the chain from its first record on.

    Each hash covers the line and the hash before it, so an edited, dropped or moved record
    breaks the chain where it was; the head file says how many records there must be, so a
    cut tail is seen too. It does not hold against somebody who can write the log and its
    head and computes all hashes anew: keep `count` and `last_hash` elsewhere for that.

    A writer may go on meanwhile: lines after the head's count are not judged missing.

    Raises:
        StoreUnavailable: There is no log at *path*, or it cannot be read.

    Cost:
        About 5 microseconds a record.
    """
    check = _Check(AuditFiles(Disk(), Path(path)))
    with unavailable(f"{path} cannot be read", WriteOutcome.NOT_APPLIED):
        check.run()
    return FileAuditReport(
        count=check.count, last_hash=check.last_hash, problems=tuple(check.problems[:PROBLEMS_MAX])
    )


class _Check:
    def __init__(self, files: AuditFiles) -> None:
        self._files = files
        self._prev_hash: str | None = ""
        self._at_head = ""
        self.count = 0
        self.last_hash = ""
        self.problems: list[str] = []

    def run(self) -> None:
        files = self._files
        if not files.current.exists() and not files.head.exists():
            raise StoreUnavailable(
                f"there is no audit log at {files.current}", outcome=WriteOutcome.NOT_APPLIED
            )
        # The head is read before the lines: they reach at least as far, whoever writes.
        head = self._attempt(files.read_head)
        if head is None and not self.problems:
            self.problems.append(f"{files.head}: missing, so a cut tail could not be seen")
        self._head_count = head.count if head else 0
        manifest = self._attempt(files.read_manifest) or Manifest()
        self._attempt(files.list_aside)
        for number, path in files.found_aside().items():
            text = self._attempt(partial(read_text, path, packed=path.suffix == ".gz"))
            if text is None:
                self._prev_hash = None
                continue
            record = self._check_lines(number, path, text, last=False)
            for known in manifest.files:
                if known.number == number and known != record:
                    self.problems.append(f"{files.manifest}: it says {known}, {path} is {record}")
        if files.current.exists():
            self._check_lines(0, files.current, files.current.read_bytes(), last=True)
        else:
            self.problems.append(f"{files.current}: missing")
        if head is not None:
            self._check_head(head)

    def _check_head(self, head: HeadRecord) -> None:
        if self.count < head.count:
            self.problems.append(
                f"{self._files.current}: {head.count - self.count} records are missing: there "
                f"are {self.count} and the head says {head.count}"
            )
        elif head.count and self._at_head != head.hash:
            self.problems.append(
                f"{self._files.head}: record {head.count} has the hash {self._at_head} and the "
                f"head says {head.hash}"
            )

    def _check_lines(self, number: int, path: Path, text: bytes, *, last: bool) -> AsideRecord:
        """Check the lines of one file; answers what the manifest has to say of it."""
        low_ms, high_ms = 0, -1
        count_before = self.count
        start = line_number = 0
        while start < len(text):
            line_number += 1
            end = text.find(b"\n", start) + 1
            where = f"{path} line {line_number} at {start}"
            if not end:
                # The unfinished line of a writer that goes on, or of one that was killed.
                if not last or self.count < self._head_count:
                    self.problems.append(f"{where}: the line is cut short")
                break
            trade = self._check_line(text[start:end], where)
            if trade is not None:
                low_ms = trade.timestamp if high_ms < 0 else min(low_ms, trade.timestamp)
                high_ms = max(high_ms, trade.timestamp)
            start = end
        return AsideRecord(
            number, self.count - count_before, self._prev_hash or "", low_ms, high_ms
        )

    def _check_line(self, line: bytes, where: str) -> Trade | None:
        self.count += 1
        trade = None
        try:
            trade, self._prev_hash = decode_line(line, self._prev_hash, where)
            self.last_hash = self._prev_hash
        except CorruptData as error:
            self.problems.append(str(error))
            try:
                # Go on from what the line says of itself, so that others are still judged.
                trade, self._prev_hash = decode_line(line, None, where)
            except CorruptData:
                self._prev_hash = None
        if self.count == self._head_count:
            self._at_head = self._prev_hash or ""
        return trade

    def _attempt(self, call: Callable[[], T]) -> T | None:
        try:
            return call()
        except CorruptData as error:
            self.problems.append(str(error))
            return None
