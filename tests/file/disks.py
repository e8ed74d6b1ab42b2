"""Disks that die at a numbered barrier, refuse a call, or remember what was synced."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pmstore.backends.file import Disk


class HastyDisk(Disk):
    """Syncs nothing, for tests that open a store a thousand times and lose no power."""

    def sync(self, fd: int) -> None:
        os.fstat(fd)

    def sync_folder(self, folder: Path) -> None:
        os.stat(folder)


class WatchedDisk(Disk):
    """
    Calls `barrier` with the name of every step: before and after each call, inside writes.

    It does not ask the system to sync: what was written outlives the process anyway, and
    what would outlive a loss of power is for `PowerDisk` to say.
    """

    def barrier(self, step: str) -> None:
        raise NotImplementedError

    def _do(self, name: str, call: Callable[..., Any], *args: Any) -> Any:
        self.barrier(f"before {name}")
        answer = call(*args)
        self.barrier(f"after {name}")
        return answer

    def create(self, path: Path) -> int:
        fd: int = self._do("create", super().create, path)
        return fd

    def write(self, fd: int, data: bytes) -> None:
        self.barrier("before write")
        half = len(data) // 2
        super().write(fd, data[:half])
        self.barrier("inside write")
        super().write(fd, data[half:])
        self.barrier("after write")

    def truncate(self, fd: int, size: int) -> None:
        self._do("truncate", super().truncate, fd, size)

    def sync(self, fd: int) -> None:
        self._do("sync", os.fstat, fd)

    def sync_folder(self, folder: Path) -> None:
        self._do("sync_folder", os.stat, folder)

    def rename(self, source: Path, target: Path) -> None:
        self._do("rename", super().rename, source, target)

    def link(self, source: Path, target: Path) -> None:
        self._do("link", super().link, source, target)

    def remove(self, path: Path) -> None:
        self._do("remove", super().remove, path)


class KillingDisk(WatchedDisk):
    """Kills its own process at barrier number *last*."""

    def __init__(self, last: int) -> None:
        self._last = last
        self._count = 0

    def barrier(self, step: str) -> None:
        self._count += 1
        if self._count == self._last:
            os.kill(os.getpid(), signal.SIGKILL)


class PowerDisk(WatchedDisk):
    """
    Knows what a loss of power would leave: synced bytes under synced names.

    At every barrier it calls *look* with its number; the number counts from 1. Every file
    is held open, so that no inode is used twice and its bytes can be asked for.
    """

    def __init__(self, folder: Path, look: Callable[[int], None]) -> None:
        self._folder = folder
        self._look = look
        self._count = 0
        self._files: dict[int, int] = {}
        self._content: dict[int, bytes] = {}
        self._names: dict[str, int] = {}

    def barrier(self, step: str) -> None:
        self._count += 1
        self._look(self._count)

    def create(self, path: Path) -> int:
        fd = super().create(path)
        self._watch(fd, path)
        return fd

    def open(self, path: Path) -> int:
        fd = super().open(path)
        self._watch(fd, path)
        return fd

    def sync(self, fd: int) -> None:
        super().sync(fd)
        inode = os.fstat(fd).st_ino
        self._content[inode] = self._bytes(inode)

    def sync_folder(self, folder: Path) -> None:
        super().sync_folder(folder)
        if folder == self._folder:
            self._names = self._names_now()

    def leave(self, target: Path, *, names_kept: bool) -> None:
        """Write to *target* what is left; with *names_kept* unsynced names survived too."""
        target.mkdir(parents=True)
        names = self._names_now() if names_kept else self._names
        for name, inode in names.items():
            (target / name).write_bytes(self._content.get(inode, b""))

    def close(self) -> None:
        """Let go of the files."""
        for fd in self._files.values():
            os.close(fd)

    def _watch(self, fd: int, path: Path) -> None:
        inode = os.fstat(fd).st_ino
        if inode not in self._files:
            self._files[inode] = os.open(path, os.O_RDONLY)

    def _bytes(self, inode: int) -> bytes:
        fd = self._files[inode]
        return os.pread(fd, os.fstat(fd).st_size, 0)

    def _names_now(self) -> dict[str, int]:
        return {
            entry.name: entry.inode()
            for entry in os.scandir(self._folder)
            if entry.inode() in self._files
        }


class RefusingDisk(Disk):
    """Raises the error of a full disk in the calls named *refused*, once that is set."""

    def __init__(self) -> None:
        self.refused: set[str] = set()

    def write(self, fd: int, data: bytes) -> None:
        self._judge("write")
        super().write(fd, data)

    def sync(self, fd: int) -> None:
        self._judge("sync")
        super().sync(fd)

    def remove(self, path: Path) -> None:
        self._judge("remove")
        super().remove(path)

    def _judge(self, call: str) -> None:
        if call in self.refused:
            raise OSError(28, "No space left on device")
