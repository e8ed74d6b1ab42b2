"""What a stream in files promises beyond the laws of every stream."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from pmstore.backends.file import Disk, FileStream
from pmstore.errors import (
    Conflict,
    CorruptData,
    Fenced,
    LimitExceeded,
    StoreClosed,
    StoreUnavailable,
    WriteOutcome,
)
from pmstore.models.position import EMPTY, START, Entry, Position
from tests.file.disks import RefusingDisk


class CountingDisk(Disk):
    """Counts its syncs, and says when there was one."""

    def __init__(self) -> None:
        self.syncs = 0
        self.synced = threading.Event()

    def sync(self, fd: int) -> None:
        super().sync(fd)
        self.syncs += 1
        self.synced.set()


class SlowDisk(Disk):
    """Writes when it is told to."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.writing = threading.Event()

    def write(self, fd: int, data: bytes) -> None:
        self.writing.set()
        assert self.go.wait(30)
        super().write(fd, data)


def segments_of(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.seg"))


async def test_concurrent_appends_share_their_syncs(tmp_path: Path) -> None:
    disk = CountingDisk()
    async with FileStream(tmp_path, disk=disk) as stream:
        await stream.append([b"first"])
        before = disk.syncs
        await asyncio.gather(*(stream.append([b"item"]) for _ in range(100)))
        assert disk.syncs - before <= 10


async def test_each_policy_syncs_when_it_says(tmp_path: Path) -> None:
    counts: dict[str, int] = {}
    for policy in ("always", "interval", "never"):
        disk = CountingDisk()
        folder = tmp_path / policy
        async with FileStream(folder, disk=disk, fsync=policy, fsync_interval_s=3600) as stream:
            await stream.append([b"first"])
            before = disk.syncs
            for _ in range(5):
                await stream.append([b"item"])
            counts[policy] = disk.syncs - before
            before = disk.syncs
        assert disk.syncs - before == (policy != "always"), "leaving syncs what is not yet"
    assert counts == {"always": 5, "interval": 0, "never": 0}


async def test_the_interval_ends_without_another_append(tmp_path: Path) -> None:
    disk = CountingDisk()
    stream = FileStream(tmp_path, disk=disk, fsync="interval", fsync_interval_s=0.01)
    async with stream:
        await stream.append([b"first"])
        disk.synced.clear()
        await stream.append([b"second"])
        assert await asyncio.to_thread(disk.synced.wait, 30)


@pytest.mark.parametrize("refused", ["write", "sync"])
async def test_a_failed_write_closes_the_stream_for_good(tmp_path: Path, refused: str) -> None:
    disk = RefusingDisk()
    async with FileStream(tmp_path, disk=disk) as stream:
        last = await stream.append([b"kept"])
        waiting = asyncio.create_task(stream.read(last, 1, 30.0))
        await asyncio.sleep(0)
        disk.refused.add(refused)
        with pytest.raises(StoreUnavailable, match=str(tmp_path)) as error:
            await stream.append([b"lost"])
        assert error.value.outcome is WriteOutcome.UNKNOWN
        disk.refused.clear()
        for call in (stream.append([b"more"]), stream.read(START, 1), stream.bounds(), waiting):
            with pytest.raises(StoreUnavailable, match="open it again") as error:
                await call
            assert error.value.outcome is WriteOutcome.NOT_APPLIED
    async with FileStream(tmp_path) as stream:
        found = [entry.payload for entry in await stream.read(START, 10)]
        assert found in ([b"kept"], [b"kept", b"lost"])


async def test_what_waits_behind_a_failure_was_not_applied(tmp_path: Path) -> None:
    class FailingDisk(SlowDisk):
        def write(self, fd: int, data: bytes) -> None:
            super().write(fd, data[:0])
            raise OSError(5, "Input/output error")

    async with FileStream(tmp_path) as stream:
        await stream.append([b"kept"])
    disk = FailingDisk()
    async with FileStream(tmp_path, disk=disk) as stream:
        first = asyncio.create_task(stream.append([b"first"]))
        await asyncio.to_thread(disk.writing.wait, 30)
        second = asyncio.create_task(stream.append([b"second"]))
        await asyncio.sleep(0)
        disk.go.set()
        outcomes = []
        for task in (first, second):
            with pytest.raises(StoreUnavailable) as error:
                await task
            outcomes.append(error.value.outcome)
        assert outcomes == [WriteOutcome.UNKNOWN, WriteOutcome.NOT_APPLIED]


async def test_a_cancelled_append_that_was_queued_is_written(tmp_path: Path) -> None:
    async with FileStream(tmp_path) as stream:
        await stream.append([b"kept"])
    disk = SlowDisk()
    async with FileStream(tmp_path, disk=disk) as stream:
        append = asyncio.create_task(stream.append([b"cancelled"]))
        await asyncio.to_thread(disk.writing.wait, 30)
        append.cancel()
        with pytest.raises(asyncio.CancelledError):
            await append
        disk.go.set()
        last = await stream.append([b"next"])
        found = await stream.read(START, 10)
        assert [entry.payload for entry in found] == [b"kept", b"cancelled", b"next"]
        assert found[-1].id == last


async def test_appends_wait_while_too_much_is_queued(tmp_path: Path) -> None:
    disk = SlowDisk()
    item = bytes(40 * 1024 * 1024)
    async with FileStream(tmp_path, fsync="never", disk=disk) as stream:
        appends = [asyncio.create_task(stream.append([item])) for _ in range(4)]
        await asyncio.to_thread(disk.writing.wait, 30)
        # The first two are more than the queue takes: those behind them were not queued.
        for append in appends:
            append.cancel()
        await asyncio.gather(*appends, return_exceptions=True)
        waiting = asyncio.create_task(stream.append([b"room again"]))
        disk.go.set()
        await waiting
        position, sizes = START, []
        while entries := await stream.read(position, 10):
            sizes += [len(entry.payload) for entry in entries]
            position = entries[-1].id
        assert sizes == [len(item), len(item), len(b"room again")]


async def test_a_conditional_append_counts_those_queued_before_it(tmp_path: Path) -> None:
    async with FileStream(tmp_path) as stream:
        answers = await asyncio.gather(
            *(stream.append([b"item %d" % at], expect_head=EMPTY) for at in range(5)),
            return_exceptions=True,
        )
        assert [type(answer) for answer in answers] == [Position] + [Conflict] * 4
        assert len(await stream.read(START, 10)) == 1


async def test_the_epoch_outlives_a_restart_and_a_trim(tmp_path: Path) -> None:
    async with FileStream(tmp_path, segment_bytes_max=1024) as stream:
        last = await stream.append([b"x" * 2000], epoch=5)
        await stream.append([b"y" * 2000])
        await stream.trim(last)
        assert len(segments_of(tmp_path)) == 1
    async with FileStream(tmp_path) as stream:
        with pytest.raises(Fenced, match="epoch 4 is over, 5 was seen"):
            await stream.append([b"old"], epoch=4)
        await stream.append([b"same"], epoch=5)
        await stream.append([b"none"])


async def test_ids_grow_when_the_clock_goes_back(tmp_path: Path) -> None:
    async with FileStream(tmp_path, clock=lambda: 1000, segment_bytes_max=1024) as stream:
        for _ in range(5):
            last = await stream.append([b"x" * 1024])
        await stream.trim(last)
    async with FileStream(tmp_path, clock=lambda: 1) as stream:
        assert await stream.append([b"x"]) == Position(1000, 5)


async def test_ids_begin_after_the_start(tmp_path: Path) -> None:
    start = Position(5000, 7)
    async with FileStream(tmp_path, clock=lambda: 1, start=start) as stream:
        assert await stream.append([b"one"], expect_head=EMPTY) == Position(5000, 8)
    async with FileStream(tmp_path, clock=lambda: 1, start=Position(6000, 2**32 - 1)) as stream:
        assert await stream.append([b"two"]) == Position(6001, 0)
    async with FileStream(tmp_path, clock=lambda: 1) as stream:
        ids = [entry.id for entry in await stream.read(START, 10)]
        assert ids == [Position(5000, 8), Position(6001, 0)]


async def test_trim_drops_whole_segments_and_never_the_last_entry(tmp_path: Path) -> None:
    async with FileStream(tmp_path, segment_bytes_max=1024) as stream:
        ids = [await stream.append([bytes([at]) * 600]) for at in range(9)]
        assert len(segments_of(tmp_path)) == 5
        await stream.trim(ids[2])
        bounds = await stream.bounds()
        assert bounds is not None
        assert bounds.first == Entry(ids[2], bytes([2]) * 600)
        assert [entry.id for entry in await stream.read(START, 10)] == ids[2:]
        await stream.trim(Position(2**63, 0))
        bounds = await stream.bounds()
        assert bounds is not None
        assert bounds.last == bounds.first == Entry(ids[8], bytes([8]) * 600)
    async with FileStream(tmp_path) as stream:
        assert await stream.bounds() == bounds


async def test_a_trim_that_fails_does_not_close_the_stream(tmp_path: Path) -> None:
    disk = RefusingDisk()
    async with FileStream(tmp_path, segment_bytes_max=1024, disk=disk) as stream:
        first = await stream.append([b"x" * 2000])
        second = await stream.append([b"y" * 2000])
        disk.refused.add("remove")
        with pytest.raises(StoreUnavailable, match="trim failed"):
            await stream.trim(first)
        disk.refused.clear()
        await stream.append([b"more"])
        assert (await stream.read(first, 1))[0].id == second
    async with FileStream(tmp_path) as stream:
        await stream.trim(second)
        assert (await stream.read(START, 1))[0].id > first


async def test_old_and_new_entries_read_the_same_from_memory_and_from_disk(tmp_path: Path) -> None:
    # More than the tail in memory holds, entries larger than a read's chunk among them.
    sizes = [900_000 if at % 7 == 0 else 300_000 for at in range(120)]
    async with FileStream(tmp_path, fsync="never", segment_bytes_max=8 * 1024 * 1024) as stream:
        wanted = [
            Entry(await stream.append([bytes([at]) * size]), bytes([at]) * size)
            for at, size in enumerate(sizes)
        ]
        await check_reads(stream, wanted)
    async with FileStream(tmp_path) as stream:
        await check_reads(stream, wanted)


async def check_reads(stream: FileStream, wanted: list[Entry]) -> None:
    position, found = START, list[Entry]()
    while entries := await stream.read(position, 13):
        assert len(entries) <= 13
        found += entries
        position = entries[-1].id
    assert found == wanted
    for at, entry in enumerate(wanted[:-1]):
        assert (await stream.read(entry.id, 1)) == [wanted[at + 1]]


async def test_an_item_has_a_limit(tmp_path: Path) -> None:
    async with FileStream(tmp_path, fsync="never") as stream:
        with pytest.raises(LimitExceeded, match="67108864"):
            await stream.append([b"fits", bytes(64 * 1024 * 1024 + 1)])
        assert await stream.bounds() is None


async def test_leaving_writes_what_waits(tmp_path: Path) -> None:
    stream = FileStream(tmp_path)
    async with stream:
        waiting = [asyncio.create_task(stream.append([b"item %d" % at])) for at in range(20)]
        await asyncio.sleep(0)
    await asyncio.gather(*waiting)
    with pytest.raises(StoreClosed):
        await stream.append([b"late"])
    async with FileStream(tmp_path) as stream:
        assert len(await stream.read(START, 100)) == 20


async def test_a_cancelled_opening_gives_the_lock_back(tmp_path: Path) -> None:
    opening = asyncio.create_task(FileStream(tmp_path).__aenter__())
    await asyncio.sleep(0)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    # The default executor ends with the cancelled opening's thread before it takes this one.
    await asyncio.get_running_loop().shutdown_default_executor()


async def test_a_folder_that_cannot_be_made_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreUnavailable, match="file/stream"):
        await FileStream(tmp_path / "file" / "stream").__aenter__()


async def test_a_segment_that_somebody_removed_is_corrupt(tmp_path: Path) -> None:
    async with FileStream(tmp_path, segment_bytes_max=1024) as stream:
        for at in range(6):
            await stream.append([bytes([at]) * 600])
    async with FileStream(tmp_path) as stream:
        segments_of(tmp_path)[1].unlink()
        with pytest.raises(CorruptData, match="missing"):
            await stream.read(START, 10)
