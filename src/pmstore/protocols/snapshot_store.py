"""Several verified generations of snapshots."""

from __future__ import annotations

from typing import Protocol

from pmstore.models.snapshot import Snapshot, SnapshotInfo
from pmstore.protocols.store import Store


class SnapshotStore(Store, Protocol):
    """Keeps generations, newest last saved; each is verified by reading it back."""

    async def save(self, snapshot: Snapshot, /) -> SnapshotInfo:
        """
        Store a generation beside the others, durably, and verify it by reading it back.

        Raises:
            StoreUnavailable: It could not be written; earlier generations are untouched.
            CorruptData: What was read back is not what was written.
        """
        ...

    async def load(self) -> Snapshot | None:
        """
        The newest valid generation; None if there never was one.

        A broken one is skipped and reported by a `BrokenSnapshotWarning`.

        Raises:
            CorruptData: There are generations and none of them is valid.
        """
        ...

    async def get(self, name: str, /) -> Snapshot | None:
        """
        The generation of that name (see `list`), None if there is none.

        Raises:
            CorruptData: It is not valid.
        """
        ...

    async def list(self) -> list[SnapshotInfo]:
        """Every generation, oldest first, the broken ones with their `problem`."""
        ...

    async def prune(self, keep: int, /) -> int:
        """
        Remove all but the newest *keep* verified generations, and broken ones older than those.

        Answers how many were removed. Broken ones never count towards *keep* (at least 1).
        """
        ...
