"""Opaque cursors: where the next page begins."""

from __future__ import annotations

import base64
import json

from pmstore.errors import InvalidQuery


def write_cursor(key: tuple[int | str, ...]) -> str:
    """The cursor that stands at *key*."""
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode()


def read_cursor(text: str, *types: type[int] | type[str]) -> tuple[int | str, ...]:
    """
    The key at which a cursor stands.

    Raises:
        InvalidQuery: It was not written by `write_cursor` for a key of these types.
    """
    try:
        parts = json.loads(base64.b64decode(text, altchars=b"-_", validate=True))
    except (ValueError, TypeError, RecursionError) as error:
        raise InvalidQuery(_malformed(text)) from error
    if not isinstance(parts, list) or [type(part) for part in parts] != list(types):
        raise InvalidQuery(_malformed(text))
    return tuple(parts)


def _malformed(text: str) -> str:
    return f"{text!r} is not a cursor of this store; take `next` of the page before"
