"""Snapshots that a copy of the process takes: of one moment, verified, and gone with who asked."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from pmengine.processes.copying import CAN_COPY, CopyFailed, in_copy
from pmengine.processes.taking import TakesInCopy, taker_for
from pmengine.services.log import WrittenLog
from pmengine.services.store import StoreService
from pmengine.services.taking import TakesHere
from pmstore import State, StorageSettings, StoreUnavailable
from pmstore.backends.file import FileSnapshotStore
from pmstore.backends.memory import MemorySnapshotStore, MemoryStream
from pmstore.clock import system_clock
from pmstore.testing import ManualClock
from pmstore.url import parse_stack
from pmstore.written import WrittenState
from tests.services.rig import DEADLINE_S, NOW_MS, engine_on, flow, recover_on, store_on

pytestmark = pytest.mark.skipif(not CAN_COPY, reason="processes are copied on Linux alone")


def in_folder(folder: Path) -> StorageSettings:
    return StorageSettings(snapshots_url=parse_stack(f"file:{folder}"))


def waits_for_ever() -> bytes:
    threading.Event().wait()
    return b""


async def until_gone(pid: int) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while is_alive(pid):
            await asyncio.sleep(0.01)


def is_alive(pid: int) -> bool:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return text.rpartition(")")[2].split()[0] != "Z"


async def test_a_snapshot_is_of_the_moment_at_which_it_was_asked_for(tmp_path: Path) -> None:
    clock = ManualClock(NOW_MS)
    async with (
        MemoryStream(clock=clock) as log,
        FileSnapshotStore(tmp_path) as snapshots,
        engine_on(log, snapshots, clock=clock) as engine,
    ):
        store = store_on(log, snapshots, await recover_on(log, snapshots))
        await engine.take(flow(0, 60))
        await store.catch_up()
        digest, number = store.state.digest(), store.place.number
        taker = TakesInCopy(in_folder(tmp_path))
        taking = asyncio.create_task(taker.take(store.state, NOW_MS, 2))
        await asyncio.sleep(0)  # it begins
        await engine.take(flow(60, 120))
        await store.catch_up()
        assert store.state.digest() != digest
        taken = await taking
        assert (taken.saved.number, taken.oldest) == (number, None)
        [info] = await snapshots.list()
        assert info == taken.saved
        loaded = await snapshots.load()
        assert loaded is not None
        assert State.restore(loaded).digest() == digest
        again = await taker.take(store.state, NOW_MS, 2)
        assert again.oldest == taken.saved
        assert (await recover_on(log, snapshots)).state.digest() == store.state.digest()


async def test_what_cannot_be_saved_is_told_as_an_outage(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StoreUnavailable, match="cannot be opened"):
        await TakesInCopy(in_folder(tmp_path / "file")).take(State(), NOW_MS, 2)


async def test_a_copy_that_fails_says_why() -> None:
    def fails() -> bytes:
        raise ValueError("of all things")

    with pytest.raises(CopyFailed, match="ended with 1[^$]*of all things"):
        await in_copy(fails)


def children() -> set[int]:
    """The processes that this one has started and not yet seen end."""
    return {
        int(pid)
        for listed in Path("/proc/self/task").glob("*/children")
        for pid in listed.read_text().split()
    }


async def test_a_copy_is_gone_when_its_caller_was_cancelled() -> None:
    before = children()
    asked = asyncio.create_task(in_copy(waits_for_ever))
    await asyncio.sleep(0)
    assert len(children() - before) == 1
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    assert not children() - before


async def test_a_copy_that_hangs_is_killed_and_the_next_snapshot_is_taken(tmp_path: Path) -> None:
    async with (
        MemoryStream() as log,
        FileSnapshotStore(tmp_path) as snapshots,
        engine_on(log, snapshots) as engine,
    ):
        found = await recover_on(log, snapshots)
        store = StoreService(
            WrittenLog(log),
            TakesInCopy(in_folder(tmp_path), within_s=2.0),
            state=WrittenState.restore(found.state.freeze(NOW_MS)),
            place=found.place,
            interval_s=0.05,
            keep=2,
            consumers=list,
            clock=system_clock,
        )
        before = children()
        frozen: set[int] = set()
        running = asyncio.create_task(store.run())
        try:
            async with asyncio.timeout(2 * DEADLINE_S):
                sent = 0
                while not store.failed:
                    saved = 0 if store.saved is None else store.saved.number
                    if saved == engine.service.place.number:
                        # The first one, or the last copy was done before it could be frozen.
                        await engine.take(flow(sent, sent + 1))
                        sent += 1
                    for pid in children() - before:
                        with suppress(ProcessLookupError):
                            os.kill(pid, signal.SIGSTOP)
                        frozen.add(pid)
                    await asyncio.sleep(0)
                while store.saved is None or store.saved.number < store.place.number:
                    await asyncio.sleep(0.01)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        assert not any(is_alive(pid) for pid in frozen)
        loaded = await snapshots.load()
        assert loaded is not None
        assert State.restore(loaded).digest() == store.state.digest()


async def test_what_hangs_is_named_by_its_pid() -> None:
    before = children()
    with pytest.raises(CopyFailed, match=r"\(pid \d+\) said nothing for 0.1 s and was killed"):
        await in_copy(waits_for_ever, 0.1)
    assert not children() - before


async def test_a_copy_holds_nothing_that_was_open_here() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = listening.getsockname()
        reading, writing = os.pipe()

        def says_that_it_is_there() -> bytes:
            # `writing` names nothing here: this reaches nobody.
            os.write(writing, b"x")
            return waits_for_ever()

        asked = asyncio.create_task(in_copy(says_that_it_is_there))
        await asyncio.sleep(0)
    os.close(writing)
    # Nobody else has the pipe open for writing any more, and nobody listens.
    async with asyncio.timeout(DEADLINE_S):
        assert await asyncio.to_thread(os.read, reading, 1) == b""
        while True:
            try:
                _, writer = await asyncio.open_connection(*address)
            except ConnectionRefusedError:
                break
            writer.close()
    os.close(reading)
    asked.cancel()
    await asyncio.gather(asked, return_exceptions=True)


async def test_a_copy_ends_with_the_process_that_it_is_a_copy_of() -> None:
    program = (
        "import asyncio, os, sys, threading\n"
        "from pmengine.processes.copying import in_copy\n"
        "pid = os.getpid()\n"
        "out = os.dup(1)\n"
        "def work():\n"
        "    threading.Event().wait()\n"
        "async def main():\n"
        "    asked = asyncio.create_task(in_copy(work))\n"
        "    await asyncio.sleep(0)\n"
        "    [copy] = open(f'/proc/{pid}/task/{pid}/children').read().split()\n"
        "    os.write(out, copy.encode() + b'\\n')\n"
        "    await asked\n"
        "asyncio.run(main())\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    async with asyncio.timeout(DEADLINE_S):
        copy = int(await process.stdout.readline())
    assert is_alive(copy)
    process.send_signal(signal.SIGKILL)
    await process.wait()
    await until_gone(copy)


async def test_snapshots_that_live_in_a_process_are_taken_in_it(tmp_path: Path) -> None:
    async with MemorySnapshotStore() as snapshots:
        for url in ("memory://", f"sqlite:///{tmp_path}/pm.db", "of-somebody-else://"):
            of_process = StorageSettings(snapshots_url=parse_stack(url))
            assert isinstance(taker_for(of_process, snapshots, within_s=1.0), TakesHere)
        assert isinstance(taker_for(in_folder(tmp_path), snapshots, within_s=1.0), TakesInCopy)
