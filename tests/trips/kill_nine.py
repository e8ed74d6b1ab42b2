"""
kill -9 of the real exchange under load, again and again: `python -m tests.trips.kill_nine`.

Each round starts the process on the same folder, lets users trade over HTTP and kills it:
at a random moment under load, at a random moment of its start, or while a snapshot is being
written. What it left is then recovered on a copy and held against everything that the
users were told; the next round goes on with the folder itself. At last it is stopped as an
operator stops it, under load too.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import time
from collections import Counter
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Final

import attrs

from pmstore.registry import audit
from tests.trips.exchange_process import ExchangeProcess
from tests.trips.recovered_folder import Recovery, check_told, recover_copy
from tests.trips.traders import Traders

SEED_VARIABLE: Final = "KILL_NINE_SEED"
MOMENTS: Final = ("load", "start", "load", "snapshot")
"""When the rounds kill, in turn."""
LOAD_S_MAX: Final = 2.0
SNAPSHOT_S_MAX: Final = 5.0
AGAIN: Final = 5
"""Answered orders that are asked for again after a kill, beside all without an answer."""


@attrs.define
class Report:
    """What all rounds together came to."""

    seed: int
    kills: Counter[str] = attrs.Factory(Counter)
    answered: int = 0
    cancels: int = 0
    trades: int = 0
    unanswered: int = 0
    unanswered_taken: int = 0
    drafts_left: int = 0
    folded: int = 0
    start_s: list[float] = attrs.Factory(list)

    def __str__(self) -> str:
        kills = ", ".join(f"{count} during {moment}" for moment, count in self.kills.items())
        slowest = max(self.start_s)
        return (
            f"seed {self.seed}: {self.kills.total()} kills ({kills}); {self.answered} orders and "
            f"{self.cancels} cancels answered, {self.trades} trades, all there once; of "
            f"{self.unanswered} orders without an answer {self.unanswered_taken} were taken, each "
            f"once; {self.drafts_left} half-written snapshots left, {self.folded} log entries "
            f"folded; the slowest start took {slowest:.2f} s"
        )


async def kill_again_and_again(folder: Path, rounds: int, seed: int) -> Report:
    """Kill the exchange on a new folder under *folder* so many times, and check each time."""
    print(f"{SEED_VARIABLE}={seed}", flush=True)
    chance = Random(seed)
    report = Report(seed)
    traders = Traders(chance)
    data = folder / "data"
    for number in range(rounds):
        moment = MOMENTS[number % len(MOMENTS)] if number else "load"
        await one_round(data, moment, chance, traders, report, again=number > 0)
        report.kills[moment] += 1
        report.drafts_left += any((data / "store").glob("*.draft.tmp"))
        recovery = await check_folder(data, folder / "copy", traders)
        report.folded += recovery.folded
        report.trades = len(recovery.trades)
        print(f"{number + 1}/{rounds} {moment}: {len(recovery.state.orders)} open", flush=True)
    process = ExchangeProcess(data)
    await _started(process, report)
    try:
        await _ask_again(process.url, chance, traders, report)
        trading = asyncio.create_task(traders.trade(process.url))
        await asyncio.wait({trading}, timeout=chance.uniform(0, LOAD_S_MAX))
        await process.stop()
    finally:
        await process.kill()
    await trading
    await check_folder(data, folder / "copy", traders)
    report.answered = sum(order.answered for order in traders.orders.values())
    report.cancels = traders.cancels
    return report


async def one_round(
    data: Path, moment: str, chance: Random, traders: Traders, report: Report, *, again: bool
) -> None:
    """Start the exchange on *data*, let the users trade, and kill it at the *moment*."""
    process = ExchangeProcess(data)
    if moment == "start":
        await process.start()
        try:
            async with asyncio.timeout(chance.uniform(0, 1.1 * max(report.start_s))):
                await process.ready()
        except TimeoutError:
            pass
        await process.kill()
        return
    await _started(process, report)
    try:
        if again:
            await _ask_again(process.url, chance, traders, report)
        else:
            await traders.set_up(process.url)
        trading = asyncio.create_task(traders.trade(process.url))
        limit_s = chance.uniform(0, LOAD_S_MAX) if moment == "load" else SNAPSHOT_S_MAX
        try:
            async with asyncio.timeout(limit_s):
                if moment == "snapshot":
                    await _draft_seen(data / "store", trading)
                else:
                    await asyncio.shield(trading)
        except TimeoutError:
            pass
    finally:
        await process.kill()
    await trading


async def _started(process: ExchangeProcess, report: Report) -> None:
    start = time.monotonic()
    await process.start()
    try:
        await process.ready()
    except BaseException:
        await process.kill()
        raise
    report.start_s.append(time.monotonic() - start)


async def _draft_seen(store: Path, trading: asyncio.Task[None]) -> None:
    """Return as soon as a snapshot is being written."""
    while not trading.done() and not any(store.glob("*.draft.tmp")):
        await asyncio.sleep(0)


async def _ask_again(url: str, chance: Random, traders: Traders, report: Report) -> None:
    orders = list(traders.orders.values())
    unanswered = [order for order in orders if not order.answered]
    answered = [order for order in orders if order.answered]
    await traders.ask_again(url, chance.sample(answered, min(AGAIN, len(answered))))
    await traders.ask_again(url, unanswered)
    report.unanswered += len(unanswered)
    report.unanswered_taken += sum(order.found_as is not None for order in unanswered)


async def check_folder(data: Path, copy: Path, traders: Traders) -> Recovery:
    """Recover a copy of what the killed process left, and hold it against what was told."""
    await asyncio.to_thread(shutil.copytree, data, copy)
    try:
        recovery = await recover_copy(copy)
        check_told(recovery, traders.orders)
        audited = audit(f"file:{copy}/trades.log")
        assert audited.problems == (), audited.problems
        assert audited.count == len(recovery.trades)
    finally:
        await asyncio.to_thread(shutil.rmtree, copy)
    return recovery


def main() -> None:
    """Kill as often as the command line says, and print what it came to."""
    parser = argparse.ArgumentParser(prog="python -m tests.trips.kill_nine", description=__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--seed", type=int, default=seed_from_environment())
    asked = parser.parse_args()
    with TemporaryDirectory() as folder:
        print(asyncio.run(kill_again_and_again(Path(folder), asked.rounds, asked.seed)))


def seed_from_environment() -> int:
    """The seed that the environment repeats, or a new one."""
    return int(os.environ.get(SEED_VARIABLE) or Random().randrange(2**32))


if __name__ == "__main__":
    main()
