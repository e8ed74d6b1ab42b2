"""What goes wrong with a database file is told apart, and leaves what was acknowledged."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

import pmstore
from pmstore.backends.sqlite import SqliteOrderStore, SqliteSnapshotStore, SqliteTradeStore
from pmstore.errors import (
    CorruptData,
    SettingsError,
    StoreClosed,
    StoreUnavailable,
    WriteOutcome,
)
from pmstore.models.query import OrderQuery
from pmstore.testing.samples import order, snapshot, trade

FILL = """
import asyncio, resource, signal, sys
from pathlib import Path
from pmstore.backends.sqlite import SqliteOrderStore
from pmstore.errors import StoreUnavailable
from pmstore.testing.samples import order

async def main(file, most):
    async with SqliteOrderStore(file) as orders:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))
        kept = 0
        while True:
            try:
                await orders.save([order(number) for number in range(kept, kept + 100)])
            except StoreUnavailable as error:
                assert error.retryable and error.outcome.value != "applied", error
                break
            kept += 100
        found = await orders.get([f"order_{number}" for number in range(kept + 100)])
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
        await orders.save([order(1_000_000)])
        print(kept, len(found))

asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
"""


@contextmanager
def writing_elsewhere(file: Path) -> Iterator[sqlite3.Connection]:
    """Somebody else holds the right to write."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield connection


async def test_a_writer_elsewhere_is_waited_for_and_then_named(tmp_path: Path) -> None:
    file = tmp_path / "x.db"
    async with SqliteOrderStore(file, busy_timeout_s=0.05) as orders:
        await orders.save([order(1)])
        with writing_elsewhere(file):
            with pytest.raises(StoreUnavailable, match="another process") as raised:
                await orders.save([order(2)])
            assert raised.value.retryable
            assert raised.value.outcome is WriteOutcome.NOT_APPLIED
            assert set(await orders.get(["order_1", "order_2"])) == {"order_1"}
        await orders.save([order(2)])
        assert set(await orders.get(["order_1", "order_2"])) == {"order_1", "order_2"}


async def test_a_write_waits_for_one_that_ends_in_time(tmp_path: Path) -> None:
    file = tmp_path / "x.db"
    async with SqliteOrderStore(file, busy_timeout_s=30) as orders:
        with writing_elsewhere(file) as other:
            saving = asyncio.create_task(orders.save([order(1)]))
            # A read takes its turn meanwhile.
            assert await orders.get(["order_1"]) == {}
            other.execute("COMMIT")
        await saving
        assert await orders.get(["order_1"]) == {"order_1": order(1)}


