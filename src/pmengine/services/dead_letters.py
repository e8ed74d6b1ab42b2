"""Input entries that cannot be taken, put aside on a stream for whoever looks after them."""

from __future__ import annotations

from typing import Final

import msgspec

from pmstore import Entry, Position, Stream

DEAD_LETTERS: Final = "dead_letter_stream"
PAYLOAD_BYTES_MAX: Final = 64 * 1024
LETTERS_MAX: Final = 100
"""How many are appended at once."""
KEPT_MS: Final = 30 * 86_400_000
"""How long a letter is kept."""


class DeadLetter(msgspec.Struct, kw_only=True, frozen=True):
    """
    An entry of the input `stream` at `position`, as it was, and why it was not taken.

    `payload` is base64 in JSON, its first `PAYLOAD_BYTES_MAX` of `size_bytes`; empty if the
    entry could not even be read. A letter may be there twice, if the engine died before the log
    said that its entry was consumed.
    """

    stream: str
    position: str
    reason: str
    size_bytes: int
    payload: bytes

    @classmethod
    def of(cls, stream: str, entry: Entry, reason: str) -> DeadLetter:
        """The letter that *entry* becomes."""
        return cls(
            stream=stream,
            position=str(entry.id),
            reason=reason,
            size_bytes=len(entry.payload),
            payload=entry.payload[:PAYLOAD_BYTES_MAX],
        )

    def encode(self) -> bytes:
        """As it is on the stream."""
        return msgspec.json.encode(self)


async def forget_old_letters(stream: Stream, now_ms: int) -> None:
    """Let go what is older than `KEPT_MS`, but for the last."""
    await stream.trim(Position(max(0, now_ms - KEPT_MS), 0))
