"""Takes snapshots in a copy of this process, so that folding goes on at its own pace."""

from __future__ import annotations

import asyncio
import pickle
from typing import Final

import attrs

from pmengine.processes.copying import CAN_COPY, CopyFailed, in_copy
from pmengine.services.folding import Fold
from pmengine.services.taking import Taken, Taker, TakesHere, save_and_prune
from pmstore import (
    CorruptData,
    SnapshotStore,
    StorageSettings,
    StoreUnavailable,
    open_snapshot_store,
)

_OPENED_ANEW: Final = frozenset(
    {"file", "postgres", "postgresql", "redis", "rediss"}
    | {"redis+cluster", "rediss+cluster", "redis+sentinel", "rediss+sentinel"}
)
"""Places that a copy opens for itself. Others may live in the process that opened them, as memory
does, or lean on its threads, as SQLite does, and a copy has none of these."""


def taker_for(storage: StorageSettings, snapshots: SnapshotStore, *, within_s: float) -> Taker:
    """
    What takes snapshots with the least standing still; *snapshots* are those of *storage*.

    Args:
        within_s: As for `TakesInCopy`.
    """
    can_open = storage.snapshots.truth.scheme in _OPENED_ANEW
    return (
        TakesInCopy(storage, within_s=within_s) if CAN_COPY and can_open else TakesHere(snapshots)
    )


class TakesInCopy:
    """
    Encodes, saves and verifies in a copy of this process, as Redis does with its dumps.

    Folding stands still while the copy is made, not while millions of rows are looked at. It
    takes a second processor core, and up to as much memory again as the state has.

    Args:
        within_s: How long a snapshot may take; a copy that hangs is killed then, and the next
            one is made when the next snapshot is due.
    """

    def __init__(self, storage: StorageSettings, *, within_s: float | None = None) -> None:
        self._storage = storage
        self._within_s = within_s

    async def take(self, state: Fold, timestamp: int, keep: int, /) -> Taken:
        """Save a verified snapshot; see `Taker.take`."""

        def work() -> bytes:
            # Whatever kind of loop this process has, it was not made to be copied.
            with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
                return runner.run(self._save(state, timestamp, keep))

        try:
            answer = await in_copy(work, self._within_s)
        except (CopyFailed, OSError) as error:
            raise StoreUnavailable(f"no snapshot was saved: {error}") from error
        told: Taken | _Failed = pickle.loads(answer)
        if isinstance(told, Taken):
            return told
        if told.where is None:
            raise StoreUnavailable(told.reason)
        raise CorruptData(told.reason.removeprefix(f"{told.where}: "), where=told.where)

    async def _save(self, state: Fold, timestamp: int, keep: int) -> bytes:
        storage = self._storage
        told: Taken | _Failed
        try:
            async with open_snapshot_store(storage.snapshots, pins=storage.pins) as snapshots:
                told = await save_and_prune(snapshots, state.freeze(timestamp), keep)
        except CorruptData as error:
            told = _Failed(str(error), error.where)
        except StoreUnavailable as error:
            told = _Failed(str(error), None)
        return pickle.dumps(told)


@attrs.frozen
class _Failed:
    """Why nothing was saved; with `where`, what is stored there is not what was written."""

    reason: str
    where: str | None
