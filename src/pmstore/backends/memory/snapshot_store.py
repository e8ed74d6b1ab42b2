"""Snapshots in memory."""

from __future__ import annotations

import pickle

import attrs

from pmstore.errors import CorruptData, InvalidQuery
from pmstore.models.snapshot import Snapshot, SnapshotInfo
from pmstore.storage.lifetime import Lifetime


class MemorySnapshotStore(Lifetime):
    """
    Keeps generations of snapshots in this process; a `SnapshotStore`.

    A generation is kept pickled (our own objects in our own memory), so that neither what
    was saved nor what is handed out shares anything with it. Generations are named by their
    number, which is never used again.
    """

    def __init__(self) -> None:
        super().__init__()
        self._generations: dict[str, tuple[SnapshotInfo, bytes]] = {}
        self._count = 0

    async def save(self, snapshot: Snapshot, /) -> SnapshotInfo:
        """Store a generation and verify it by reading it back; see `SnapshotStore.save`."""
        self.check_call()
        name = f"{self._count + 1:08d}"
        content = pickle.dumps(snapshot, protocol=pickle.HIGHEST_PROTOCOL)
        if pickle.loads(content) != snapshot:
            raise CorruptData(
                "what was read back is not what was written; a sequence or mapping in the "
                "snapshot does not equal its own copy",
                where=f"memory snapshot {name}",
            )
        info = SnapshotInfo.of(snapshot, name=name, size_bytes=len(content))
        self._count += 1
        self._generations[name] = (info, content)
        return _copy(info)

    async def load(self) -> Snapshot | None:
        """The newest generation, None if there never was one; see `SnapshotStore.load`."""
        self.check_call()
        return await self.get(next(reversed(self._generations))) if self._generations else None

    async def get(self, name: str, /) -> Snapshot | None:
        """The generation of that name, None if there is none."""
        self.check_call()
        known = self._generations.get(name)
        if known is None:
            return None
        snapshot: Snapshot = pickle.loads(known[1])
        return snapshot

    async def list(self) -> list[SnapshotInfo]:
        """Every generation, oldest first."""
        self.check_call()
        return [_copy(info) for info, _ in self._generations.values()]

    async def prune(self, keep: int, /) -> int:
        """Remove all but the newest *keep* generations; see `SnapshotStore.prune`."""
        self.check_call()
        if keep < 1:
            raise InvalidQuery(f"keep is {keep}; at least one generation stays")
        surplus = [*self._generations][:-keep]
        for name in surplus:
            del self._generations[name]
        return len(surplus)


def _copy(info: SnapshotInfo) -> SnapshotInfo:
    if info.input_position is None:
        return info
    return attrs.evolve(info, input_position=dict(info.input_position))
