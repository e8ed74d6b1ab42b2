"""The opaque `after` of lists that no store pages: what the next page begins behind."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final, TypeVar

import msgspec

from pmengine.gateways.http.problems import Problem

CURSOR_BYTES_MAX: Final = 512
T = TypeVar("T")
_encoder: Final = msgspec.json.Encoder()


def encode_cursor(cursor: msgspec.Struct) -> str:
    """*cursor* as text that goes into a URL as it is."""
    return urlsafe_b64encode(_encoder.encode(cursor)).rstrip(b"=").decode("ascii")


def decode_cursor(text: str, kind: type[T]) -> T:
    """
    The cursor that *text* was made of.

    Raises:
        Problem: It is none, or one of another list (400).
    """
    try:
        if len(text) > CURSOR_BYTES_MAX:
            raise ValueError("too long")
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        return msgspec.json.decode(urlsafe_b64decode(padded), type=kind)
    except (ValueError, msgspec.DecodeError):
        raise Problem(
            400,
            "MALFORMED",
            "after is no cursor of this list; send the next of the page before, or nothing",
            field="after",
        ) from None
