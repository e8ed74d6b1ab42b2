"""How one stream entry lies in a segment file: the framing and its checks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from struct import Struct
from typing import Final
from zlib import crc32

from pmstore.errors import InvalidRecord, LimitExceeded
from pmstore.models.position import Entry, Position

PAYLOAD_BYTES_MAX: Final = 64 * 1024 * 1024
SEQ_MAX: Final = 2**32 - 1
"""Sequence numbers stay below 2^32 here: it makes a record easy to tell from noise."""

_MORE: Final = 0x8000_0000
"""Set in a length when the next record belongs to the same append."""
_HEAD: Final = Struct(">IQQI")
_CHECKED: Final = Struct(">IQQ")
_CHECKSUM: Final = Struct(">I")
HEAD_BYTES: Final = _HEAD.size
_CHECKED_BYTES: Final = _CHECKED.size
_LIKELY: Final = re.compile(rb"(?s)(?=(?!\x00{4})[\x00-\x04\x80-\x84].{11}\x00{4})")
"""Where a record may begin: a length from 1 to 64 MiB and a sequence number below 2^32."""


def following(last: Position, now_ms: int) -> Position:
    """The position after *last* for an entry made at *now_ms*."""
    position = last.next(now_ms)
    return position if position.seq <= SEQ_MAX else Position(position.ms + 1, 0)


def encode(items: Sequence[bytes], last: Position, now_ms: int) -> tuple[bytes, list[Entry]]:
    """
    One append as the bytes that go to the segment, and as entries after *last*.

    Raises:
        InvalidRecord: An item that is empty or not bytes.
        LimitExceeded: An item beyond `PAYLOAD_BYTES_MAX`.
    """
    parts: list[bytes] = []
    entries: list[Entry] = []
    ms, seq = following(last, now_ms)
    more = len(items)
    for item in items:
        if type(item) is not bytes or not item:
            raise InvalidRecord("a stream takes items of at least one byte, as bytes")
        length = len(item)
        if length > PAYLOAD_BYTES_MAX:
            raise LimitExceeded(f"an item has {length} bytes; at most {PAYLOAD_BYTES_MAX}")
        more -= 1
        checked = _CHECKED.pack(length | _MORE if more else length, ms, seq)
        parts += (checked, _CHECKSUM.pack(crc32(item, crc32(checked))), item)
        entries.append(Entry(Position(ms, seq), item))
        seq += 1
        if seq > SEQ_MAX:
            ms, seq = ms + 1, 0
    return b"".join(parts), entries


Record = tuple[Position, int, int, bool]
"""Position, offset of the payload, offset behind it, and whether its append goes on."""


def record_at(data: bytes, offset: int) -> Record | None:
    """The whole and unharmed record at *offset* of *data*, None if there is none."""
    return next(records(data, offset), None)


def records(data: bytes, offset: int) -> Iterator[Record]:
    """The good records of *data* from *offset*, up to the first that is not."""
    view = memoryview(data)
    size = len(data)
    while (start := offset + HEAD_BYTES) < size:
        length, ms, seq, checksum = _HEAD.unpack_from(data, offset)
        end = start + (length & ~_MORE)
        if end > size or end == start:
            return
        if crc32(view[start:end], crc32(view[offset : offset + _CHECKED_BYTES])) != checksum:
            return
        yield Position(ms, seq), start, end, length >= _MORE
        offset = end


def good_record_behind(data: bytes, offset: int, last: Position) -> int | None:
    """
    The offset of a good record later than *last* somewhere behind *offset*, None without one.

    It tells a write that was cut short (nothing good behind it) from damage.
    """
    for likely in _LIKELY.finditer(data, offset + 1):
        record = record_at(data, likely.start())
        if record is not None and record[0] > last:
            return likely.start()
    return None
