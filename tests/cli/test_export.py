"""`export` writes whole files in three formats, in bounded memory."""

from __future__ import annotations

import asyncio
import csv
import io
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow.parquet
import pytest

import pmstore
from pmstore.cli import rows
from pmstore.cli.exits import Exit
from pmstore.cli.records import RECORDS, Records
from pmstore.codec import encode_order
from pmstore.testing import samples
from tests.cli.kept import Kept
from tests.cli.running import document, program, run


@pytest.fixture
def kept() -> Kept:
    place = Kept()

    async def fill() -> None:
        async with place.orders, place.accounts, place.events, place.trades:
            await place.orders.save([samples.order(number) for number in range(2500)])
            await place.accounts.save([samples.balance('"quoted", user', "cash")])
            await place.events.save([(samples.event(1), 1)])
            await place.trades.append([samples.trade(1)])

    asyncio.run(fill())
    return place


def test_ndjson_has_every_record_as_the_log_writes_it(kept: Kept, tmp_path: Path) -> None:
    file = tmp_path / "orders.ndjson"
    told = document("export", kept.url, "-f", "ndjson", "-o", str(file))
    assert told["records"] == 2500
    assert told["bytes"] == file.stat().st_size
    assert file.read_bytes().splitlines() == [encode_order(samples.order(n)) for n in range(2500)]


