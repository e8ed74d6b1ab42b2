"""Snapshots as generations of JSON files in a folder."""

from __future__ import annotations

import asyncio
import builtins
import hashlib
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from pmstore.backends.file.disk import Disk, unavailable
from pmstore.backends.file.lock import WriterLock
from pmstore.backends.file.snapshot_files import SnapshotFiles
from pmstore.backends.file.threads import in_thread
from pmstore.codec import encode_snapshot
from pmstore.errors import (
    BrokenSnapshotWarning,
    CorruptData,
    InvalidQuery,
    StoreClosed,
    StoreUnavailable,
    WriteOutcome,
)
from pmstore.models.snapshot import Snapshot, SnapshotInfo
from pmstore.storage.lifetime import Lifetime

T = TypeVar("T")


class FileSnapshotStore(Lifetime):
    """
    A `SnapshotStore` in a folder: `orders_snapshot.00000007.json` and its like.

    `orders_snapshot.json` is always a name of the newest generation, replaced atomically
    after it; a file found there that is none of the generations (the source's own) is
    loaded if it is newer than they are, and becomes a generation before the name moves on.
    Any number of stores may have the folder open; saving and pruning hold a lock.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        readonly: bool = False,
        disk: Disk | None = None,
    ) -> None:
        """
        Describe a store of the snapshots in *folder*, which is made when it is opened.

        With *readonly* nothing is made, saved or pruned.
        """
        super().__init__()
        self._folder = Path(folder)
        self._readonly = readonly
        self._disk = disk or Disk()
        self._files = SnapshotFiles(self._disk, self._folder)
        self._writing = asyncio.Lock()

    async def __aenter__(self) -> Self:
        if self._readonly:
            if not self._folder.is_dir():
                raise StoreUnavailable(
                    f"there are no snapshots at {self._folder}", outcome=WriteOutcome.NOT_APPLIED
                )
            self._opened = True
            return self
        with unavailable(f"{self._folder} cannot be opened", WriteOutcome.NOT_APPLIED):
            await in_thread(self._disk.make_folder, self._folder)
        self._opened = True
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        self._opened = False
        async with self._writing:
            return

    async def save(self, snapshot: Snapshot, /) -> SnapshotInfo:
        """
        Store a generation; see `SnapshotStore.save`.

        It is encoded piece by piece, and others run between the pieces; writing, syncing
        and reading back happen in threads. Its name never means another generation.

        Cost:
            The file is written once and read once.
        """
        self._check_writable()
        async with self._writing:
            self._check_open()
            draft = _Draft(self._disk, self._files)
            try:
                await self._ask(draft.open)
                for piece in encode_snapshot(snapshot):
                    # An empty piece is work done too: others run after it as well.
                    await (self._ask(draft.write, piece) if piece else asyncio.sleep(0))
                return await self._ask(self._finish, draft, snapshot)
            finally:
                await in_thread(draft.close)

    def _finish(self, draft: _Draft, snapshot: Snapshot) -> SnapshotInfo:
        draft.sync()
        self._files.adopt()
        path = self._files.generation(max(self._files.generations(), default=0) + 1)
        info = SnapshotInfo.of(snapshot, name=path.name, size_bytes=draft.size)
        self._files.verify_written(draft.path, draft.digest(), info)
        self._disk.rename(draft.path, path)
        # Syncs the folder, for both names.
        self._files.point()
        return info

    async def load(self) -> Snapshot | None:
        """The newest valid generation, None if there never was one; see `SnapshotStore.load`."""
        self._check_open()
        snapshot, broken = await self._ask(self._load)
        for problem in broken:
            warnings.warn(f"skipped a broken snapshot: {problem}", BrokenSnapshotWarning, 2)
        return snapshot

    def _load(self) -> tuple[Snapshot | None, builtins.list[str]]:
        broken: list[str] = []
        foreign = self._files.foreign()
        other = None
        if foreign is not None:
            try:
                other = self._files.read(foreign)
            except CorruptData as error:
                broken.append(str(error))
        for path in reversed(self._files.generations().values()):
            try:
                snapshot = self._files.read(path)
            except CorruptData as error:
                broken.append(str(error))
                continue
            newer = other is not None and other.timestamp > snapshot.timestamp
            return (other if newer else snapshot), broken
        if other is None and broken:
            raise CorruptData(
                "no generation is valid: " + "; ".join(broken), where=str(self._folder)
            )
        return other, broken

    async def get(self, name: str, /) -> Snapshot | None:
        """The generation of that name, None if there is none; see `SnapshotStore.get`."""
        self._check_open()

        def read() -> Snapshot | None:
            path = self._files.named(name)
            return None if path is None else self._files.read(path)

        return await self._ask(read)

    async def list(self) -> builtins.list[SnapshotInfo]:
        """Every generation, oldest first, the broken ones with their `problem`."""
        self._check_open()
        return await self._ask(self._list)

    def _list(self) -> builtins.list[SnapshotInfo]:
        while True:
            try:
                return self._look()
            except FileNotFoundError:
                if not self._folder.is_dir():
                    raise
                # Another store pruned meanwhile: look again.

    def _look(self) -> builtins.list[SnapshotInfo]:
        infos = [self._files.verify(path) for path in self._files.generations().values()]
        foreign = self._files.foreign()
        if foreign is not None:
            other = self._files.verify(foreign)
            valid = [info.timestamp for info in infos if info.problem is None]
            newest = other.problem is None and other.timestamp > max(valid, default=-1)
            infos.insert(len(infos) if newest else 0, other)
        return infos

    async def prune(self, keep: int, /) -> int:
        """
        Remove all but the newest *keep* verified generations; see `SnapshotStore.prune`.

        A file from elsewhere under the fixed name is left alone and not counted.
        """
        self._check_writable()
        if keep < 1:
            raise InvalidQuery(f"keep is {keep}; at least one generation stays")
        async with self._writing:
            self._check_open()
            return await self._ask(self._prune, keep)

    def _prune(self, keep: int) -> int:
        lock = WriterLock(self._files.lock)
        try:
            if self._files.foreign() is None and self._files.generations():
                # A crash may have left the fixed name on a generation that goes now.
                self._files.point()
            kept, surplus = 0, []
            for path in reversed(self._files.generations().values()):
                if kept >= keep:
                    surplus.append(path)
                elif self._files.verify(path).problem is None:
                    kept += 1
            for path in surplus:
                self._files.forget(path)
            self._disk.sync_folder(self._folder)
            return len(surplus)
        finally:
            lock.release()

    async def _ask(self, call: Callable[..., T], *args: object) -> T:
        with unavailable(f"{self._folder}: snapshots", WriteOutcome.UNKNOWN):
            return await in_thread(call, *args)

    def _check_writable(self) -> None:
        self._check_open()
        if self._readonly:
            raise StoreClosed(f"{self._folder} is open for reading only; open it for writing")

    def _check_open(self) -> None:
        if not self._opened:
            raise StoreClosed(f"{self._folder} is closed; use it inside `async with`")


class _Draft:
    """A generation that is being written under a temporary name, with the writer's lock."""

    def __init__(self, disk: Disk, files: SnapshotFiles) -> None:
        self._disk = disk
        self._files = files
        self._lock: WriterLock | None = None
        self._fd = -1
        self._hash = hashlib.sha256()
        self.path = files.draft
        self.size = 0

    def open(self) -> None:
        self._lock = WriterLock(self._files.lock)
        self._files.remove_leftovers()
        self._fd = self._disk.create(self.path)

    def write(self, piece: bytes) -> None:
        self._disk.write(self._fd, piece)
        self._hash.update(piece)
        self.size += len(piece)

    def sync(self) -> None:
        self._disk.sync(self._fd)

    def digest(self) -> bytes:
        return self._hash.digest()

    def close(self) -> None:
        """Let go; a draft that was not finished leaves nothing."""
        try:
            if self._fd >= 0:
                os.close(self._fd)
                self._disk.remove(self.path)
        finally:
            if self._lock is not None:
                self._lock.release()
