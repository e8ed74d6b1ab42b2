"""History with and without the double-entry ledger: what an order costs its processor."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.log_tape import BATCH, write_log
from benchmarks.measuring import Advance, Figure, Run, bare_loop_ns, rate, ratio, spared_collector
from pmengine.engine import ID_MEMORY_S
from pmengine.services.history import History
from pmengine.services.history_ledger import Ledger
from pmengine.services.log import STORE_STREAM, Log
from pmengine.services.recovery import Recovered, recover
from pmengine.services.resuming import Resuming
from pmstore import open_snapshot_store, open_stores, open_stream
from pmstore.settings import StorageSettings

COMMANDS: Final = 40_000
RESTING: Final = 5_000
LEDGER_MOST: Final = 1.5
"""How many times as long history may take with it."""


def measure(count: int, repeats: int, advance: Advance) -> list[Figure]:
    """Processor time of history over one log, with the ledger and without it in turn."""
    without: list[Run] = []
    with_it: list[Run] = []
    with TemporaryDirectory() as folder:
        tape = write_log(Path(folder) / "log", resting=min(RESTING, count), count=count)
        payloads = list(tape.read())
    commands = len(payloads) * BATCH
    for _ in range(repeats):
        for runs, keeps in ((without, False), (with_it, True)):
            runs.append(asyncio.run(_written(payloads, commands, keeps)))
        advance()
    said = "processor time, all threads; embedded stores"
    return [
        rate("history, without the ledger", without, unit="commands/s", detail=said),
        rate("history, with the ledger", with_it, unit="commands/s", detail=said),
        ratio(
            "history, with / without the ledger",
            with_it,
            without,
            at_most=LEDGER_MOST,
            detail="processor time of a command",
        ),
    ]


async def _written(payloads: Sequence[bytes], commands: int, keeps: bool) -> Run:
    """How long a history takes to write what *payloads* say into the stores of a new folder."""
    with TemporaryDirectory() as folder:
        settings = StorageSettings(data_dir=Path(folder))
        async with (
            open_stream("memory://", STORE_STREAM) as stream,
            open_snapshot_store("memory://") as snapshots,
            open_stores(settings=settings) as stores,
        ):
            log = Log(stream)

            async def found(beyond: int = 0) -> Recovered:
                return await recover(
                    log, snapshots, id_memory_s=ID_MEMORY_S, now_ms=0, oldest=True, beyond=beyond
                )

            resuming = Resuming(log, snapshots, await found(), oldest=found)
            kept = await stores.open_ledger() if keeps else None
            history = History(
                log,
                orders=stores.orders,
                trades=stores.trades,
                accounts=await stores.open_accounts(),
                events=await stores.open_events(),
                resuming=resuming,
                ledger=None if kept is None else Ledger(kept),
            )
            await history.prepare()
            for payload in payloads:
                await stream.append([payload])
            before = bare_loop_ns()
            with spared_collector():
                start = time.process_time()
                running = asyncio.create_task(history.run())
                await history.reached(len(payloads))
                seconds = time.process_time() - start
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            return Run(commands, seconds, (before + bare_loop_ns()) / 2)
