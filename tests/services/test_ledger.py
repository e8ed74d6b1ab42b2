"""The ledger in double entry: every line once, whatever happens, and every wrong one is found."""

from __future__ import annotations

import asyncio
import re
import shutil
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pmengine.cli.application import application
from pmengine.cli.exits import Exit
from pmengine.invariants import Law
from tests.services.rewriting import COMMANDS, trade_into, use_everything, verified

LEDGER = "ledger_entries"


@pytest.fixture(scope="module")
def traded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data of an exchange that ran twice and stopped."""
    folder = tmp_path_factory.mktemp("traded") / "data"
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(trade_into(folder))).result()
    return folder


@pytest.fixture
def data(traded: Path, tmp_path: Path) -> Path:
    """A copy of it, to be falsified."""
    return Path(shutil.copytree(traded, tmp_path / "data"))


@contextmanager
def database(data: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(data / "pmstore.db")) as connection, connection:
        yield connection


def lines_of(data: Path, where: str = "true") -> list[tuple[object, ...]]:
    with database(data) as connection:
        select = f"SELECT * FROM {LEDGER} WHERE {where} ORDER BY source, number, line"
        return connection.execute(select).fetchall()


async def test_the_lines_of_an_exchange_add_up_to_its_balances(tmp_path: Path) -> None:
    """Deposits, splits, conversions, fees, trades, resolutions: `verify` finds all of it right."""
    await use_everything(tmp_path)
    report = await verified(tmp_path)
    assert report.breaches == []
    assert report.compared["ledger_lines"] == len(lines_of(tmp_path)) > 80
    with database(tmp_path) as connection:
        kinds = {kind for (kind,) in connection.execute(f"SELECT DISTINCT kind FROM {LEDGER}")}
        sums = connection.execute(
            f"SELECT sum(available + frozen) FROM {LEDGER} GROUP BY number, transaction_line, asset"
        ).fetchall()
        users = connection.execute(
            "SELECT account, asset, sum(available), sum(frozen) FROM ledger_entries "
            "WHERE holder = 'user' GROUP BY account, asset "
            "HAVING sum(available) <> 0 OR sum(frozen) <> 0 ORDER BY account, asset"
        ).fetchall()
        rows = connection.execute(
            "SELECT user_id, asset, available, frozen FROM balances "
            "WHERE available <> 0 OR frozen <> 0 ORDER BY user_id, asset"
        ).fetchall()
    assert kinds >= {"deposit", "split", "convert", "merge", "hold", "release", "trade", "fee"}
    assert "resolution" in kinds
    assert kinds.isdisjoint({"opening", "correction"})
    assert set(sums) == {(0,)}
    assert users == rows


async def test_a_restart_goes_on_where_the_lines_end(data: Path) -> None:
    """What is read again after a start adds nothing, and what is new follows on."""
    before = lines_of(data)
    await trade_into(data, start=COMMANDS)
    after = lines_of(data)
    assert after[: len(before)] == before
    assert len(after) > len(before)
    assert (await verified(data)).breaches == []


def behind(data: Path, *stores: str, number: int) -> None:
    """Let *stores* say that they have had the log only through an entry."""
    with database(data) as connection:
        (ms,) = connection.execute(
            f"SELECT max(timestamp) FROM {LEDGER} WHERE number = {number}"
        ).fetchone()
        assert ms
    position = positions_of(data)[number - 1]
    with database(data) as connection:
        for store in stores:
            connection.execute("UPDATE sources SET position = ? WHERE store = ?", (position, store))


def positions_of(data: Path) -> list[str]:
    """The positions of the log's entries, as the stores write them."""
    from tests.services.rewriting import entries_of

    with ThreadPoolExecutor(1) as thread:
        entries = thread.submit(lambda: asyncio.run(entries_of(data))).result()
    return [f"{entry.id.ms:020}-{entry.id.seq:020}" for entry in entries]


@pytest.mark.parametrize(
    "stores",
    [("orders", "trades"), ("orders", "trades", "ledger")],
    ids=["the ledger is ahead", "the ledger is behind"],
)
async def test_what_a_crash_left_half_written_is_made_whole(
    stores: tuple[str, ...], data: Path
) -> None:
    """Stores that are written again from before the ledger's end, or with it, double nothing."""
    whole = lines_of(data)
    number = len(positions_of(data)) - 20
    behind(data, *stores, number=number)
    if "ledger" in stores:
        with database(data) as connection:
            # Some lines beyond the position came through, and some did not.
            gone = f"DELETE FROM {LEDGER} WHERE number > {number} AND number % 2 = 0"
            assert connection.execute(gone).rowcount > 0
    await trade_into(data, start=COMMANDS)
    assert lines_of(data)[: len(whole)] == whole
    assert (await verified(data)).breaches == []


