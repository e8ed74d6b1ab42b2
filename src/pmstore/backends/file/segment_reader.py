"""Reading entries from segment files, at any position, with every record checked."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import attrs

from pmstore.backends.file.records import HEAD_BYTES, good_record_behind, record_at, records
from pmstore.backends.file.segments import HEADER_BYTES, MARK_BYTES, Segment
from pmstore.errors import CorruptData
from pmstore.models.position import Entry, Position

READ_BYTES_MAX: Final = 16 * 1024 * 1024
"""What one read answers at most beside its first entry."""
_CHUNK_BYTES: Final = 256 * 1024


@attrs.frozen(kw_only=True)
class Scan:
    """
    What a piece of a segment holds, from an offset to the first record that is not good.

    Attributes:
        entries: Those of whole appends.
        end: Offset in the file behind the last whole append.
        problem: Why the scan stopped before the end of the file; None at the end.
    """

    entries: list[Entry]
    end: int
    problem: str | None


def scan(path: Path, data: bytes, base: int, last: Position) -> Scan:
    """
    Find the whole appends of *data*, which lies in *path* at *base* behind *last*.

    Raises:
        CorruptData: A bad record with a good one behind it, or positions that do not grow.
    """
    entries: list[Entry] = []
    whole, end, offset = 0, 0, 0
    for position, start, offset_behind, more in records(data, 0):
        if position <= last:
            raise CorruptData(
                f"position {position} follows {last}", where=f"{path} at {base + offset}"
            )
        entries.append(Entry(position, data[start:offset_behind]))
        last, offset = position, offset_behind
        if not more:
            whole, end = len(entries), offset
    problem = None
    if offset < len(data):
        behind = good_record_behind(data, offset, last)
        if behind is not None:
            raise CorruptData(
                f"a bad record with a good one behind it, at {base + behind}",
                where=f"{path} at {base + offset}",
            )
        problem = "the last record is bad or cut short"
    elif end < offset:
        problem = "the last append is cut short"
    del entries[whole:]
    return Scan(entries=entries, end=base + end, problem=problem)


def scan_whole(segment: Segment) -> Scan:
    """Scan a segment from its header on."""
    data = segment.path.read_bytes()[HEADER_BYTES:]
    return scan(segment.path, data, HEADER_BYTES, segment.after)


def marks_of(segment: Segment, entries: Sequence[Entry]) -> list[tuple[Position, int]]:
    """The index of a segment whose entries are known."""
    marks = [(segment.after, HEADER_BYTES)]
    end = HEADER_BYTES
    for entry in entries:
        end += HEAD_BYTES + len(entry.payload)
        if end - marks[-1][1] >= MARK_BYTES:
            marks.append((entry.id, end))
    return marks


def build_marks(path: Path, after: Position, size: int) -> list[tuple[Position, int]]:
    """The index of a segment, as far as its records are good."""
    marks = [(after, HEADER_BYTES)]
    with path.open("rb") as file:
        data = file.read(size)
    for position, _, end, _ in records(data, HEADER_BYTES):
        if end - marks[-1][1] >= MARK_BYTES:
            marks.append((position, end))
    return marks


@attrs.frozen
class Piece:
    """A part of a segment to read: from an offset up to its readable size."""

    path: Path
    offset: int
    size: int


def read_pieces(pieces: Sequence[Piece], after: Position, limit: int) -> list[Entry]:
    """
    Up to *limit* entries after *after* from *pieces* in order, at most `READ_BYTES_MAX` bytes.

    Raises:
        CorruptData: A record that is not good inside a piece.
        FileNotFoundError: A segment was removed meanwhile.
    """
    found: list[Entry] = []
    room = READ_BYTES_MAX
    for piece in pieces:
        room = _read_piece(piece, after, limit, room, found)
        if len(found) >= limit or room <= 0:
            break
    return found


def _read_piece(piece: Piece, after: Position, limit: int, room: int, found: list[Entry]) -> int:
    fd = os.open(piece.path, os.O_RDONLY)
    try:
        base = piece.offset
        wanted = _CHUNK_BYTES
        while base < piece.size and len(found) < limit and room > 0:
            data = os.pread(fd, min(wanted, piece.size - base), base)
            used = 0
            for position, start, end, _ in records(data, 0):
                used = end
                if position > after:
                    found.append(Entry(position, data[start:end]))
                    room -= end - start
                    if len(found) >= limit or room <= 0:
                        return room
            if not used:
                if base + len(data) >= piece.size or len(data) < wanted:
                    raise CorruptData("a bad record", where=f"{piece.path} at {base}")
                # One record longer than the chunk, or a bad one: look again with more of it.
                wanted = max(2 * wanted, HEAD_BYTES)
                continue
            base += used
            wanted = _CHUNK_BYTES
    finally:
        os.close(fd)
    return room


def first_entry(path: Path, size: int) -> Entry:
    """The first entry of a segment that has one."""
    with path.open("rb") as file:
        data = file.read(min(size, HEADER_BYTES + _CHUNK_BYTES))
        record = record_at(data, HEADER_BYTES)
        while record is None and len(data) < size:
            data += file.read(min(len(data), size - len(data)))
            record = record_at(data, HEADER_BYTES)
    if record is None:
        raise CorruptData("a bad record", where=f"{path} at {HEADER_BYTES}")
    return Entry(record[0], data[record[1] : record[2]])


def last_entry(segment: Segment) -> Entry:
    """The last entry of a finished segment."""
    data = segment.path.read_bytes()[: segment.size]
    offset, last = HEADER_BYTES, None
    for last in records(data, HEADER_BYTES):
        offset = last[2]
    if last is None or offset < len(data):
        raise CorruptData("a bad record", where=f"{segment.path} at {offset}")
    return Entry(last[0], data[last[1] : last[2]])
