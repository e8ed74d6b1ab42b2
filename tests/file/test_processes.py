"""Several processes on one folder, and an operating system that refuses."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pmstore.backends.file import FileSnapshotStore, FileStream, FileTradeStore
from pmstore.errors import StoreClosed, StoreUnavailable, WriteOutcome, WriterLocked
from pmstore.models.position import START, Position
from pmstore.models.query import TradeQuery

ROOT = Path(__file__).parents[2]
FORK = """
import asyncio, os, sys
from pmstore.backends.file import FileStream, FileTradeStore
from pmstore.errors import WriterLocked

def make():
    kind, folder = sys.argv[1:]
    return FileStream(f"{folder}/s") if kind == "stream" else FileTradeStore(f"{folder}/t.log")

async def main():
    end, told = os.pipe(), os.pipe()
    store = make()
    await store.__aenter__()
    if os.fork() == 0:
        os.close(end[1])
        os.write(told[1], b"x")
        os.read(end[0], 1)
        os._exit(0)
    os.read(told[0], 1)
    try:
        await make().__aenter__()
    except WriterLocked:
        print("refused while open")
    await store.__aexit__(None, None, None)
    async with make():
        print("opened again")
    os.close(end[1])
    os.wait()

asyncio.run(main())
"""


class Writer:
    """A writer in another process."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.file.writer_process", str(folder)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.answer() == "open"

    def answer(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def tell(self, line: str) -> str:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()
        return self.answer()

    def append(self, text: str) -> Position:
        return Position.parse(self.tell(f"append {text}"))

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.stdout.close()


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    started = Writer(tmp_path)
    yield started
    started.kill()


async def test_a_second_writer_is_refused_until_the_first_is_dead(
    writer: Writer, tmp_path: Path
) -> None:
    last = await asyncio.to_thread(writer.append, "one")
    with pytest.raises(WriterLocked) as error:
        await FileStream(tmp_path).__aenter__()
    assert str(tmp_path) in str(error.value)
    assert f"process {writer.process.pid}" in str(error.value)
    assert error.value.outcome is WriteOutcome.NOT_APPLIED
    await asyncio.to_thread(writer.kill)
    async with FileStream(tmp_path) as stream:
        assert [entry.id for entry in await stream.read(START, 10)] == [last]
        # The lock belongs to the open store, in one process too.
        with pytest.raises(WriterLocked):
            await FileStream(tmp_path).__aenter__()
    async with FileStream(tmp_path) as stream:
        assert await stream.bounds() is not None


async def test_a_reader_follows_the_writer_of_another_process(
    writer: Writer, tmp_path: Path
) -> None:
    async with FileStream(tmp_path, readonly=True, poll_s=0.001) as stream:
        assert await stream.bounds() is None
        found = []
        for number in range(30):
            waiting = asyncio.create_task(stream.read(found[-1].id if found else START, 10, 30.0))
            await asyncio.sleep(0)
            last = await asyncio.to_thread(writer.append, f"{number}" * 100)
            found += await waiting
            assert found[-1].id == last
        assert [entry.payload for entry in found] == [
            (f"{number}" * 100).encode() for number in range(30)
        ]
        assert await stream.read(START, 1000) == found
        assert await stream.bounds() == (found[0], found[-1])
        await asyncio.to_thread(writer.tell, f"trim {found[20].id}")
        async with FileStream(tmp_path, readonly=True) as late:
            kept = await late.read(START, 1000)
            assert kept == found[-len(kept) :]
            assert len(kept) < 30
            assert await late.bounds() == (kept[0], kept[-1])
        last = await asyncio.to_thread(writer.append, "after the trim")
        assert (await stream.read(found[-1].id, 10, 30.0))[-1].id == last


async def test_a_reader_survives_that_all_it_knew_was_trimmed(
    writer: Writer, tmp_path: Path
) -> None:
    first = await asyncio.to_thread(writer.append, "first")
    async with FileStream(tmp_path, readonly=True) as stream:
        assert [entry.id for entry in await stream.read(START, 10)] == [first]
        for _ in range(8):
            last = await asyncio.to_thread(writer.append, "x" * 900)
        await asyncio.to_thread(writer.tell, f"trim {last}")
        found = await stream.read(first, 10, 30.0)
        assert found[-1].id == last
        bounds = await stream.bounds()
        assert bounds is not None
        assert bounds.last.id == last


async def test_a_reader_writes_nothing(writer: Writer, tmp_path: Path) -> None:
    async with FileStream(tmp_path, readonly=True) as stream:
        with pytest.raises(StoreClosed, match="reading only"):
            await stream.append([b"one"])
        with pytest.raises(StoreClosed, match="reading only"):
            await stream.trim(START)


async def test_reading_where_no_stream_is_is_an_outage(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="no stream at"):
        await FileStream(tmp_path / "none", readonly=True).__aenter__()


async def test_an_unfinished_append_is_not_read(tmp_path: Path) -> None:
    async with FileStream(tmp_path) as stream:
        await stream.append([b"one"])
        await stream.append([b"two", b"three"])
    [segment] = list_folder(tmp_path, ".seg")
    whole = segment.read_bytes()
    segment.write_bytes(whole[:-3])
    async with FileStream(tmp_path, readonly=True) as stream:
        assert [entry.payload for entry in await stream.read(START, 10)] == [b"one"]
        segment.write_bytes(whole)
        found = await stream.read(START, 10)
        assert [entry.payload for entry in found] == [b"one"], "what is known comes first"
        found = await stream.read(found[-1].id, 10)
        assert [entry.payload for entry in found] == [b"two", b"three"]


def list_folder(folder: Path, ending: str) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.name.endswith(ending))


def fill(name: str, folder: Path) -> list[str]:
    """Write until the file size limit; the lines that the program said."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.file.limited_process", name, str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


async def test_a_full_disk_fails_an_append_and_loses_nothing_before(tmp_path: Path) -> None:
    *tried, error = await asyncio.to_thread(fill, "stream", tmp_path)
    assert error.startswith(f"unknown {tmp_path}: write failed: ")
    async with FileStream(tmp_path) as stream:
        found = await stream.read(START, 1000)
        assert len(found) == len(tried) - 1 > 10
        assert stream.recovered is not None
        await stream.append([b"there is room again"])


async def test_a_full_disk_fails_an_append_of_trades(tmp_path: Path) -> None:
    *tried, error = await asyncio.to_thread(fill, "trades", tmp_path)
    assert error.startswith(f"unknown {tmp_path / 'trades.log'}: write failed: ")
    async with FileTradeStore(tmp_path / "trades.log") as store:
        assert len((await store.find(TradeQuery())).items) == len(tried) - 1 > 10


async def test_a_full_disk_fails_a_snapshot_and_keeps_those_before(tmp_path: Path) -> None:
    *tried, error = await asyncio.to_thread(fill, "snapshots", tmp_path)
    assert str(tmp_path) in error
    async with FileSnapshotStore(tmp_path) as store:
        infos = await store.list()
        assert [info.number for info in infos] == list(range(1, len(tried)))
        assert [info.problem for info in infos if info.problem] == []
        loaded = await store.load()
        assert loaded is not None
        assert loaded.number == len(tried) - 1
    assert list_folder(tmp_path, ".tmp") == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
@pytest.mark.parametrize("kind", ["stream", "trades"])
def test_what_is_closed_can_be_opened_again_while_a_forked_child_lives(
    kind: str, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORK, kind, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.splitlines() == ["refused while open", "opened again"], done.stderr
