"""The files of an audit log: the current one, those put aside, the head and the manifest."""

from __future__ import annotations

import gzip
import hashlib
import re
import threading
import zlib
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

import attrs
import msgspec

from pmstore.backends.file.disk import Disk
from pmstore.errors import CorruptData

_DIGITS: Final = 8


class Block(NamedTuple):
    """Some lines of a file that follow each other: their place, and their times in between."""

    start: int
    end: int
    low_ms: int
    high_ms: int


class HeadRecord(msgspec.Struct, frozen=True):
    """How far the log is known to be durable: `count` records, the last with `hash`."""

    count: int
    hash: str


class AsideRecord(msgspec.Struct, frozen=True):
    """A file that was put aside: what it holds, and the hash of its last record."""

    number: int
    count: int
    hash: str
    low_ms: int
    high_ms: int


class Manifest(msgspec.Struct, frozen=True):
    """The files put aside, and the last trade id of each engine shard at their end."""

    files: list[AsideRecord] = []
    last_ids: dict[int, int] = {}


S = TypeVar("S", bound=msgspec.Struct)


@attrs.define(kw_only=True, eq=False)
class LogFile:
    """
    One file of the log, as the reader needs it.

    `path` and `packed` change when the file is put aside and compressed, under
    `AuditFiles.names`. `size` is what may be read of it; `blocks` is its index, None until
    it was built. `high_before_ms` is the latest time in all files before it.
    """

    number: int
    path: Path
    packed: bool
    hash_before: str
    high_before_ms: int
    low_ms: int
    high_ms: int
    size: int
    blocks: list[Block] | None


class AuditFiles:
    """
    Where everything of the audit log at *path* lies.

    `<path>` is written; `<path>.00000001` and so on were put aside, oldest first, and get
    `.gz` when they are compressed; `<path>.head` and `<path>.manifest` are replaced whole.
    """

    def __init__(self, disk: Disk, path: Path) -> None:
        self.disk = disk
        self.current = path
        self.folder = path.parent
        self.lock = path.with_name(f"{path.name}.lock")
        self.head = path.with_name(f"{path.name}.head")
        self.manifest = path.with_name(f"{path.name}.manifest")
        self.names = threading.Lock()
        self._form = re.compile(re.escape(path.name) + r"\.(\d{8})(\.gz)?\Z")

    def aside(self, number: int) -> Path:
        """Where file *number* goes when it is put aside."""
        return self.current.with_name(f"{self.current.name}.{number:0{_DIGITS}d}")

    def packed(self, number: int) -> Path:
        """Where file *number* is once it is compressed."""
        return self.current.with_name(f"{self.current.name}.{number:0{_DIGITS}d}.gz")

    def found_aside(self) -> dict[int, Path]:
        """The files put aside that are there, ascending; of two by a crash the compressed one."""
        found: dict[int, Path] = {}
        if self.folder.is_dir():
            for path in self.folder.iterdir():
                match = self._form.match(path.name)
                if match and (match[2] or int(match[1]) not in found):
                    found[int(match[1])] = path
        return dict(sorted(found.items()))

    def list_aside(self) -> list[tuple[int, Path]]:
        """
        The files put aside, ascending.

        Raises:
            CorruptData: One is missing between or before others.
        """
        found = self.found_aside()
        for number in range(1, max(found, default=0)):
            if number not in found:
                missing = self.aside(number)
                raise CorruptData("a file of the audit log is missing", where=str(missing))
        return list(found.items())

    def remove_leftovers(self) -> None:
        """Remove what a crash left unfinished or twice."""
        for path in self.folder.glob(f"{self.current.name}.*.tmp"):
            self.disk.remove(path)
        for number, path in self.list_aside():
            if path.suffix == ".gz":
                self.disk.remove(self.aside(number))

    def pack(self, file: LogFile) -> None:
        """Compress a file that was put aside; it is read from either place all the time."""
        packed = self.packed(file.number)
        temporary = packed.with_name(f"{packed.name}.tmp")
        text = file.path.read_bytes()
        self.disk.replace_file(temporary, gzip.compress(text, mtime=0))
        if read_text(temporary, packed=True) != text:
            raise CorruptData("what was read back is not what was written", where=str(temporary))
        with self.names:
            self.disk.rename(temporary, packed)
            self.disk.sync_folder(self.folder)
            plain, file.path, file.packed = file.path, packed, True
        self.disk.remove(plain)

    def read_head(self) -> HeadRecord | None:
        """The head, None if there is none."""
        return _read(self.head, HeadRecord)

    def write_head(self, head: HeadRecord) -> None:
        """Replace the head; after a loss of power it is this one or the one before."""
        self.disk.replace_file(self.head, _checked(head), sync_name=False)

    def read_manifest(self) -> Manifest:
        """The manifest, an empty one if there is none."""
        return _read(self.manifest, Manifest) or Manifest()

    def write_manifest(self, manifest: Manifest) -> None:
        """Replace the manifest."""
        self.disk.replace_file(self.manifest, _checked(manifest))


def read_text(path: Path, *, packed: bool) -> bytes:
    """
    All lines of a file.

    Raises:
        CorruptData: It is compressed and cannot be unpacked.
    """
    data = path.read_bytes()
    if not packed:
        return data
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise CorruptData(f"cannot be unpacked: {error}", where=str(path)) from error


def _checked(record: msgspec.Struct) -> bytes:
    text = msgspec.json.encode(record)
    return text + b"\n" + hashlib.sha256(text).hexdigest().encode() + b"\n"


def _read(path: Path, kind: type[S]) -> S | None:
    try:
        text, _, checksum = path.read_bytes().partition(b"\n")
    except FileNotFoundError:
        return None
    if hashlib.sha256(text).hexdigest().encode() != checksum.strip():
        raise CorruptData("its checksum is wrong: it was changed or cut", where=str(path))
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.MsgspecError as error:
        raise CorruptData(f"not what was written there: {error}", where=str(path)) from error
