"""Following a stream that another process writes."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import attrs

from pmstore.backends.file.segment_reader import Scan, marks_of, scan, scan_whole
from pmstore.backends.file.segments import (
    HEADER_BYTES,
    Segment,
    check_follows,
    list_segments,
    read_segment,
    read_segments,
)
from pmstore.errors import CorruptData, StoreUnavailable
from pmstore.models.position import Entry, Position


@attrs.frozen(kw_only=True)
class News:
    """What was found behind the known end: a segment that begins there, entries, the new end."""

    segment: Segment | None
    entries: list[Entry]
    end: int


def open_for_reading(folder: Path) -> tuple[list[Segment], list[Entry]]:
    """
    The segments as they are now, with the entries of the last one; nothing is repaired.

    Raises:
        StoreUnavailable: There is no such folder.
        CorruptData: Something that no crash leaves.
    """
    while True:
        try:
            segments = read_segments(folder)
            entries: list[Entry] = []
            if segments:
                last = segments[-1]
                found = _twice(partial(scan_whole, last))
                last.size, entries = found.end, found.entries
                last.marks = marks_of(last, entries)
            return segments, entries
        except FileNotFoundError:
            if not folder.is_dir():
                raise StoreUnavailable(
                    f"there is no stream at {folder}; its writer makes the folder"
                ) from None
            # The writer trimmed meanwhile: look again.


def look_behind(folder: Path, known: Segment | None, last: Position) -> list[News]:
    """
    What the writer added behind the end of *known*, whose last position is *last*.

    Raises:
        CorruptData: A record is bad that is not being written now.
    """
    news: list[News] = []
    while True:
        later = [item for item in list_segments(folder) if not known or item[0] > known.number]
        if known is not None:
            # Whether it is finished is asked before it is read: then its end cannot move.
            added = _read_added(known, last, finished=bool(later))
            if added is not None:
                news.append(added)
                if added.entries:
                    last = added.entries[-1].id
                known = attrs.evolve(known, size=added.end)
        if not later:
            return news
        segment = read_segment(*later[0])
        if known is not None:
            check_follows(known, segment)
        segment.size, segment.marks = HEADER_BYTES, [(segment.after, HEADER_BYTES)]
        news.append(News(segment=segment, entries=[], end=HEADER_BYTES))
        known, last = segment, segment.after


def _read_added(known: Segment, last: Position, *, finished: bool) -> News | None:
    def look() -> Scan:
        with known.path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size < known.size:
                raise CorruptData(
                    f"cut to {size} bytes; {known.size} were read", where=str(known.path)
                )
            file.seek(known.size)
            return scan(known.path, file.read(), known.size, last)

    found = _twice(look)
    if found.problem and finished:
        raise CorruptData(found.problem, where=f"{known.path} at {found.end}")
    if not found.entries:
        return None
    return News(segment=None, entries=found.entries, end=found.end)


def _twice(look: Callable[[], Scan]) -> Scan:
    """A write that goes on may look like damage for a moment; damage stays."""
    try:
        return look()
    except CorruptData:
        return look()
