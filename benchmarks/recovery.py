"""How long an exchange with many resting orders takes to be there again."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.end_to_end import engine_alone, entries_of, feed_durably
from benchmarks.measuring import Advance, Figure, Run, Stopwatch, duration
from benchmarks.tapes import USERS, commands_of, make_tape, opening_commands
from pmengine.assembly import open_exchange
from pmengine.commands import ORDER_INPUT, Command
from pmengine.engine import ID_MEMORY_S, Engine
from pmengine.services.log import STORE_STREAM, Log
from pmengine.services.recovery import recover
from pmengine.settings import Settings
from pmstore import open_snapshot_store, open_stream
from pmstore.settings import StorageSettings

_Work = Callable[[Path, Stopwatch], Coroutine[None, None, None]]

TARGET_S: Final = 1.0
RESTING: Final = 100_000
TAIL: Final = 5_000
"""Commands whose entries stand on the log after the snapshot."""


def measure(count: int, repeats: int, advance: Advance) -> list[Figure]:
    """The state from snapshot and log, and a whole exchange until it takes orders, in turn."""
    resting = min(RESTING, count)
    tail = min(TAIL, count)
    before, measured = commands_of(make_tape(tail, resting=resting, owners=USERS, settle=False))
    state, whole = Stopwatch(), Stopwatch()
    with TemporaryDirectory() as name:
        saved = Path(name, "saved")
        rests, entries = asyncio.run(_prepare(saved, before, measured))
        for repeat in range(repeats):
            # A start that ends takes a snapshot: each begins on a copy of the same folder.
            folder = Path(name, str(repeat))
            shutil.copytree(saved, folder)
            state.runs.append(_in_new_process(_state, folder))
            whole.runs.append(_in_new_process(_whole, folder))
            shutil.rmtree(folder)
            advance()
    detail = f"{rests} orders rest; snapshot and {entries} entries after it ({tail} commands)"
    return [
        duration("recovery, engine", state.runs, target=TARGET_S, detail=detail),
        duration(
            "recovery, all services",
            whole.runs,
            target=TARGET_S,
            detail="until orders are taken, with the states of store service, history and depth",
        ),
    ]


async def _prepare(
    folder: Path, before: Sequence[Command], after: Sequence[Command]
) -> tuple[int, int]:
    """Stop an exchange with a snapshot after *before*; kill it, so to say, after *after*."""
    async with open_exchange(_settings(folder)) as exchange:
        entries = entries_of([*opening_commands(), *before])
        order_input = exchange.inputs[ORDER_INPUT]
        await feed_durably(order_input, exchange.log.stream, exchange.engine, entries)
    async with engine_alone(folder) as (order_input, log, service):
        number = service.place.number
        await feed_durably(order_input, log, service, entries_of(after))
        return service.engine.open_orders(), service.place.number - number


def _in_new_process(work: _Work, folder: Path) -> Run:
    """Measure *work* where a restart happens: in a process that has done nothing before."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_measured, work, folder).result()


def _measured(work: _Work, folder: Path) -> Run:
    # What is imported on first use is no part of it, as the start of Python is none.
    with TemporaryDirectory() as empty:
        asyncio.run(work(Path(empty), Stopwatch()))
    watch = Stopwatch()
    asyncio.run(work(folder, watch))
    return watch.runs[0]


async def _state(folder: Path, watch: Stopwatch) -> None:
    with watch.work(1):
        async with (
            open_stream(f"file:{folder}/streams", STORE_STREAM) as stream,
            open_snapshot_store(f"file:{folder}/store") as snapshots,
        ):
            recovered = await recover(Log(stream), snapshots, id_memory_s=ID_MEMORY_S, now_ms=0)
            Engine(snapshot=recovered.state.freeze(0))


async def _whole(folder: Path, watch: Stopwatch) -> None:
    with ExitStack() as timing:
        timing.enter_context(watch.work(1))
        async with open_exchange(_settings(folder)):
            timing.close()


def _settings(folder: Path) -> Settings:
    return Settings(storage=StorageSettings(data_dir=folder))
