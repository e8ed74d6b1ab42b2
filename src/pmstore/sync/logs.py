"""Streams and what is around them without `await`: leases, consumer groups, snapshots."""

from __future__ import annotations

import builtins
from collections.abc import Sequence

from pmstore import protocols
from pmstore.models.position import Bounds, Entry, Head, Position
from pmstore.models.snapshot import Snapshot, SnapshotInfo
from pmstore.sync.lifetime import SyncStore


class Stream(SyncStore[protocols.Stream]):
    """An ordered log of opaque entries; `pmstore.Stream` says what is promised."""

    def append(
        self,
        items: Sequence[bytes],
        /,
        *,
        expect_head: Head | None = None,
        epoch: int | None = None,
    ) -> Position:
        """Add entries at the end; answers the id of the last one."""
        return self._run(self._store.append(items, expect_head=expect_head, epoch=epoch))

    def read(self, after: Position, limit: int, wait_s: float = 0.0, /) -> list[Entry]:
        """Up to *limit* entries after *after*; waits up to *wait_s* seconds for one."""
        return self._run(self._store.read(after, limit, wait_s))

    def trim(self, through: Position, /) -> None:
        """Allow the store to drop entries up to and including *through*."""
        self._run(self._store.trim(through))

    def bounds(self) -> Bounds | None:
        """The first and the last entry held, None if there never was one."""
        return self._run(self._store.bounds())

    def size_bytes(self) -> int:
        """How many bytes the stream takes where it is kept."""
        return self._run(self._store.size_bytes())


class Lease(SyncStore[protocols.Lease]):
    """Named leases with growing epochs; see `pmstore.Lease`."""

    def acquire(self, name: str, ttl_s: float, /) -> int | None:
        """Take the lease *name*; its new epoch, None while another holds it."""
        return self._run(self._store.acquire(name, ttl_s))

    def renew(self, name: str, epoch: int, ttl_s: float, /) -> bool:
        """Hold on; False if it is no longer held under *epoch*."""
        return self._run(self._store.renew(name, epoch, ttl_s))

    def release(self, name: str, epoch: int, /) -> None:
        """Give the lease back."""
        self._run(self._store.release(name, epoch))


class Consumers(SyncStore[protocols.Consumers]):
    """Consumer groups over one stream; see `pmstore.Consumers`."""

    def read(self, group: str, name: str, limit: int, wait_s: float = 0.0, /) -> list[Entry]:
        """Up to *limit* entries that no consumer of *group* has had."""
        return self._run(self._store.read(group, name, limit, wait_s))

    def ack(self, group: str, ids: Sequence[Position], /) -> int:
        """Say that these were processed; answers how many were owed."""
        return self._run(self._store.ack(group, ids))

    def reclaim(self, group: str, name: str, idle_s: float, limit: int, /) -> list[Entry]:
        """Take over entries that another has owed for *idle_s* seconds or longer."""
        return self._run(self._store.reclaim(group, name, idle_s, limit))

    def positions(self) -> dict[str, Position]:
        """For each group, the position through which nothing is owed to it."""
        return self._run(self._store.positions())

    def forget(self, group: str, /) -> None:
        """Remove a group; an unknown one is no error."""
        self._run(self._store.forget(group))


class SnapshotStore(SyncStore[protocols.SnapshotStore]):
    """Several verified generations of snapshots; see `pmstore.SnapshotStore`."""

    def save(self, snapshot: Snapshot, /) -> SnapshotInfo:
        """Store a generation durably, and verify it by reading it back."""
        return self._run(self._store.save(snapshot))

    def load(self) -> Snapshot | None:
        """The newest valid generation; None if there never was one."""
        return self._run(self._store.load())

    def get(self, name: str, /) -> Snapshot | None:
        """The generation of that name, None if there is none."""
        return self._run(self._store.get(name))

    def list(self) -> builtins.list[SnapshotInfo]:
        """Every generation, oldest first, the broken ones with their `problem`."""
        return self._run(self._store.list())

    def prune(self, keep: int, /) -> int:
        """Remove all but the newest *keep* verified generations; answers how many went."""
        return self._run(self._store.prune(keep))
