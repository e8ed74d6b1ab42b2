"""Run as a program: writes until the operating system refuses larger files."""

from __future__ import annotations

import asyncio
import resource
import sys
from pathlib import Path

from pmstore.backends.file import FileSnapshotStore, FileStream, FileTradeStore
from pmstore.errors import StoreUnavailable
from tests.file.workloads import SnapshotWorkload, TradeWorkload

FILE_BYTES_MAX = 8192


async def fill_stream(folder: Path) -> None:
    async with FileStream(folder) as stream:
        for number in range(1000):
            print(f"try {number}", flush=True)
            await stream.append([b"%04d" % number * 100])


async def fill_trades(folder: Path) -> None:
    workload = TradeWorkload()
    async with FileTradeStore(folder / "trades.log") as store:
        for number in range(1000):
            print(f"try {number}", flush=True)
            await store.append([workload.trade(number)])


async def fill_snapshots(folder: Path) -> None:
    workload = SnapshotWorkload()
    async with FileSnapshotStore(folder) as store:
        for number in range(1, 1000):
            print(f"try {number}", flush=True)
            await store.save(workload.snapshot(number, skipped=["0-1"] * number * 200))


async def main(name: str, folder: Path) -> None:
    """Say what was tried, and then the outcome and the message of the error."""
    fills = {"stream": fill_stream, "trades": fill_trades, "snapshots": fill_snapshots}
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES_MAX, FILE_BYTES_MAX))
    try:
        await fills[name](folder)
    except StoreUnavailable as error:
        print(f"{error.outcome.value} {error}", flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
