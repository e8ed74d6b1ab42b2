"""Under which id a command is remembered, and what makes a repeat of it the same; pure."""

from __future__ import annotations

from typing import Final

import msgspec

from pmstore import ID_BYTES_MAX, is_id

_encode: Final = msgspec.json.Encoder().encode


def are_ids(texts: str, one: str, two: str, three: str) -> bool:
    """Whether three texts, *texts* together, are ids: the frequent case without a look at each."""
    if (
        one
        and two
        and three
        and len(texts) <= ID_BYTES_MAX
        and texts.isascii()
        and texts.isprintable()
    ):
        return True
    return is_id(one) and is_id(two) and is_id(three)


def is_name(text: str | None) -> bool:
    """Whether *text*, if there is any, can name a group or a session."""
    return text is None or is_id(text)


def content_of(*values: object) -> bytes:
    """What a repeated command of another kind must say again, as a JSON array."""
    return _encode(values)
