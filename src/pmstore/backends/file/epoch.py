"""The highest writer's epoch that a stream has seen, kept over restarts."""

from __future__ import annotations

from pathlib import Path
from typing import Final
from zlib import crc32

from pmstore.backends.file.disk import Disk
from pmstore.errors import CorruptData

_NAME: Final = "epoch"


def read_epoch(folder: Path) -> int | None:
    """
    The highest epoch seen, None if there never was one.

    Raises:
        CorruptData: The file is not what `write_epoch` wrote.
    """
    path = folder / _NAME
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return None
    number, _, checksum = text.strip().partition(b" ")
    if not number.isdigit() or checksum != _checksum(number):
        raise CorruptData("not an epoch with its checksum", where=str(path))
    return int(number)


def write_epoch(disk: Disk, folder: Path, epoch: int) -> None:
    """
    Keep *epoch*; durable on return.

    It is written before the entries that came with it. A crash between leaves an epoch
    without entries, which fences the older writers a moment early and harms nobody.
    """
    number = str(epoch).encode()
    disk.replace_file(folder / _NAME, number + b" " + _checksum(number) + b"\n")


def _checksum(number: bytes) -> bytes:
    return f"{crc32(number):08x}".encode()
