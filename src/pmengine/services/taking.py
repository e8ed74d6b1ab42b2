"""Takes a snapshot and tells from where on the log is needed now; here, or wherever it is done."""

from __future__ import annotations

from typing import Final, Protocol

import attrs

from pmengine.services.folding import Fold
from pmstore import Snapshot, SnapshotInfo, SnapshotStore

VERIFIED_BEFORE_TRIM_MIN: Final = 2


@attrs.frozen
class Taken:
    """
    A verified snapshot that was saved.

    `oldest` is the oldest verified one that is kept, None while there are fewer than two:
    only then may anything be let go of what it was made from.
    """

    saved: SnapshotInfo
    oldest: SnapshotInfo | None


class Taker(Protocol):
    """Takes snapshots of a state."""

    async def take(self, state: Fold, timestamp: int, keep: int, /) -> Taken:
        """
        Save a verified snapshot of *state* as it is at this call, and drop older ones.

        The caller goes on folding into *state* while it waits.

        Args:
            timestamp: When it is taken, in epoch milliseconds.
            keep: How many verified generations stay.

        Raises:
            StoreUnavailable: It was perhaps not saved; those before it are there.
            CorruptData: What was read back is not what was written.
        """
        ...


class TakesHere:
    """Encodes snapshots in this process, piece by piece, beside everything else that it does."""

    def __init__(self, snapshots: SnapshotStore) -> None:
        self._snapshots = snapshots

    async def take(self, state: Fold, timestamp: int, keep: int, /) -> Taken:
        """Save a verified snapshot; see `Taker.take`."""
        return await save_and_prune(self._snapshots, state.freeze(timestamp), keep)


async def save_and_prune(snapshots: SnapshotStore, snapshot: Snapshot, keep: int) -> Taken:
    """
    Save *snapshot* and keep the newest *keep* verified ones.

    Raises:
        StoreUnavailable, CorruptData: As for `Taker.take`.
    """
    saved = await snapshots.save(snapshot)
    await snapshots.prune(keep)
    verified = [info for info in await snapshots.list() if info.problem is None]
    enough = len(verified) >= VERIFIED_BEFORE_TRIM_MIN
    return Taken(saved, verified[0] if enough else None)
