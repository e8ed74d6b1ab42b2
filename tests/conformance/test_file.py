"""The file backend keeps every law of the kit, crashes and damage included."""

from __future__ import annotations

from pathlib import Path
from weakref import WeakKeyDictionary

from pmstore.backends.file import Disk, FileSnapshotStore, FileStream, FileTradeStore
from pmstore.errors import StoreUnavailable
from pmstore.testing import (
    ManualClock,
    Rig,
    conformance,
    snapshot_store_clauses,
    stream_clauses,
    trade_store_clauses,
)


class MortalDisk(Disk):
    """A disk that takes nothing any more once its process is dead."""

    def __init__(self) -> None:
        self.dead = False

    def write(self, fd: int, data: bytes) -> None:
        self._alive()
        super().write(fd, data)

    def sync(self, fd: int) -> None:
        self._alive()
        super().sync(fd)

    def rename(self, source: Path, target: Path) -> None:
        self._alive()
        super().rename(source, target)

    def _alive(self) -> None:
        if self.dead:
            raise OSError("the process is dead")


Crashing = FileStream | FileTradeStore | FileSnapshotStore
clock = ManualClock()
disks: WeakKeyDictionary[Crashing, MortalDisk] = WeakKeyDictionary()


def open_stream(place: Path) -> FileStream:
    disk = MortalDisk()
    stream = FileStream(place / "stream", clock=clock, disk=disk)
    disks[stream] = disk
    return stream


def open_small_segments(place: Path) -> FileStream:
    disk = MortalDisk()
    folder = place / "stream"
    stream = FileStream(folder, clock=clock, fsync="never", segment_bytes_max=1024, disk=disk)
    disks[stream] = disk
    return stream


def open_trades(place: Path) -> FileTradeStore:
    disk = MortalDisk()
    store = FileTradeStore(place / "trades.log", disk=disk, rotate_bytes_max=50_000)
    disks[store] = disk
    return store


def open_snapshots(place: Path) -> FileSnapshotStore:
    disk = MortalDisk()
    store = FileSnapshotStore(place / "snapshots", disk=disk)
    disks[store] = disk
    return store


async def crash(store: Crashing) -> None:
    """Let nothing reach the disk any more and let go of its files, as the death of a process."""
    disks[store].dead = True
    try:
        await store.__aexit__(None, None, None)
    except StoreUnavailable:
        return


def damage(place: Path, name: str) -> None:
    with (place / "snapshots" / name).open("r+b") as file:
        file.seek(10)
        byte = file.read(1)
        file.seek(10)
        file.write(bytes([byte[0] ^ 1]))


def trades_elsewhere(place: Path) -> tuple[str, ...]:
    return ("pmstore:open_trade_store", f"file:{place}/trades.log?rotate_bytes_max=50000")


def stream_elsewhere(place: Path) -> tuple[str, ...]:
    return ("pmstore:open_stream", f"file:{place}", "stream")


def snapshots_elsewhere(place: Path) -> tuple[str, ...]:
    return ("pmstore:open_snapshot_store", f"file:{place}/snapshots")


test_stream = conformance(
    stream_clauses,
    Rig(open=open_stream, durable=True, clock=clock, crash=crash, elsewhere=stream_elsewhere),
)
test_stream_of_small_segments = conformance(
    stream_clauses, Rig(open=open_small_segments, durable=True, clock=clock, crash=crash)
)
test_trades = conformance(
    trade_store_clauses,
    Rig(open=open_trades, durable=True, crash=crash, elsewhere=trades_elsewhere),
)
test_snapshots = conformance(
    snapshot_store_clauses,
    Rig(
        open=open_snapshots,
        durable=True,
        crash=crash,
        damage=damage,
        elsewhere=snapshots_elsewhere,
    ),
)
