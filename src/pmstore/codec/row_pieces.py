"""Rows of a long JSON array in pieces, so that what is made of a piece fits a cache."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import msgspec

PIECE_BYTES: Final = 1 << 18
"""Rows are decoded in pieces of about this size, so that what is made of them fits a cache."""
# Within a text a quote stands behind a backslash, and no row has an object that begins so.
NEXT_ORDER: Final = re.compile(rb'\},\{"id":')
NEXT_MEMORY: Final = re.compile(rb'\},\{"user_id":')


def pieces(rows: msgspec.Raw, between: re.Pattern[bytes]) -> Iterator[bytes]:
    """The rows of a JSON array in several arrays; *between* matches the end of one and the next."""
    text = memoryview(rows)
    start, end = 1, len(text) - 1
    while start < end:
        found = between.search(text, start + PIECE_BYTES, end)
        stop = end if found is None else found.start() + 1
        yield b"".join((b"[", text[start:stop], b"]"))
        start = stop + 1