def test_csv_has_a_header_and_quotes(kept: Kept, tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    run("export", kept.url, "-f", "csv", "-o", str(file), "--user", "user_1")
    table = list(csv.DictReader(io.StringIO(file.read_bytes().decode())))
    assert [one["id"] for one in table] == [f"order_{n}" for n in range(2500) if n % 3 == 1]
    assert table[0]["post_only"] == "false"
    assert table[0]["expires_at_ms"] == ""
    run("export", "-c", "accounts", kept.url, "-f", "csv", "-o", str(file))
    table = list(csv.DictReader(io.StringIO(file.read_bytes().decode())))
    assert table[0]["user_id"] == '"quoted", user'


def test_a_pipe_is_written_to_and_stays_a_pipe(kept: Kept, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor(1) as threads:
        reading = threads.submit(pipe.read_bytes)
        result = run("export", kept.url, "-f", "ndjson", "-o", str(pipe))
        assert reading.result(timeout=60).count(b"\n") == 2500
    assert pipe.is_fifo()
    assert (result.stdout, result.stderr) == ("", "pmstore: 2500 records\n")


def test_a_link_stays_and_its_file_is_replaced(kept: Kept, tmp_path: Path) -> None:
    link, file = tmp_path / "link", tmp_path / "file"
    link.symlink_to(file)
    run("export", kept.url, "-f", "csv", "-o", str(link))
    assert link.is_symlink()
    assert file.read_bytes().startswith(b"id,")


def test_parquet_has_typed_columns(kept: Kept, tmp_path: Path) -> None:
    file = tmp_path / "orders.parquet"
    run("export", kept.url, "-f", "parquet", "-o", str(file))
    table = pyarrow.parquet.read_table(file)
    assert table.num_rows == 2500
    assert str(table.schema.field("price").type) == "int64"
    assert str(table.schema.field("post_only").type) == "bool"
    assert table.column("id").to_pylist() == [f"order_{number}" for number in range(2500)]
    assert table.column("expires_at_ms").null_count == 2500


def test_a_row_group_holds_fifty_thousand_rows(tmp_path: Path) -> None:
    place = Kept()

    async def fill() -> None:
        async with place.trades:
            for first in range(0, 60_000, 10_000):
                await place.trades.append([samples.trade(n) for n in range(first, first + 10_000)])

    asyncio.run(fill())
    file = tmp_path / "trades.parquet"
    run("export", "-c", "trades", place.url, "-f", "parquet", "-o", str(file))
    facts = pyarrow.parquet.ParquetFile(file).metadata
    assert [facts.row_group(n).num_rows for n in range(facts.num_row_groups)] == [50_000, 10_000]


@pytest.mark.parametrize("format", ["csv", "parquet", "ndjson"])
def test_nothing_to_write_is_a_file_with_its_columns_alone(tmp_path: Path, format: str) -> None:
    file = tmp_path / "none"
    assert document("export", "memory://", "-f", format, "-o", str(file))["records"] == 0
    if format == "csv":
        assert file.read_text().split(",")[0] == "id"
    elif format == "parquet":
        assert pyarrow.parquet.read_schema(file).names[0] == "id"
    else:
        assert file.read_bytes() == b""


@pytest.mark.parametrize("records", RECORDS.values(), ids=lambda one: one.contract.value)
def test_every_column_is_written_in_its_place(records: Records, kept: Kept) -> None:
    async def first() -> object:
        async with kept.stores[records.contract.value] as store:
            return [one async for one in records.all(store)][0]  # noqa: RUF015

    row = records.row(asyncio.run(first()))
    assert tuple(row) == records.all_columns
    assert set(records.columns) <= set(row)
    for name, value in row.items():
        wanted = {"integer": int, "boolean": bool}.get(rows.COLUMN_TYPES.get(name, ""), str)
        assert value is None or type(value) is wanted, name


def test_a_failed_export_leaves_what_was_there(kept: Kept, tmp_path: Path) -> None:
    class Failing:
        limits, coverage = pmstore.Limits(), pmstore.ALL

        async def __aenter__(self) -> Failing:
            return self

        async def __aexit__(self, *exc: object) -> None:
            """Nothing to close."""

        async def find(self, query: pmstore.OrderQuery) -> pmstore.Page[pmstore.Order]:
            if query.after is None:
                return pmstore.Page(tuple(samples.order(n) for n in range(1000)), "next")
            raise pmstore.StoreUnavailable("the server went away")

    place = Kept(orders=Failing())
    file = tmp_path / "orders.csv"
    file.write_text("old")
    result = run("export", place.url, "-f", "csv", "-o", str(file), code=Exit.UNAVAILABLE)
    assert "the server went away" in result.stderr
    assert file.read_text() == "old"
    assert [one.name for one in tmp_path.iterdir()] == ["orders.csv"]


def test_where_nothing_can_be_written_it_says_so(kept: Kept, tmp_path: Path) -> None:
    words = ("export", kept.url, "-f", "csv", "-o", str(tmp_path / "absent" / "x.csv"))
    result = run(*words, code=Exit.UNAVAILABLE)
    assert "x.csv cannot be written" in result.stderr


def test_without_its_extra_parquet_says_what_to_install(tmp_path: Path) -> None:
    code = "import sys; sys.modules['pyarrow'] = None; from pmstore.cli import main; main()"
    words = ("export", "memory://", "-f", "parquet", "-o", str(tmp_path / "x"))
    done = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == Exit.UNUSABLE
    assert "pip install 'pmstore[export]'" in done.stderr
    assert list(tmp_path.iterdir()) == []


async def fill_log(url: str, count: int) -> None:
    async with pmstore.open_trade_store(url) as trades:
        for first in range(0, count, 5000):
            await trades.append([samples.trade(n) for n in range(first, first + 5000)])


def test_ctrl_c_leaves_nothing_behind(tmp_path: Path) -> None:
    asyncio.run(fill_log(f"file:{tmp_path}/t.log", 50_000))
    out = tmp_path / "out"
    out.mkdir()
    words = ("export", "-c", "trades", f"file:{tmp_path}/t.log", "-f", "ndjson")
    running = program(*words, "-o", str(out / "t.ndjson"))
    deadline = time.monotonic() + 60
    while not any(out.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.001)
    running.send_signal(signal.SIGINT)
    _, told = running.communicate(timeout=60)
    assert running.returncode == Exit.STOPPED
    assert "nothing was left" in told
    assert list(out.iterdir()) == []


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="memory is counted in KiB on Linux alone")
@pytest.mark.parametrize("format", ["ndjson", "parquet"])
def test_memory_does_not_grow_with_the_number_of_records(tmp_path: Path, format: str) -> None:
    # The log is put aside in small files, so that its own reader holds little of it.
    peaks = {}
    for count in (20_000, 200_000):
        url = f"file:{tmp_path}/{count}.log?rotate_bytes_max=1000000&fsync=never"
        asyncio.run(fill_log(url, count))
        words = ("export", "-c", "trades", url, "-f", format, "-o", str(tmp_path / "out"))
        running = program(*words)
        _, status, used = os.wait4(running.pid, 0)
        running.communicate()
        assert os.waitstatus_to_exitcode(status) == 0
        peaks[count] = used.ru_maxrss / 1024
    # Ten times the records; kept in memory they alone would be above 100 MiB more.
    assert peaks[200_000] - peaks[20_000] < 40, peaks
