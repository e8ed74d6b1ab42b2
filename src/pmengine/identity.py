"""Under which id a command is remembered, and what makes a repeat of it the same; pure."""

from __future__ import annotations

from typing import Final

import msgspec

from pmengine.entities import quoted
from pmstore import ID_BYTES_MAX, is_id

_encode: Final = msgspec.json.Encoder().encode


def quoted_id(text: str) -> bytes:
    """
    *text* as a JSON string if it is an id, else nothing.

    What JSON writes as it is, byte for byte, has no control character but perhaps DEL.
    """
    size = len(text)
    try:
        written = quoted(text)
    except UnicodeEncodeError:  # half a surrogate pair
        return b""
    if 1 <= size <= ID_BYTES_MAX and len(written) == size + 2 and "\x7f" not in text:
        return written
    return written if is_id(text) else b""


def is_name(text: str | None) -> bool:
    """Whether *text*, if there is any, can name a group or a session."""
    return text is None or is_id(text)


def content_of(*values: object) -> bytes:
    """What a repeated command of another kind must say again, as a JSON array."""
    return _encode(values)
