"""Columns of values in PostgreSQL's binary form of an array, packed by whole columns."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain, repeat
from typing import Final

from psycopg.adapt import Buffer, Dumper
from psycopg.pq import Format

_BIGINT: Final = 20
_TEXT: Final = 25
_BOOLEAN: Final = 16
_HEADER: Final = struct.Struct(">iiIii")
"""Dimensions, whether there are nulls, type of the items, their count, first index."""
_LENGTH: Final = struct.Struct(">i")
_NULL: Final = _LENGTH.pack(-1)
_EIGHT: Final = _LENGTH.pack(8)
_TRUE: Final = b"\x00\x00\x00\x01\x01"
_FALSE: Final = b"\x00\x00\x00\x01\x00"


class BigintColumn(bytes):
    """A packed `bigint[]`."""


class TextColumn(bytes):
    """A packed `text[]`."""


class BooleanColumn(bytes):
    """A packed `boolean[]`."""


def bigints(values: Sequence[int]) -> BigintColumn:
    """A column without nulls; values of 64 bits with sign."""
    packed = _pairs(len(values)).pack(*chain.from_iterable(zip(repeat(8), values, strict=False)))
    return BigintColumn(_header(_BIGINT, len(values), False) + packed)


def bigints_or_null(values: Sequence[int | None]) -> BigintColumn:
    """A column of values of 64 bits with sign, or None."""
    count = values.count(None)
    if not count:
        return bigints(values)  # type: ignore[arg-type]  # Not one of them is None.
    if count == len(values):
        return BigintColumn(_header(_BIGINT, count, True) + _NULL * count)
    pack = struct.Struct(">q").pack
    parts = [_NULL if value is None else _EIGHT + pack(value) for value in values]
    return BigintColumn(_header(_BIGINT, len(values), True) + b"".join(parts))


def texts(values: Sequence[str]) -> TextColumn:
    """A column of text without nulls."""
    pack = _LENGTH.pack
    encoded = [value.encode() for value in values]
    parts = [part for text in encoded for part in (pack(len(text)), text)]
    return TextColumn(_header(_TEXT, len(values), False) + b"".join(parts))


def texts_or_null(values: Sequence[str | None]) -> TextColumn:
    """A column of text or None."""
    count = len(values)
    if values.count(None) == count:
        return TextColumn(_header(_TEXT, count, True) + _NULL * count)
    pack = _LENGTH.pack
    parts = []
    for value in values:
        if value is None:
            parts.append(_NULL)
        else:
            text = value.encode()
            parts.append(pack(len(text)) + text)
    return TextColumn(_header(_TEXT, count, True) + b"".join(parts))


def words(values: Sequence[str]) -> TextColumn:
    """A column of text of a few different words, each packed once."""
    packed = {word: _LENGTH.pack(len(word.encode())) + word.encode() for word in set(values)}
    parts = [packed[value] for value in values]
    return TextColumn(_header(_TEXT, len(values), False) + b"".join(parts))


def booleans(values: Sequence[bool]) -> BooleanColumn:
    """A column of truth values without nulls."""
    parts = [_TRUE if value else _FALSE for value in values]
    return BooleanColumn(_header(_BOOLEAN, len(values), False) + b"".join(parts))


def _header(item_type: int, count: int, nulls: bool) -> bytes:
    if not count:
        return struct.pack(">iiI", 0, 0, item_type)
    return _HEADER.pack(1, nulls, item_type, count, 1)


@lru_cache(maxsize=64)
def _pairs(count: int) -> struct.Struct:
    """The lengths and values of *count* numbers, in one call of C."""
    return struct.Struct(">" + "iq" * count)


class _PackedDumper(Dumper):
    """Passes on what is packed already."""

    format = Format.BINARY

    def dump(self, obj: bytes) -> Buffer | None:
        return obj


class BigintColumnDumper(_PackedDumper):
    oid = 1016


class TextColumnDumper(_PackedDumper):
    oid = 1009


class BooleanColumnDumper(_PackedDumper):
    oid = 1000


DUMPERS: Final = (
    (BigintColumn, BigintColumnDumper),
    (TextColumn, TextColumnDumper),
    (BooleanColumn, BooleanColumnDumper),
)
"""For each kind of column what hands it to psycopg."""
