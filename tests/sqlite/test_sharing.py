"""Stores of one process on one file share its writer, and each is opened and closed alone."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from pmstore.backends.sqlite import SqliteAccountStore, SqliteOrderStore, SqliteTradeStore
from pmstore.errors import CorruptData, VersionConflict
from pmstore.models.query import OrderQuery
from pmstore.testing.samples import balance, order, trade

DEADLINE_S = 60.0


def writers(file: Path) -> int:
    """Threads that write to *file*."""
    return sum(thread.name == f"pmstore {file}" for thread in threading.enumerate())


async def expect_no_writer(file: Path) -> None:
    """A thread that has done its work is gone in a moment."""
    async with asyncio.timeout(DEADLINE_S):
        while writers(file):
            await asyncio.sleep(0.001)


async def test_the_last_one_out_closes_the_file(tmp_path: Path) -> None:
    file = (tmp_path / "x.db").resolve()
    async with SqliteOrderStore(file) as orders:
        async with SqliteTradeStore(file) as trades, SqliteAccountStore(file):
            assert writers(file) == 1
            await trades.append([trade(1)])
        await orders.save([order(1)])
        assert (tmp_path / "x.db-wal").exists()
    await expect_no_writer(file)
    assert [one.name for one in tmp_path.iterdir()] == ["x.db"]


async def test_calls_that_wait_together_are_written_together(tmp_path: Path) -> None:
    """A hundred saves at once write a fraction of what they write one by one."""
    sizes = []
    for name, together in (("one by one", False), ("together", True)):
        file = tmp_path / f"{name}.db"
        async with SqliteOrderStore(file) as orders:
            saves = [[order(number)] for number in range(100)]
            if together:
                await asyncio.gather(*(orders.save(one) for one in saves))
            else:
                for one in saves:
                    await orders.save(one)
            sizes.append(file.with_name(f"{file.name}-wal").stat().st_size)
            assert len((await orders.find(OrderQuery())).items) == 100
    assert sizes[1] < sizes[0] / 2, sizes


async def test_a_refused_call_harms_none_that_shares_its_transaction(tmp_path: Path) -> None:
    async with SqliteOrderStore(tmp_path / "x.db") as orders:
        await orders.save([order(number) for number in range(0, 100, 2)])
        answers = await asyncio.gather(
            *(
                orders.save([order(1000 + number), order(number, price=1 + number % 2)])
                for number in range(100)
            ),
            return_exceptions=True,
        )
        refused = [isinstance(answer, VersionConflict) for answer in answers]
        assert refused == [number % 2 == 0 for number in range(100)]
        found = (await orders.find(OrderQuery(limit=1000))).items
        assert sorted(one.order_num for one in found) == [
            *range(100),
            *range(1001, 1100, 2),
        ]


async def test_stores_of_several_event_loops_share_a_file(tmp_path: Path) -> None:
    file = tmp_path / "x.db"

    def elsewhere() -> None:
        async def save() -> None:
            async with SqliteOrderStore(file) as orders:
                for number in range(50):
                    await orders.save([order(number)])

        asyncio.run(save())

    thread = threading.Thread(target=elsewhere)
    async with SqliteOrderStore(file) as orders:
        thread.start()
        for number in range(50, 100):
            await orders.save([order(number)])
        await asyncio.get_running_loop().run_in_executor(None, thread.join)
        assert len((await orders.find(OrderQuery())).items) == 100


async def test_an_opening_that_failed_or_was_cancelled_leaves_nothing_open(
    tmp_path: Path,
) -> None:
    file = (tmp_path / "x.db").resolve()
    file.write_bytes(b"no database" * 1000)
    for _ in range(2):
        with pytest.raises(CorruptData):
            async with SqliteOrderStore(file):
                pass
        await expect_no_writer(file)
    file.unlink()
    for steps in range(4):
        opening = asyncio.create_task(SqliteOrderStore(file).__aenter__())
        for _ in range(steps):
            await asyncio.sleep(0)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        await expect_no_writer(file)
    async with SqliteOrderStore(file) as orders:
        await orders.save([order(1)])


async def test_the_name_of_a_file_is_not_its_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative path means the file it meant when the store was opened."""
    (tmp_path / "link").symlink_to(tmp_path)
    monkeypatch.chdir(tmp_path)
    async with (
        SqliteAccountStore("x.db") as one,
        SqliteAccountStore(tmp_path / "link" / "x.db") as other,
    ):
        monkeypatch.chdir("/")
        await one.save([balance("u", "cash")])
        assert await other.get([("u", "cash")]) == {("u", "cash"): balance("u", "cash")}
        assert writers((tmp_path / "x.db").resolve()) == 1


async def test_what_others_write_by_hand_is_read_at_once(tmp_path: Path) -> None:
    file = tmp_path / "x.db"
    async with SqliteOrderStore(file) as orders:
        await orders.save([order(1)])
        with closing(sqlite3.connect(file)) as connection, connection:
            connection.execute("UPDATE orders SET price = 1234")
        assert (await orders.get(["order_1"]))["order_1"].price == 1234


FORK = """
import asyncio, os, sys
import pmstore
from pmstore.testing.samples import order

url = sys.argv[1]

async def told(verb):
    try:
        return await verb
    except pmstore.StoreClosed as error:
        return f"refused: {'forked from' in str(error)}"

async def child(inherited):
    print(await told(inherited.save([order(2)])))
    print(await told(inherited.get(["order_1"])))
    await inherited.__aexit__(None, None, None)
    print(await told(pmstore.open_order_store(url).__aenter__()), flush=True)

async def parent():
    async with pmstore.open_order_store(url) as orders:
        await orders.save([order(1)])
        if os.fork() == 0:
            # The loop of the parent runs in this thread: another one has none.
            import threading
            thread = threading.Thread(target=asyncio.run, args=(child(orders),))
            thread.start()
            thread.join()
            os._exit(0)
        await asyncio.to_thread(os.wait)
        await orders.save([order(3)])
        print(sorted(await orders.get(["order_1", "order_2", "order_3"])), flush=True)

asyncio.run(parent())
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_a_forked_child_is_refused_the_files_of_its_parent_and_does_not_hang(
    tmp_path: Path,
) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-W",
            "ignore::DeprecationWarning",
            "-c",
            FORK,
            f"sqlite:///{tmp_path}/x.db",
        ],
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    refused = "refused: True"
    assert done.stdout.splitlines() == [refused] * 3 + ["['order_1', 'order_3']"], done.stderr
