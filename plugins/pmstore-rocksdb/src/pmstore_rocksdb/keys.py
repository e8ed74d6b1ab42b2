"""Keys whose bytes sort as what they stand for sorts."""

from __future__ import annotations

from typing import Final

from pmstore import INTEGER_MAX, is_id

NUMBER_BYTES: Final = 8


def number(value: int) -> bytes:
    """An unsigned 64-bit number."""
    return value.to_bytes(NUMBER_BYTES, "big")


def text(value: str) -> bytes:
    """
    An id behind its length, so that no id is the beginning of another one's key.

    Where an id stands last in a key, its plain UTF-8 is enough; it sorts by code point.
    """
    encoded = value.encode()
    return bytes((len(encoded),)) + encoded


def sought(value: str) -> bytes | None:
    """The key part of an id that somebody asks for, None if no record can have it."""
    return text(value) if is_id(value) else None


def sought_number(value: int) -> bytes | None:
    """The key part of a number that somebody asks for, None if no record can have it."""
    return number(value) if 0 <= value <= INTEGER_MAX else None


def plain(value: str) -> bytes:
    """An id that ends a key. What is no Unicode becomes bytes that no id has."""
    return value.encode("utf-8", "surrogatepass")
