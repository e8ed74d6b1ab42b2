"""The files of a snapshot folder: numbered generations, and the fixed name of the newest."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import Final

import attrs

from pmstore.backends.file.disk import Disk
from pmstore.codec import decode_snapshot, decode_snapshot_info
from pmstore.errors import CorruptData
from pmstore.models.snapshot import Snapshot, SnapshotInfo

_NAME: Final = "orders_snapshot"
_NUMBER_DIGITS: Final = 8
_FORM: Final = re.compile(_NAME + r"\.(\d{8})\.json\Z")


@attrs.frozen(kw_only=True)
class Verified:
    """A generation that was found valid, and the SHA-256 of its bytes then."""

    digest: bytes
    info: SnapshotInfo


class SnapshotFiles:
    """
    `orders_snapshot.<number>.json` are the generations; `orders_snapshot.json` is a second name
    of the newest.

    A file under the fixed name that is none of the generations came from elsewhere: it is
    read as a generation of its own, and kept as one before the name is given to another.
    """

    def __init__(self, disk: Disk, folder: Path) -> None:
        self._disk = disk
        self._folder = folder
        self._verified: dict[str, Verified] = {}
        self.fixed = folder / f"{_NAME}.json"
        self.lock = folder / f"{_NAME}.lock"
        """Held by who writes."""
        self.draft = folder / f"{_NAME}.draft.tmp"
        """What is being written, by the holder of the lock."""

    def generation(self, number: int) -> Path:
        """The path of a generation."""
        return self._folder / f"{_NAME}.{number:0{_NUMBER_DIGITS}d}.json"

    def generations(self) -> dict[int, Path]:
        """The generations by number, ascending."""
        found = {}
        for path in self._folder.iterdir():
            match = _FORM.match(path.name)
            if match:
                found[int(match[1])] = path
        return dict(sorted(found.items()))

    def named(self, name: str) -> Path | None:
        """The path of a generation by its listed name, None if there is none."""
        if not _FORM.match(name) and name != self.fixed.name:
            return None
        path = self._folder / name
        return path if path.is_file() else None

    def foreign(self) -> Path | None:
        """The file under the fixed name, if it is none of the generations."""
        try:
            fixed = self.fixed.stat()
        except FileNotFoundError:
            return None
        for path in reversed(self.generations().values()):
            own = path.stat()
            if (own.st_dev, own.st_ino) == (fixed.st_dev, fixed.st_ino):
                return None
            # A copied folder has two files where there was one with two names.
            if own.st_size == fixed.st_size and path.read_bytes() == self.fixed.read_bytes():
                return None
        return self.fixed

    def adopt(self) -> None:
        """Keep a file from elsewhere as a generation, under the next number."""
        if self.foreign() is not None:
            self._disk.link(self.fixed, self.generation(max(self.generations(), default=0) + 1))
            self._disk.sync_folder(self._folder)

    def point(self) -> None:
        """Give the fixed name to the newest generation, atomically."""
        newest = list(self.generations().values())[-1]
        if self.fixed.exists() and self.fixed.samefile(newest):
            return
        temporary = self.fixed.with_suffix(".link.tmp")
        self._disk.remove(temporary)
        self._disk.link(newest, temporary)
        self._disk.rename(temporary, self.fixed)
        self._disk.sync_folder(self._folder)

    def remove_leftovers(self) -> None:
        """Remove what a crash left unfinished."""
        for path in self._folder.glob(f"{_NAME}.*.tmp"):
            self._disk.remove(path)

    def read(self, path: Path) -> Snapshot:
        """
        The snapshot in *path*.

        Raises:
            CorruptData: It is not valid.
        """
        return decode_snapshot(path.read_bytes(), str(path))

    def verify(self, path: Path) -> SnapshotInfo:
        """
        What *path* holds, with its `problem` if it is not valid.

        Its bytes are read every time; they are decoded again only if they changed.
        """
        known = self._verified.get(path.name)
        if known is not None:
            with path.open("rb") as file:
                if hashlib.file_digest(file, "sha256").digest() == known.digest:
                    return known.info
        payload = path.read_bytes()
        try:
            info = decode_snapshot_info(payload, path.name, str(path))
        except CorruptData as error:
            return SnapshotInfo(
                name=path.name,
                timestamp=0,
                number=0,
                hash="",
                last_message_id=None,
                input_position=None,
                size_bytes=len(payload),
                problem=str(error),
            )
        digest = hashlib.sha256(payload).digest()
        self._verified[path.name] = Verified(digest=digest, info=info)
        return info

    def verify_written(self, path: Path, digest: bytes, info: SnapshotInfo) -> None:
        """
        Read *path* back from the disk and compare it with what was written.

        Raises:
            CorruptData: It is something else.
        """
        fd = os.open(path, os.O_RDONLY)
        try:
            if hasattr(os, "posix_fadvise"):
                # Past the page cache where the system allows it: the disk is asked.
                os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
            with os.fdopen(fd, "rb", closefd=False) as file:
                found = hashlib.file_digest(file, "sha256").digest()
        finally:
            os.close(fd)
        if found != digest:
            raise CorruptData("what was read back is not what was written", where=str(path))
        self._verified[info.name] = Verified(digest=digest, info=info)

    def forget(self, path: Path) -> None:
        """Remove a generation."""
        self._disk.remove(path)
        self._verified.pop(path.name, None)
