"""The store service as a process of its own: consumption from Redis, snapshots, restarts."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, ParamSpec, TypeVar

import attrs
import msgspec

from benchmarks.log_tape import LogTape, write_log
from benchmarks.measuring import Advance, Figure, Run, amount, bare_loop_ns, duration, rate, ratio
from pmengine.engine import ID_MEMORY_S
from pmengine.processes.taking import taker_for
from pmengine.services.collector import spare_the_collector
from pmengine.services.folding import Fold
from pmengine.services.log import BEGINNING, STORE_STREAM, WrittenLog
from pmengine.services.recovery import recover_as
from pmengine.services.store import READ_ENTRIES_MAX, StoreService
from pmengine.services.taking import Taken, Taker
from pmstore import START, Position, Stream, open_snapshot_store, open_stream
from pmstore.clock import system_clock
from pmstore.settings import StorageSettings
from pmstore.testing.servers import RedisServer
from pmstore.url import parse_stack
from pmstore.written import WrittenState

RESTING: Final = 1_000_000
MIX_PART: Final = 4
"""One command of the mix for so many resting orders."""
CHANGES_TARGET: Final = 200_000
STALL_S_MAX: Final = 0.05
SNAPSHOT_S_MAX: Final = 10.0
RESTART_S_MAX: Final = 5.0
_INTERVAL_S: Final = 5.0
_SNAPSHOT_S_LONGEST: Final = 600.0
_APPENDED: Final = 50
_PAGE: Final = os.sysconf("SC_PAGESIZE")

P = ParamSpec("P")
T = TypeVar("T")


@attrs.frozen(kw_only=True)
class Stretch:
    """
    What a process measured of itself: `run` in seconds, `cpu` in seconds of its processor time.

    `still_s` is the longest time between two foldings while there was more to fold, and
    `still_cpu_s` the most processor time.
    """

    run: Run
    cpu: Run
    still_s: float
    still_cpu_s: float


@attrs.frozen(kw_only=True)
class Consumed:
    """What the process of the store service measured, stretch by stretch."""

    filling: Stretch
    mixing: Stretch
    """While a snapshot of everything is taken."""
    parsing: Run
    """The entries of the mix again, read and parsed and nothing done with them."""
    standing_s: float
    """How long the service stood still to begin a snapshot."""
    snapshots: list[Run]
    snapshot_cpu_s: float
    """The processor time of the copy that took the last one."""
    bytes_filled: int
    snapshot_bytes: int


def measure(count: int, repeats: int, advance: Advance) -> list[Figure]:
    """One log of *count* resting orders and the mix among them, folded and taken up again."""
    with TemporaryDirectory() as name, RedisServer(Path(name, "redis")) as server:
        tape = in_new_process(write_log, Path(name, "tape"), resting=count, count=count // MIX_PART)
        advance()
        return measure_on(tape, server, Path(name, "snapshots"), advance)


def measure_on(tape: LogTape, server: RedisServer, folder: Path, advance: Advance) -> list[Figure]:
    """The figures for the log *tape* in *server*, with snapshots in *folder*."""
    log = f"{server.url}?timeout_s=30"
    snapshots = f"file:{folder}"
    asyncio.run(_fill(tape, log))
    consumed = in_new_process(_consume, tape, log, snapshots)
    advance()
    restart, restart_cpu_s, orders = in_new_process(_restart, log, snapshots)
    advance()
    detail = (
        f"{tape.resting:,} orders rest; {tape.fill_changes + tape.changes:,} changes in "
        f"{tape.fill_entries + tape.entries:,} entries"
    )
    filling, mixing, parsing = consumed.filling, consumed.mixing, consumed.parsing
    return [
        rate("store service, filling", [filling.run], unit="changes/s", detail=detail),
        rate(
            "store service, mix under snapshot",
            [mixing.run],
            target=CHANGES_TARGET,
            unit="changes/s",
            detail="folded while a snapshot of all orders is taken beside it",
        ),
        rate("store service, mix, of its CPU time", [mixing.cpu], unit="changes/s"),
        rate("store service, filling, of its CPU time", [filling.cpu], unit="changes/s"),
        ratio(
            "store service, mix / parsed alone",
            [mixing.cpu],
            [parsing],
            at_most=None,
            detail="CPU time, against reading the same entries and parsing them as plain JSON",
        ),
        duration(
            "store service, longest without folding",
            [attrs.evolve(mixing.run, seconds=mixing.still_s)],
            target=STALL_S_MAX,
            detail=f"to begin a snapshot it stood still for {consumed.standing_s * 1e3:.1f} ms; "
            f"{mixing.still_cpu_s * 1e3:.1f} ms of CPU time; without a snapshot "
            f"{filling.still_s * 1e3:.1f} ms and {filling.still_cpu_s * 1e3:.1f} ms",
        ),
        duration(
            "store service, snapshot",
            consumed.snapshots,
            target=SNAPSHOT_S_MAX,
            detail=f"{consumed.snapshot_bytes / 1e6:,.0f} MB, durable and read back; one beside "
            f"the mix, one alone ({consumed.snapshot_cpu_s:.2f} s of the copy's CPU time)",
        ),
        duration(
            "store service, restart",
            [restart],
            target=RESTART_S_MAX,
            detail=f"until the state of {orders:,} orders is there; {restart_cpu_s:.2f} s of CPU "
            "time",
        ),
        amount(
            "store service, memory",
            consumed.bytes_filled / tape.resting,
            "bytes/order",
            "the order, what is remembered of its ids, and its place",
        ),
    ]


def in_new_process(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What *work* answers in a process that has done nothing before."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(work, *args, **kwargs).result()


async def _fill(tape: LogTape, url: str) -> None:
    """Append the tape to the log."""
    async with open_stream(url, STORE_STREAM) as stream:
        entries = tape.read()
        while some := list(islice(entries, _APPENDED)):
            await stream.append(some)


def _consume(tape: LogTape, log: str, snapshots: str) -> Consumed:
    storage = StorageSettings(streams_url=parse_stack(log), snapshots_url=parse_stack(snapshots))
    return asyncio.run(_consumed(tape, storage))


async def _consumed(tape: LogTape, storage: StorageSettings) -> Consumed:
    async with (
        open_stream(storage.streams, STORE_STREAM) as stream,
        open_snapshot_store(storage.snapshots) as snapshots,
    ):
        taker = _Timed(taker_for(storage, snapshots, within_s=_SNAPSHOT_S_LONGEST))
        service = _Watched(
            WrittenLog(stream),
            taker,
            state=WrittenState(id_memory_s=ID_MEMORY_S),
            place=BEGINNING,
            interval_s=_INTERVAL_S,
            keep=2,
            consumers=lambda: [START],  # it is read again
            clock=system_clock,
        )
        sparing = asyncio.create_task(spare_the_collector())
        await asyncio.sleep(0)
        before = _bytes()
        filling = await service.stretch(tape.fill_entries, tape.fill_changes)
        filled = _bytes() - before
        after = service.place.position
        taking = asyncio.create_task(service.save())
        mixing = await service.stretch(tape.fill_entries + tape.entries, tape.changes)
        await taking
        before_s = _copies_s()
        info = await service.save()
        assert info is not None
        snapshot_cpu_s = _copies_s() - before_s
        parsing = await _parse(stream, after, tape.changes)
        sparing.cancel()
        return Consumed(
            filling=filling,
            mixing=mixing,
            parsing=parsing,
            standing_s=taker.standing_s,
            snapshots=taker.runs,
            snapshot_cpu_s=snapshot_cpu_s,
            bytes_filled=filled,
            snapshot_bytes=info.size_bytes,
        )


class _Timed:
    """Times what another taker does."""

    def __init__(self, taker: Taker) -> None:
        self._taker = taker
        self._bare_ns = bare_loop_ns()
        self.runs: list[Run] = []
        self.standing_s = 0.0
        """The longest time until it let others run."""

    async def take(self, state: Fold, timestamp: int, keep: int, /) -> Taken:
        loop = asyncio.get_running_loop()
        start = time.perf_counter()

        def others_run() -> None:
            self.standing_s = max(self.standing_s, time.perf_counter() - start)

        loop.call_soon(others_run)
        taken = await self._taker.take(state, timestamp, keep)
        self.runs.append(Run(1, time.perf_counter() - start, self._bare_ns))
        return taken


class _Watched(StoreService):
    """Notes how long it does not fold."""

    async def stretch(self, last: int, changes: int) -> Stretch:
        """Fold through entry *last*, which are *changes*."""
        bare = bare_loop_ns()
        still_s = still_cpu_s = 0.0
        start, start_cpu = folded, worked = time.perf_counter(), time.process_time()
        while self.place.number < last:
            await self.catch_up(1.0)
            now, now_cpu = time.perf_counter(), time.process_time()
            still_s, folded = max(still_s, now - folded), now
            still_cpu_s, worked = max(still_cpu_s, now_cpu - worked), now_cpu
        return Stretch(
            run=Run(changes, folded - start, bare),
            cpu=Run(changes, worked - start_cpu, bare),
            still_s=still_s,
            still_cpu_s=still_cpu_s,
        )


async def _parse(stream: Stream, after: Position, changes: int) -> Run:
    """Read what stands after *after* and parse it, and do nothing with it."""
    bare = bare_loop_ns()
    start_cpu = time.process_time()
    while entries := await stream.read(after, READ_ENTRIES_MAX):
        for entry in entries:
            msgspec.json.decode(entry.payload)
        after = entries[-1].id
    cpu_s = time.process_time() - start_cpu
    return Run(changes, cpu_s, bare)


def _restart(log: str, snapshots: str) -> tuple[Run, float, int]:
    return asyncio.run(_restarted(log, snapshots))


async def _restarted(log: str, saved: str) -> tuple[Run, float, int]:
    bare = bare_loop_ns()
    start, start_cpu = time.perf_counter(), time.process_time()
    async with (
        open_stream(log, STORE_STREAM) as stream,
        open_snapshot_store(saved) as snapshots,
    ):
        found = await recover_as(
            WrittenState, WrittenLog(stream), snapshots, id_memory_s=ID_MEMORY_S, now_ms=0
        )
        seconds, cpu_s = time.perf_counter() - start, time.process_time() - start_cpu
        bounds = await stream.bounds()
        assert bounds is not None
        assert found.head == bounds.last.head, "the snapshot is of the last entry"
        return Run(1, seconds, bare), cpu_s, len(found.state.freeze(0).orders)


def _copies_s() -> float:
    """The processor time of the processes that ended and were of this one."""
    times = os.times()
    return times.children_user + times.children_system


def _bytes() -> int:
    """The memory that this process has."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE
