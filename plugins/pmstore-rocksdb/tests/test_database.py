"""What is particular to the folder: its lock, its damage, its threads and what a question costs."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import pmstore
from pmstore import (
    CorruptData,
    Order,
    OrderQuery,
    OrderStatus,
    OrderType,
    Side,
    Symbol,
    TradeQuery,
    WriteOutcome,
    WriterLocked,
)
from pmstore.plugin import Examination, Level
from pmstore_rocksdb import RocksOrderStore, RocksTradeStore, pmstore_backend

HOLDER = """
import asyncio, sys
from pmstore_rocksdb import RocksOrderStore

async def main():
    async with RocksOrderStore(sys.argv[1]):
        print("open", flush=True)
        await asyncio.to_thread(sys.stdin.read)

asyncio.run(main())
"""


def order(number: int, user_id: str, status: OrderStatus = OrderStatus.NEW) -> Order:
    return Order(
        id=f"order_{number}",
        symbol=Symbol(1, 2, "token"),
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        quantity=100,
        price=5000,
        status=status,
        filled_quantity=0,
        remaining_quantity=100,
        timestamp=number,
        user_id=user_id,
        order_num=number,
        version=1,
    )


@contextmanager
def held_by_another_process(folder: Path) -> Iterator[None]:
    child = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == "open\n"
        yield
    finally:
        child.communicate("")


async def findings(folder: Path) -> dict[str, Level]:
    backend = pmstore_backend()
    assert backend.diagnose is not None
    examination = Examination(clock=lambda: 0)
    found = await backend.diagnose(
        backend.config(pmstore.Url(scheme="rocksdb", path=str(folder))), examination
    )
    return {one.kind: one.level for one in found}


async def test_a_second_process_is_refused_with_a_remedy(tmp_path: Path) -> None:
    folder = tmp_path / "db"
    with held_by_another_process(folder):
        with pytest.raises(WriterLocked, match="another process.*stop that one") as caught:
            await RocksOrderStore(folder).__aenter__()
        assert caught.value.outcome is WriteOutcome.NOT_APPLIED
        assert caught.value.retryable
    async with RocksOrderStore(folder) as orders:
        await orders.save([order(1, "me")])


async def test_stores_of_different_contracts_share_a_folder(tmp_path: Path) -> None:
    async with (
        RocksOrderStore(tmp_path / "db") as orders,
        RocksTradeStore(tmp_path / "db") as trades,
    ):
        await orders.save([order(1, "me")])
        assert (await trades.find(TradeQuery())).items == ()
        with pytest.raises(WriterLocked, match="in this process for orders"):
            await RocksOrderStore(tmp_path / "db").__aenter__()
    async with RocksOrderStore(tmp_path / "db") as orders:
        assert "order_1" in await orders.get(["order_1"])


async def test_a_damaged_file_is_corrupt_and_says_where(tmp_path: Path) -> None:
    folder = tmp_path / "db"
    async with RocksOrderStore(folder) as orders:
        await orders.save([order(number, "me") for number in range(1000)])
        await orders.database.flush("orders")
    for file in folder.glob("*.sst"):
        content = bytearray(file.read_bytes())
        # Every block of data has a byte changed; the end of the file is about the blocks.
        for at in range(0, len(content) * 3 // 4, 512):
            content[at] ^= 1
        file.write_bytes(content)
    with pytest.raises(CorruptData) as caught:
        async with RocksOrderStore(folder) as orders:
            await orders.get(["order_1"])
    assert str(folder) in caught.value.where
    assert (await findings(folder))["damaged"] is Level.ERROR


async def test_a_check_up_reads_beside_the_writer_and_leaves_no_trace(tmp_path: Path) -> None:
    folder = tmp_path / "db"
    assert (await findings(folder))["schema-missing"] is Level.WARNING
    assert not folder.exists()
    async with RocksOrderStore(folder) as orders:
        await orders.save([order(1, "me")])
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert (await findings(folder))["reachable"] is Level.FINE
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    with held_by_another_process(folder):
        assert (await findings(folder))["locked"] is Level.WARNING


async def test_a_users_question_does_not_grow_with_other_users(tmp_path: Path) -> None:
    mine = [order(number, "me") for number in range(20)]

    async def asked_s(orders: RocksOrderStore) -> float:
        best = float("inf")
        for _ in range(20):
            began = time.perf_counter()
            page = await orders.find(OrderQuery(user_id="me", statuses=pmstore.ACTIVE_STATUSES))
            best = min(best, time.perf_counter() - began)
            assert page.items == tuple(mine)
        return best

    async with RocksOrderStore(tmp_path / "db") as orders:
        await orders.save(mine)
        alone_s = await asked_s(orders)
        for start in range(1000, 51_000, 5000):
            others = [
                order(number, f"user {number % 100}") for number in range(start, start + 5000)
            ]
            await orders.save(others)
        assert await asked_s(orders) < 5 * alone_s


async def test_the_event_loop_goes_on_during_a_large_write(tmp_path: Path) -> None:
    """No fsync and no batch of 10,000 stops the loop for as long as the write takes."""
    async with RocksOrderStore(tmp_path / "db") as orders:
        batch = [order(number, "me") for number in range(10_000)]
        writing = asyncio.ensure_future(orders.save(batch))
        await asyncio.sleep(0)
        turns = 0
        while not writing.done():
            await asyncio.sleep(0)
            turns += 1
        await writing
        assert turns > 10


async def test_upkeep_counts_prunes_and_wipes(tmp_path: Path) -> None:
    backend = pmstore_backend()
    config = backend.config(pmstore.Url(scheme="rocksdb", path=str(tmp_path / "db")))
    upkeep = backend.upkeep
    assert upkeep is not None
    assert await upkeep.contents(config) == {}
    async with RocksOrderStore(config.path) as orders:
        await orders.save([order(1, "me"), order(2, "me")])
        await orders.remove([("order_2", 1)])
    assert await upkeep.contents(config) == {"orders": 1, "tombstones": 1}
    assert await upkeep.prune_trades(config, 10) == 0
    await upkeep.wipe(config)
    assert not config.path.exists()
    await upkeep.wipe(config)
