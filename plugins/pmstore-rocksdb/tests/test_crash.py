"""Real processes are killed while they write; what they were answered is there afterwards."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pmstore import Applied, Order, OrderQuery, OrderStatus, OrderType, Position, Side, Symbol
from pmstore_rocksdb import RocksOrderStore

pytestmark = pytest.mark.crash

WRITER = """
import asyncio, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_crash import batch
from pmstore import Position
from pmstore_rocksdb import RocksOrderStore

async def main():
    async with RocksOrderStore(Path(sys.argv[1])) as orders:
        async def write(task):
            for turn in range(100_000):
                at = Position(turn + 1, 0)
                await orders.apply(batch(task, turn), source=str(task), position=at)
                print(task, turn, flush=True)
        await asyncio.gather(*map(write, range(8)))

asyncio.run(main())
"""
BATCH = 5


def batch(task: int, turn: int) -> list[Order]:
    """The orders of one write: some new, and one that changes with every turn."""
    return [
        Order(
            id=f"{task}-{number if number else 'again'}-{turn if number else ''}",
            symbol=Symbol(1, 2, "token"),
            side=Side.BUY,
            order_type=OrderType.LIMIT,
            quantity=turn + 1,
            price=5000,
            status=OrderStatus.NEW if turn % 2 else OrderStatus.FILLED,
            filled_quantity=0,
            remaining_quantity=turn + 1,
            timestamp=turn,
            user_id=f"user {task}",
            order_num=turn,
            version=turn + 1,
        )
        for number in range(BATCH)
    ]


async def check(folder: Path, answered: dict[int, int]) -> None:
    """Every answered batch is there, the one after it whole or not at all, and the lists agree."""
    async with RocksOrderStore(folder) as orders:
        for task, last in answered.items():
            position = await orders.position(str(task))
            assert position is not None
            turns = position.ms
            assert turns in (last + 1, last + 2), "what was answered, and at most one write more"
            wanted = {one.id: one for turn in range(turns) for one in batch(task, turn)}
            beyond = {one.id for one in batch(task, turns)} - {f"{task}-again-"}
            found: dict[str, Order] = {}
            after: str | None = None
            while True:
                query = OrderQuery(user_id=f"user {task}", after=after, limit=1000)
                page = await orders.find(query)
                found |= {one.id: one for one in page.items}
                after = page.next
                if after is None:
                    break
            assert found == wanted, "the list of the user"
            ids = [*wanted, *beyond]
            got: dict[str, Order] = {}
            for at in range(0, len(ids), 10_000):
                got |= await orders.get(ids[at : at + 10_000])
            assert got == wanted, "the orders themselves"
            again = await orders.apply([], source=str(task), position=position)
            assert again is Applied.DUPLICATE
            assert await orders.position(str(task)) == Position(turns, 0)


async def test_answered_writes_survive_a_kill_under_load(tmp_path: Path) -> None:
    folder = tmp_path / "db"
    here = str(Path(__file__).parent)
    child = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder), here], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    lines = []
    try:
        killed_at = time.monotonic() + 60
        for line in child.stdout:
            lines.append(line)
            if len(lines) == 2000 or time.monotonic() > killed_at:
                break
        os.kill(child.pid, signal.SIGKILL)
        # What was printed before the kill was answered before it too.
        lines += child.stdout.read().splitlines(keepends=True)
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
    assert len(lines) >= 2000
    answered: dict[int, int] = {}
    for line in lines:
        if line.endswith("\n"):
            task, turn = map(int, line.split())
            answered[task] = turn
    assert len(answered) == 8
    await check(folder, answered)