@pytest.mark.parametrize("left", ["nothing", "half of an opening"])
async def test_a_deployment_from_before_the_ledger_opens_it_with_its_balances(
    left: str, data: Path
) -> None:
    """The first lines are those of the balances, at the number from which the ledger is on."""
    number = len(positions_of(data))
    with database(data) as connection:
        connection.execute(f"DELETE FROM {LEDGER}")
        connection.execute("DELETE FROM sources WHERE store = 'ledger'")
        rows = connection.execute(
            "SELECT user_id, asset, available, frozen FROM balances "
            "WHERE available <> 0 OR frozen <> 0 ORDER BY user_id, asset"
        ).fetchall()
        if left == "half of an opening":
            for line, (user, asset, available, frozen) in enumerate(rows[:3]):
                amounts = (available + frozen, available, frozen)
                connection.execute(
                    f"INSERT INTO {LEDGER} VALUES ('store_stream', ?, ?, ?, 'user', ?, ?, ?, ?, "
                    "?, ?, 'opening', '', 1, NULL)",
                    (number - 1, 2 * line, 2 * line, user, asset, *amounts[1:], *amounts[1:]),
                )
                connection.execute(
                    f"INSERT INTO {LEDGER} VALUES ('store_stream', ?, ?, ?, 'opening', 'opening', "
                    "?, ?, 0, NULL, NULL, 'opening', '', 1, NULL)",
                    (number - 1, 2 * line + 1, 2 * line, asset, -amounts[0]),
                )
    await trade_into(data, start=COMMANDS)
    opened = lines_of(data, "holder = 'user' AND kind = 'opening'")
    assert {line[1] for line in opened} <= {number, number - 1}
    assert sorted((line[5], line[6], line[7], line[8]) for line in opened) == rows
    report = await verified(data)
    assert report.breaches == []
    assert report.compared["ledger_lines"] == len(lines_of(data))


async def test_a_ledger_that_has_not_begun_is_no_breach(data: Path) -> None:
    """A deployment that was migrated, and not started since, is verified without it."""
    with database(data) as connection:
        connection.execute(f"DELETE FROM {LEDGER}")
        connection.execute("DELETE FROM sources WHERE store = 'ledger'")
    report = await verified(data)
    assert report.breaches == []
    assert "ledger: history has not begun it yet" in report.notes


A_TRADE = (
    f"(SELECT number FROM {LEDGER} WHERE kind = 'trade' AND holder = 'user' "
    "ORDER BY number LIMIT 1 OFFSET 40)"
)
OF_THE_TRADE = f"number = {A_TRADE} AND kind = 'trade' AND holder = 'user'"
ONE_LINE = f"{OF_THE_TRADE} AND line = (SELECT min(line) FROM {LEDGER} WHERE {OF_THE_TRADE})"


@pytest.mark.parametrize(
    "statement",
    [
        f"UPDATE {LEDGER} SET available = available + 1 WHERE {ONE_LINE}",
        f"UPDATE {LEDGER} SET available_after = available_after + 1 WHERE {ONE_LINE}",
        f"UPDATE {LEDGER} SET account = 'somebody' WHERE {ONE_LINE}",
        f"DELETE FROM {LEDGER} WHERE {ONE_LINE}",
        f"INSERT INTO {LEDGER} SELECT source, number, (SELECT max(line) + 1 FROM {LEDGER} AS o "
        f"WHERE o.number = {A_TRADE}), transaction_line, holder, account, asset, available, "
        "frozen, available_after, frozen_after, kind, reference, timestamp, correlation_id "
        f"FROM {LEDGER} WHERE {ONE_LINE}",
    ],
    ids=["a wrong amount", "a wrong balance", "a wrong user", "a missing line", "a doubled line"],
)
def test_a_wrong_line_is_found_with_its_place(statement: str, data: Path) -> None:
    """`pmengine verify` names the entry, and its exit code is that of differences."""
    with database(data) as connection:
        (number,) = connection.execute(f"SELECT {A_TRADE}").fetchone()
        assert connection.execute(statement).rowcount == 1
    run = CliRunner().invoke(application, ["verify"], env={"DATA_DIR": str(data)})
    assert run.exit_code == Exit.DIFFERENT, run.output
    assert "BROKEN ledger" in run.output
    assert re.search(rf"entry {number}\b", run.output)


@pytest.mark.parametrize("what", ["missing", "doubled"])
async def test_a_whole_entry_that_is_missing_or_doubled_is_found(what: str, data: Path) -> None:
    """Of an entry of the log no line may be missing, and none may come again under another."""
    with database(data) as connection:
        (number,) = connection.execute(f"SELECT {A_TRADE}").fetchone()
        if what == "missing":
            connection.execute(f"DELETE FROM {LEDGER} WHERE number = {number}")
        else:
            connection.execute(
                f"INSERT INTO {LEDGER} SELECT source, number + 1, line + 1000, "
                "transaction_line + 1000, holder, account, asset, available, frozen, "
                "available_after, frozen_after, kind, reference, timestamp, correlation_id "
                f"FROM {LEDGER} WHERE number = {number}"
            )
    report = await verified(data, breaches_max=1000)
    assert {breach.violation.law for breach in report.breaches} == {Law.LEDGER}
    said = " ".join(str(breach.violation) for breach in report.breaches)
    place = f"after entry {number}," if what == "missing" else f"entry {number + 1} "
    assert place in said
