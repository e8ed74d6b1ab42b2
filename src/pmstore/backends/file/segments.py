"""The numbered files of a stream: their names, their headers, and how they follow each other."""

from __future__ import annotations

import re
from pathlib import Path
from struct import Struct
from typing import Final
from zlib import crc32

import attrs

from pmstore.errors import CorruptData
from pmstore.models.position import Position

_NAME: Final = re.compile(r"(\d{20})\.seg\Z")
_MAGIC: Final = b"PMSTREAM"
_FORMAT: Final = 1
_HEADER: Final = Struct(">8sIQQQQI")
_CHECKSUM_BYTES: Final = 4
HEADER_BYTES: Final = _HEADER.size
MARK_BYTES: Final = 64 * 1024
"""How far the marks of a segment's index lie apart, at least."""


@attrs.define(kw_only=True)
class Segment:
    """
    One segment as it is known in memory; owned by one loop.

    Attributes:
        after: The last position before it; every position in it is later.
        size: Bytes of it that may be read.
        size_before: Size in bytes of the segment before it, 0 for the first.
        marks: Index: (the position before an offset, that offset), ascending; None until
            it was built.
    """

    number: int
    path: Path
    after: Position
    size: int
    size_before: int
    marks: list[tuple[Position, int]] | None

    def offset_after(self, position: Position) -> int:
        """An offset at or before the first record later than *position*, close to it."""
        low, high = 0, len(self.marks or ())
        marks = self.marks or []
        while low < high:
            middle = (low + high) // 2
            if marks[middle][0] <= position:
                low = middle + 1
            else:
                high = middle
        return marks[low - 1][1] if low else HEADER_BYTES

    def extend(self, end: int, last: Position) -> None:
        """Say that it now may be read up to *end*, where *last* is the last record."""
        self.size = end
        if self.marks is not None and end - self.marks[-1][1] >= MARK_BYTES:
            self.marks.append((last, end))


def new_segment(folder: Path, number: int, after: Position, size_before: int) -> Segment:
    """An empty segment that was just written."""
    return Segment(
        number=number,
        path=folder / f"{number:020d}.seg",
        after=after,
        size=HEADER_BYTES,
        size_before=size_before,
        marks=[(after, HEADER_BYTES)],
    )


def header(segment: Segment) -> bytes:
    """The bytes with which *segment* begins."""
    data = _HEADER.pack(
        _MAGIC,
        _FORMAT,
        segment.number,
        segment.after.ms,
        segment.after.seq,
        segment.size_before,
        0,
    )[:-_CHECKSUM_BYTES]
    return data + crc32(data).to_bytes(_CHECKSUM_BYTES, "big")


def list_segments(folder: Path) -> list[tuple[int, Path]]:
    """The segment files of *folder* with their numbers, ascending."""
    found = []
    for path in folder.iterdir():
        match = _NAME.match(path.name)
        if match:
            found.append((int(match[1]), path))
    return sorted(found)


def read_segments(folder: Path) -> list[Segment]:
    """
    All segments of *folder*, their headers checked against each other and their sizes.

    Raises:
        CorruptData: A header is bad, a segment is missing between two others, or one that
            was finished has another size than it had then.
        FileNotFoundError: One was removed meanwhile.
    """
    segments: list[Segment] = []
    for number, path in list_segments(folder):
        segment = read_segment(number, path)
        if segments:
            check_follows(segments[-1], segment)
        segments.append(segment)
    return segments


def read_segment(number: int, path: Path) -> Segment:
    """One segment by its header, its index not built yet."""
    with path.open("rb") as file:
        data = file.read(HEADER_BYTES)
        size = file.seek(0, 2)
    if len(data) < HEADER_BYTES:
        raise CorruptData("the segment is shorter than its header", where=f"{path} at 0")
    magic, form, named, ms, seq, size_before, checksum = _HEADER.unpack(data)
    if magic != _MAGIC or crc32(data[:-_CHECKSUM_BYTES]) != checksum:
        raise CorruptData("not the header of a stream segment", where=f"{path} at 0")
    if form != _FORMAT:
        raise CorruptData(f"format {form}; this version reads {_FORMAT}", where=f"{path} at 0")
    if named != number:
        raise CorruptData(f"the header says segment {named}", where=f"{path} at 0")
    return Segment(
        number=number,
        path=path,
        after=Position(ms, seq),
        size=size,
        size_before=size_before,
        marks=None,
    )


def check_follows(before: Segment, segment: Segment) -> None:
    """
    Check that *segment* is the next one after *before*.

    Raises:
        CorruptData: One between them is missing, or *before* is not whole.
    """
    if segment.number != before.number + 1:
        raise CorruptData(f"segment {before.number + 1} is missing", where=str(segment.path.parent))
    if segment.size_before != before.size:
        raise CorruptData(
            f"has {before.size} bytes; it had {segment.size_before} when it was finished",
            where=f"{before.path} at {min(before.size, segment.size_before)}",
        )
