"""The lines of a recording file, plain or packed with xz."""

from __future__ import annotations

import lzma
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

from pmengine.replay.events import RecordingError

XZ_MAGIC: Final = b"\xfd7zXZ\x00"
LINE_BYTES_MAX: Final = 1 << 20


def read_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """
    Each line of *path* with its number from 1, without its end. Only a line is held at a time.

    Raises:
        RecordingError: The file cannot be opened or unpacked, or a line is longer than
            `LINE_BYTES_MAX`.
    """
    try:
        with path.open("rb") as raw:
            packed = raw.read(len(XZ_MAGIC)) == XZ_MAGIC
            raw.seek(0)
            if packed:
                yield from _unpacked(path, raw)
            else:
                yield from _numbered(path, raw)
    except OSError as error:
        reason = error.strerror or str(error)
        raise RecordingError(f"{path}: cannot be read: {reason}; check the path") from error


def _unpacked(path: Path, raw: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    number = 0
    try:
        with lzma.open(raw) as lines:
            for number, line in _numbered(path, lines):
                yield number, line
    except EOFError as error:
        raise RecordingError(
            f"{path}: the xz file ends in the middle, after line {number}; copy it again"
        ) from error
    except lzma.LZMAError as error:
        raise RecordingError(
            f"{path}: the xz file is damaged after line {number}: {error}; copy it again"
        ) from error


def _numbered(path: Path, lines: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    number = 0
    while line := lines.readline(LINE_BYTES_MAX + 1):
        number += 1
        if len(line) > LINE_BYTES_MAX:
            raise RecordingError(
                f"{path}: line {number} is longer than {LINE_BYTES_MAX} bytes; "
                "this is not a recording of order flow"
            )
        yield number, line.rstrip(b"\r\n")
