"""Consumer groups over one stream."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from pmstore.models.position import Entry, Position
from pmstore.protocols.store import Store


class Consumers(Store, Protocol):
    """
    Groups that share a stream's entries among their consumers, each entry to one at a time.

    A group comes to be with its first `read`, at the beginning of the stream.
    """

    async def read(self, group: str, name: str, limit: int, wait_s: float = 0.0, /) -> list[Entry]:
        """Up to *limit* entries that no consumer of *group* has had; owed until acknowledged."""
        ...

    async def ack(self, group: str, ids: Sequence[Position], /) -> int:
        """Say that these were processed; answers how many were owed."""
        ...

    async def reclaim(self, group: str, name: str, idle_s: float, limit: int, /) -> list[Entry]:
        """Take over up to *limit* entries that another has owed for *idle_s* seconds or longer."""
        ...

    async def positions(self) -> dict[str, Position]:
        """For each group, the position through which nothing is owed to it."""
        ...

    async def forget(self, group: str, /) -> None:
        """Remove a group; an unknown one is no error."""
        ...
