"""The calls that change what is on disk, one method each: a crash test stops at any of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pmstore.errors import StoreUnavailable, WriteOutcome

_sync_data = getattr(os, "fdatasync", os.fsync)


class Disk:
    """
    The operating system's calls as the file stores use them.

    Everything that a store makes durable passes through one of these methods, in the
    thread that writes; the crash tests put their own disk here and count the calls.
    """

    def create(self, path: Path) -> int:
        """A new empty file at *path*, in place of any other; its descriptor appends."""
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_TRUNC
        return os.open(path, flags, 0o644)

    def open(self, path: Path) -> int:
        """The existing file at *path*; its descriptor appends."""
        return os.open(path, os.O_WRONLY | os.O_APPEND)

    def write(self, fd: int, data: bytes) -> None:
        """Write all of *data* at the end."""
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]

    def truncate(self, fd: int, size: int) -> None:
        """Cut the file to *size* bytes."""
        os.ftruncate(fd, size)

    def sync(self, fd: int) -> None:
        """Wait until the file's bytes and its length survive a loss of power."""
        _sync_data(fd)

    def sync_folder(self, folder: Path) -> None:
        """Wait until the names in *folder* survive a loss of power."""
        fd = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def rename(self, source: Path, target: Path) -> None:
        """Give *source* the name *target*, in place of any other file."""
        os.replace(source, target)

    def link(self, source: Path, target: Path) -> None:
        """Give *source* the second name *target*."""
        os.link(source, target)

    def remove(self, path: Path) -> None:
        """Remove *path*; an absent one is no error."""
        path.unlink(missing_ok=True)

    def make_folder(self, folder: Path) -> None:
        """Make *folder* and those above it, each of them durably named."""
        missing = []
        while not folder.is_dir():
            missing.append(folder)
            folder = folder.parent
        for folder in reversed(missing):
            folder.mkdir(exist_ok=True)
            self.sync_folder(folder.parent)

    def replace_file(self, path: Path, data: bytes, *, sync_name: bool = True) -> None:
        """
        Put *data* at *path*: a crash leaves the old content or the new.

        Without *sync_name* a loss of power may bring the old content back.
        """
        temporary = path.with_name(f"{path.name}.tmp")
        fd = self.create(temporary)
        try:
            self.write(fd, data)
            self.sync(fd)
        finally:
            os.close(fd)
        self.rename(temporary, path)
        if sync_name:
            self.sync_folder(path.parent)


@contextmanager
def unavailable(what: str, outcome: WriteOutcome) -> Iterator[None]:
    """Turn an operating system error into `StoreUnavailable` that says what failed and where."""
    try:
        yield
    except OSError as error:
        raise StoreUnavailable(f"{what}: {error}", outcome=outcome) from error
