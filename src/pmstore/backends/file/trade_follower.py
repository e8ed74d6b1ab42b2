"""Trades of an audit log that another process writes, for reading only."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self

import attrs

from pmstore.backends.file.audit_files import AsideRecord, AuditFiles, Block, LogFile, read_text
from pmstore.backends.file.audit_lines import scan_lines
from pmstore.backends.file.audit_reader import AuditReader, View
from pmstore.backends.file.disk import Disk, unavailable
from pmstore.backends.file.threads import in_thread
from pmstore.errors import CorruptData, StoreClosed, StoreUnavailable, WriteOutcome
from pmstore.models.query import Page, TradeQuery
from pmstore.models.trade import Trade
from pmstore.storage.lifetime import Lifetime

_LOOKS_MAX: Final = 20
"""Looks at files that a writer puts aside or compresses meanwhile."""


class FileTradeFollower(Lifetime):
    """
    A `TradeStore` that only finds: it takes no lock, changes nothing, and sees what was
    written until each question is asked, also what its writer has not synced yet.
    """

    def __init__(self, path: str | Path) -> None:
        super().__init__()
        self._path = Path(path)
        self._files = AuditFiles(Disk(), self._path)
        self._reader = AuditReader(self._files)
        self._asides: dict[int, LogFile] = {}
        self._current = _Current()
        self._finding = asyncio.Lock()

    async def __aenter__(self) -> Self:
        """
        Look whether there is a log.

        Raises:
            StoreUnavailable: There is none.
        """
        if not self._path.exists() and not self._files.head.exists():
            raise StoreUnavailable(
                f"there is no audit log at {self._path}", outcome=WriteOutcome.NOT_APPLIED
            )
        return await super().__aenter__()

    async def append(self, trades: Sequence[Trade], /) -> None:
        """
        Always refused.

        Raises:
            StoreClosed: It is open for reading only.
        """
        self.check_call()
        raise StoreClosed(f"{self._path} is open for reading only; open it for writing")

    async def find(self, query: TradeQuery, /) -> Page[Trade]:
        """
        The trades that *query* asks for, newest first; see `TradeStore.find`.

        Cost:
            As for `FileTradeStore.find`, and the lines that were written since the last
            question are read; at the first one all of the current file.
        """
        self.check_call()
        async with self._finding:
            with unavailable(f"{self._path} cannot be read", WriteOutcome.NOT_APPLIED):
                return await in_thread(self._find, query)

    def _find(self, query: TradeQuery) -> Page[Trade]:
        for _ in range(_LOOKS_MAX):
            rotation = self._rotation()
            names = self._files.found_aside()
            try:
                page = self._reader.find(self._views(), query)
            except (CorruptData, FileNotFoundError):
                # Perhaps read under a name that meanwhile means another file, or nothing.
                if (rotation, names) == (self._rotation(), self._files.found_aside()):
                    raise
            else:
                if rotation == self._rotation():
                    return page
        raise StoreUnavailable(
            f"{self._path} is put aside again and again while it is read",
            outcome=WriteOutcome.NOT_APPLIED,
        )

    def _rotation(self) -> tuple[int | None, int]:
        """Which file is written, and how many were put aside before it."""
        try:
            inode: int | None = self._path.stat().st_ino
        except FileNotFoundError:
            inode = None
        return inode, len(self._files.found_aside())

    def _views(self) -> list[View]:
        """All files of the log as far as they may be read now."""
        known = {record.number: record for record in self._files.read_manifest().files}
        hash_before, high_before_ms = "", -1
        views: list[View] = []
        for number, path in self._files.list_aside():
            file = self._asides.get(number)
            if file is None:
                record = known.get(number) or _record(number, path, hash_before)
                file = self._asides[number] = LogFile(
                    number=number,
                    path=path,
                    packed=path.suffix == ".gz",
                    hash_before=hash_before,
                    high_before_ms=high_before_ms,
                    low_ms=record.low_ms,
                    high_ms=record.high_ms,
                    size=0,
                    blocks=None,
                )
                self._current.hashes[number] = record.hash
            file.path, file.packed = path, path.suffix == ".gz"
            hash_before = self._current.hashes[number]
            high_before_ms = max(high_before_ms, file.high_ms)
            views.append(View(file, None))
        current = self._current.look(self._path, hash_before)
        last = LogFile(
            number=len(views) + 1,
            path=self._path,
            packed=False,
            hash_before=hash_before,
            high_before_ms=high_before_ms,
            low_ms=0,
            high_ms=-1,
            size=0,
            blocks=None,
        )
        return [*views, View(last, tuple(current))]


@attrs.define
class _Current:
    """What was read of the file that is being written, so that only the rest is read again."""

    inode: int | None = None
    begins: str = ""
    """The hash of the record before the file: inodes are used again, hashes are not."""
    end: int = 0
    hash: str = ""
    blocks: list[Block] = attrs.Factory(list)
    hashes: dict[int, str] = attrs.Factory(dict)
    """Of the last record of each file put aside."""

    def look(self, path: Path, hash_before: str) -> list[Block]:
        """The index of all whole appends in *path*; none if it was just put aside."""
        try:
            file = path.open("rb")
        except FileNotFoundError:
            return []
        with file:
            inode = os.fstat(file.fileno()).st_ino
            if (inode, hash_before) != (self.inode, self.begins):
                self.inode, self.begins = inode, hash_before
                self.end, self.hash, self.blocks = 0, hash_before, []
            file.seek(self.end)
            found = scan_lines(path, file.read(), self.hash)
        self.blocks += [
            Block(self.end + one.start, self.end + one.end, one.low_ms, one.high_ms)
            for one in found.blocks
        ]
        self.end += found.end
        self.hash = found.hash
        return self.blocks


def _record(number: int, path: Path, hash_before: str) -> AsideRecord:
    """What the manifest will say of a file that was put aside just now."""
    text = read_text(path, packed=path.suffix == ".gz")
    found = scan_lines(path, text, hash_before)
    return AsideRecord(number, found.count, found.hash, found.low_ms, found.high_ms)