def test_a_full_disk_takes_nothing_half_and_works_again_with_space(tmp_path: Path) -> None:
    file = tmp_path / "x.db"
    run = subprocess.run(
        [sys.executable, "-c", FILL, str(file), str(2_000_000)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    kept, found = map(int, run.stdout.split())
    assert kept == found > 0
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT count(*) FROM orders").fetchone() == (kept + 1,)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


async def test_a_file_that_may_not_be_written_is_unavailable(tmp_path: Path) -> None:
    file = tmp_path / "x.db"
    async with SqliteOrderStore(file) as orders:
        await orders.save([order(1)])
    with file.open("r+b") as content:
        # A version of writing that SQLite does not know: it may read the file and not write
        # it, whoever the user is.
        content.seek(18)
        content.write(b"\x03")
    with pytest.raises(StoreUnavailable, match="may not be written") as raised:
        async with SqliteOrderStore(file) as orders:
            await orders.save([order(2)])
    assert raised.value.outcome is WriteOutcome.NOT_APPLIED


async def test_a_folder_that_cannot_be_made_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreUnavailable, match="its folder cannot be made") as raised:
        async with SqliteOrderStore(tmp_path / "file" / "x.db"):
            pass
    assert raised.value.outcome is WriteOutcome.NOT_APPLIED


async def test_a_missing_folder_is_made(tmp_path: Path) -> None:
    file = tmp_path / "a" / "b" / "x.db"
    async with SqliteOrderStore(file):
        pass
    assert file.exists()


async def test_a_file_that_is_no_database_is_corrupt(tmp_path: Path) -> None:
    file = tmp_path / "x.db"
    file.write_bytes(b"something else, and quite a lot of it" * 100)
    with pytest.raises(CorruptData, match="not a database") as raised:
        async with SqliteOrderStore(file):
            pass
    assert raised.value.where == str(file)
    assert file.read_bytes().startswith(b"something else")


async def test_a_damaged_page_is_corrupt_and_no_absence(tmp_path: Path) -> None:
    file = tmp_path / "x.db"
    async with SqliteOrderStore(file) as orders:
        await orders.save([order(number) for number in range(1000)])
    content = bytearray(file.read_bytes())
    page = content[16] << 8 | content[17]
    # Behind the schema and the small tables: pages of orders and of their indexes.
    content[60 * page :] = b"\xff" * (len(content) - 60 * page)
    file.write_bytes(content)
    async with SqliteOrderStore(file) as orders:
        with pytest.raises(CorruptData) as raised:
            await orders.get([f"order_{number}" for number in range(1000)])
        assert raised.value.where.startswith(str(file))
        with pytest.raises(CorruptData):
            await orders.find(OrderQuery(limit=1000))


async def test_an_unknown_word_names_the_order(tmp_path: Path) -> None:
    file = tmp_path / "x.db"
    async with SqliteOrderStore(file) as orders, SqliteTradeStore(file) as trades:
        await orders.save([order(1)])
        await trades.append([trade(1)])
        with closing(sqlite3.connect(file)) as connection, connection:
            connection.execute("UPDATE orders SET status = 'Nwe'")
            connection.execute("UPDATE trades SET side = 'Nwe'")
        with pytest.raises(CorruptData, match="order 'order_1'.*'Nwe'"):
            await orders.get(["order_1"])
        with pytest.raises(CorruptData, match="trade 1.*'Nwe'"):
            await trades.find(pmstore.TradeQuery())


async def test_a_lost_table_is_corrupt_and_no_absence(tmp_path: Path) -> None:
    file = tmp_path / "x.db"
    async with SqliteOrderStore(file) as orders:
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("DROP TABLE orders")
        with pytest.raises(CorruptData, match="no such table"):
            await orders.get(["order_1"])
        with pytest.raises(CorruptData, match="no such table"):
            await orders.save([order(1)])


async def test_a_newer_schema_is_refused_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "x.db"
    async with SqliteOrderStore(file):
        pass
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE pmstore_revision SET version_num = '9999'")
    before = file.read_bytes()
    with pytest.raises(SettingsError, match=r"9999.*newer pmstore.*Install that version"):
        async with SqliteOrderStore(file):
            pass
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("sqlite:///x.db?tombstones=1", "Did you mean tombstone_s?"),
        ("sqlite:///x.db?tombstone_s=0", "tombstone_s is 0.0; expected more than 0"),
        ("sqlite:///x.db?tombstone_s=inf", "expected more than 0"),
        ("sqlite:///x.db?busy_timeout_s=soon", "expected a number"),
        ("sqlite://host/x.db", "takes no host"),
        ("sqlite://user@/x.db", "takes no user"),
        ("sqlite://", "names no file"),
        ("sqlite:///", "names no file"),
        ("sqlite:///:memory:", "memory://"),
    ],
)
def test_a_wrong_url_is_refused_with_the_right_form(url: str, problem: str) -> None:
    with pytest.raises(SettingsError) as raised:
        pmstore.open_order_store(url)
    assert problem in str(raised.value)


async def test_a_url_names_a_relative_or_an_absolute_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with pmstore.open_order_store("sqlite:///a.db?tombstone_s=60") as orders:
        await orders.save([order(1)])
    async with pmstore.open_order_store(f"sqlite:///{tmp_path}/a.db") as orders:
        assert await orders.get(["order_1"]) == {"order_1": order(1)}
    assert [file.name for file in tmp_path.iterdir()] == ["a.db"]


def test_a_missing_extra_is_named(tmp_path: Path) -> None:
    program = (
        "import asyncio, sys, pmstore\n"
        "sys.modules['sqlalchemy'] = None\n"
        "async def main():\n"
        f"    async with pmstore.open_order_store('sqlite:///{tmp_path}/x.db'):\n"
        "        pass\n"
        "asyncio.run(main())\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert run.returncode == 1
    assert "SettingsError" in run.stderr
    assert "pip install 'pmstore[sqlite]'" in run.stderr


async def test_a_store_left_in_the_middle_of_a_verb_is_closed(tmp_path: Path) -> None:
    async with SqliteSnapshotStore(tmp_path / "x.db") as snapshots:
        for number in range(3):
            await snapshots.save(snapshot(number))
        listing = asyncio.create_task(snapshots.list())
        await asyncio.sleep(0)
    with pytest.raises(StoreClosed):
        await listing
