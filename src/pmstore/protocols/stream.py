"""An ordered log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from pmstore.models.position import Bounds, Entry, Head, Position
from pmstore.protocols.store import Store


class Stream(Store, Protocol):
    """An ordered log of opaque entries with growing ids."""

    async def append(
        self,
        items: Sequence[bytes],
        /,
        *,
        expect_head: Head | None = None,
        epoch: int | None = None,
    ) -> Position:
        """
        Add entries at the end; answers the id of the last one, durable as the stream promises.

        All of them, or none. The conditions are checked in the same atomic step.

        Args:
            items: 1..`limits.batch_size_max` payloads, each at least one byte.
            expect_head: The entry that must be the last now (`EMPTY`: there never was one).
            epoch: The writer's epoch; remembered as the highest seen.

        Raises:
            Conflict: The head is another.
            Fenced: A higher epoch was seen.
            LimitExceeded: Too many items.
            InvalidRecord: No item, or one that is empty or no bytes.
            StoreUnavailable: `outcome` says whether it may have happened.

        Cost:
            One round trip, whatever the number of items.
        """
        ...

    async def read(self, after: Position, limit: int, wait_s: float = 0.0, /) -> list[Entry]:
        """
        Up to *limit* entries after the position *after*, in order.

        With none there, waits up to *wait_s* seconds for one; an empty list means that
        none came. Entries that were trimmed are skipped: `bounds()` tells.

        Raises:
            StoreUnavailable: No answer.
            CorruptData: A stored entry cannot be right.
        """
        ...

    async def trim(self, through: Position, /) -> None:
        """
        Allow the store to drop entries up to and including *through*; the last entry stays.

        Whole storage units go at once, so entries before *through* remain for a while.
        """
        ...

    async def bounds(self) -> Bounds | None:
        """The first and the last entry held, None if there never was one."""
        ...

    async def size_bytes(self) -> int:
        """
        How many bytes the stream takes where it is kept: at least the payloads that it holds.

        What the backend itself needs around them is counted, entries of other producers too.
        It falls as `trim` lets storage units go.

        Raises:
            StoreUnavailable: No answer.

        Cost:
            One round trip; see the backend for what it costs the server.
        """
        ...
