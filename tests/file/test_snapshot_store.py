"""What snapshots in files promise beyond the laws of every snapshot store."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path

import pytest

from pmstore.backends.file import FileSnapshotStore
from pmstore.errors import BrokenSnapshotWarning, CorruptData, WriteOutcome, WriterLocked
from pmstore.models.position import Position
from tests.file.disks import RefusingDisk
from tests.file.workloads import SnapshotWorkload

workload = SnapshotWorkload()
FIXED = "orders_snapshot.json"


def foreign(timestamp: int) -> str:
    return json.dumps(
        {"snapshots": [], "events": {}, "timestamp": timestamp, "last_message_id": "5-0"}
    )


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def test_the_fixed_name_is_the_newest_generation(tmp_path: Path) -> None:
    async with FileSnapshotStore(tmp_path) as store:
        for number in (1, 2, 3):
            info = await store.save(workload.snapshot(number))
            assert (tmp_path / FIXED).read_bytes() == (tmp_path / info.name).read_bytes()
        assert len(await store.list()) == 3
        await store.prune(1)
        assert names(tmp_path) == [info.name, FIXED, "orders_snapshot.lock"]
        assert await store.load() == workload.snapshot(3)


async def test_the_source_file_is_loaded_and_kept(tmp_path: Path) -> None:
    (tmp_path / FIXED).write_text(foreign(5))
    async with FileSnapshotStore(tmp_path) as store:
        loaded = await store.load()
        assert loaded is not None
        assert loaded.last_message_id == Position(5, 0)
        assert loaded.input_position is None
        assert [info.name for info in await store.list()] == [FIXED]
        assert await store.get(FIXED) == loaded
        await store.save(workload.snapshot(1))
        assert [info.timestamp for info in await store.list()] == [5, 11]
        assert await store.load() == workload.snapshot(1)


@pytest.mark.parametrize(("timestamp", "newest"), [(5, False), (1000, True)])
async def test_a_source_file_beside_ours_counts_by_its_time(
    tmp_path: Path, timestamp: int, newest: bool
) -> None:
    async with FileSnapshotStore(tmp_path) as store:
        await store.save(workload.snapshot(1))
        (tmp_path / FIXED).unlink()
        (tmp_path / FIXED).write_text(foreign(timestamp))
        loaded = await store.load()
        assert loaded is not None
        assert loaded.timestamp == (timestamp if newest else 11)
        infos = await store.list()
        assert [info.timestamp for info in infos] == ([11, 1000] if newest else [5, 11])


async def test_a_copied_folder_has_the_same_generations(tmp_path: Path) -> None:
    async with FileSnapshotStore(tmp_path / "first") as store:
        await store.save(workload.snapshot(1))
        infos = [await store.save(workload.snapshot(2))]
        await store.prune(1)
    shutil.copytree(tmp_path / "first", tmp_path / "second")
    async with FileSnapshotStore(tmp_path / "second") as store:
        assert await store.list() == infos
        await store.save(workload.snapshot(3))
        assert [info.number for info in await store.list()] == [2, 3]


async def test_every_flipped_byte_is_found(tmp_path: Path) -> None:
    async with FileSnapshotStore(tmp_path) as store:
        await store.save(workload.snapshot(1))
        info = await store.save(workload.snapshot(2))
        path = tmp_path / info.name
        whole = path.read_bytes()
        # The last bytes are the bracket that closes the document and the newline after it.
        for at in range(len(whole) - 1):
            changed = bytearray(whole)
            changed[at] ^= 1
            path.write_bytes(changed)
            with pytest.warns(BrokenSnapshotWarning, match=info.name):
                assert await store.load() == workload.snapshot(1)
            with pytest.raises(CorruptData):
                await store.get(info.name)


async def test_what_does_not_read_back_is_not_a_generation(tmp_path: Path) -> None:
    class LyingDisk(RefusingDisk):
        def write(self, fd: int, data: bytes) -> None:
            super().write(fd, data.replace(b"hash 2", b"hash 9"))

    async with FileSnapshotStore(tmp_path, disk=LyingDisk()) as store:
        await store.save(workload.snapshot(1))
        with pytest.raises(CorruptData, match="not what was written"):
            await store.save(workload.snapshot(2))
        assert [info.number for info in await store.list()] == [1]
    assert not [name for name in names(tmp_path) if name.endswith(".tmp")]


async def test_two_stores_save_one_after_the_other(tmp_path: Path) -> None:
    async with FileSnapshotStore(tmp_path) as one, FileSnapshotStore(tmp_path) as other:
        answers = await asyncio.gather(
            one.save(workload.snapshot(1)),
            other.save(workload.snapshot(2)),
            return_exceptions=True,
        )
        refused = [answer for answer in answers if isinstance(answer, WriterLocked)]
        assert [error.outcome for error in refused] == [WriteOutcome.NOT_APPLIED] * len(refused)
        assert len(await one.list()) == 2 - len(refused)
        assert await one.list() == await other.list()


async def test_who_lists_beside_a_store_that_prunes_sees_what_is_left(tmp_path: Path) -> None:
    async with FileSnapshotStore(tmp_path) as writer, FileSnapshotStore(tmp_path) as reader:

        async def save_and_prune() -> None:
            for number in range(1, 100):
                await writer.save(workload.snapshot(number))
                await writer.prune(1)

        writing = asyncio.create_task(save_and_prune())
        while not writing.done():
            assert len(await reader.list()) < 4
        await writing
