"""Where an entry stands in a stream."""

from __future__ import annotations

import hashlib
from typing import Final, NamedTuple

_PART_MAX: Final = 2**64 - 1


class Position(NamedTuple):
    """
    The id of a stream entry: milliseconds and a sequence number within them.

    Both parts are unsigned 64-bit numbers, compared as numbers; as text `ms-seq`.
    """

    ms: int
    seq: int

    def __str__(self) -> str:
        return f"{self.ms}-{self.seq}"

    @classmethod
    def parse(cls, text: str) -> Position:
        """
        Read `ms-seq`.

        Raises:
            ValueError: Not two unsigned 64-bit decimal numbers joined by a dash.
        """
        ms, dash, seq = text.partition("-")
        digits = ms.isascii() and ms.isdigit() and seq.isascii() and seq.isdigit()
        if not dash or not digits or int(ms) > _PART_MAX or int(seq) > _PART_MAX:
            raise ValueError(f"{text!r} is not a position; expected ms-seq as in 1704110400000-0")
        return cls(int(ms), int(seq))

    def next(self, now_ms: int) -> Position:
        """The position after this one for an entry made at *now_ms*; time never goes back."""
        if now_ms > self.ms:
            return Position(now_ms, 0)
        return Position(self.ms, self.seq + 1)


START: Final = Position(0, 0)
"""Before every entry: reading after it reads a stream from its beginning."""


class Head(NamedTuple):
    """The last entry of a stream, as a conditional append names it."""

    id: Position
    payload_hash: str


EMPTY: Final = Head(START, "")
"""The head of a stream that never had an entry."""


class Entry(NamedTuple):
    """One entry of a stream."""

    id: Position
    payload: bytes

    @property
    def head(self) -> Head:
        """This entry as the head that the next append expects."""
        return Head(self.id, payload_hash(self.payload))


class Bounds(NamedTuple):
    """The first and the last entry that a stream still holds."""

    first: Entry
    last: Entry


def payload_hash(payload: bytes) -> str:
    """
    SHA-1 of *payload* in hex: tells one head from another.

    SHA-1 because it is the one hash that every backend can compute beside its data
    (Redis scripts have no other); tampering is the business of the chain inside the
    payloads.
    """
    return hashlib.sha1(payload, usedforsecurity=False).hexdigest()
