"""`pmengine verify` on data of real exchanges, stopped and running."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import attrs
import pytest
from typer.testing import CliRunner, Result

from pmengine.assembly import open_exchange
from pmengine.cli.application import application
from pmengine.cli.exits import Exit
from pmengine.commands import NewFees
from pmengine.invariants import Law
from pmstore import Balance, Batch, Side, Trade
from tests.services.rewriting import rewrite, trade_into
from tests.services.test_told_by_settings import ask, open_market, order, settings

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to" / "verify.md"
PROGRAM = "from pmengine.cli import main; main()"
DEADLINE_S = 60.0


@pytest.fixture(scope="module")
def traded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data of an exchange that ran twice and stopped."""
    folder = tmp_path_factory.mktemp("traded") / "data"
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(trade_into(folder))).result()
    return folder


@pytest.fixture
def broken(traded: Path, tmp_path: Path) -> Path:
    """A copy in which a maker trades at another price than its own."""
    data = Path(shutil.copytree(traded, tmp_path / "data"))

    def change(batches: list[Batch]) -> None:
        for batch in batches:
            for index, fact in enumerate(batch.changes):
                if isinstance(fact, Trade):
                    price = fact.maker_price + 1
                    batch.changes[index] = attrs.evolve(fact, maker_price=price)
                    return

    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(rewrite(data, change))).result()
    return data


def verify(data: Path, *words: str, code: Exit, **environ: str) -> Result:
    environment = {"DATA_DIR": str(data), **environ}
    result = CliRunner().invoke(application, ["verify", *words], env=environment)
    assert result.exit_code == code, (result.output, result.stderr, result.exception)
    return result


def test_what_is_right_is_said_in_a_few_lines(traded: Path) -> None:
    said = verify(traded, code=Exit.FINE).stdout
    assert "from the log's first entry through entry" in said
    assert "2 snapshots" in said
    assert said.endswith("No law is broken.\n")


def test_programs_are_told_the_same(traded: Path) -> None:
    told = json.loads(verify(traded, "--json", code=Exit.FINE).stdout)
    assert told["kept"] is True
    assert told["entries"] == told["number"] > 10
    assert told["compared"]["snapshots"] == 2
    assert told["breaches"] == []
    newest = json.loads(verify(traded, "--json", "--from", "newest", code=Exit.FINE).stdout)
    assert newest["began_after"] == newest["number"] == told["number"]
    alone = json.loads(verify(traded, "--json", "--no-stores", code=Exit.FINE).stdout)
    assert alone["compared"] == {}


def test_a_breach_is_told_with_law_place_and_command(broken: Path) -> None:
    said = verify(broken, code=Exit.DIFFERENT).stdout
    first = said.split("BROKEN")[1]
    assert first.startswith(" trade-price: trade ")
    assert f"the law   {Law.TRADE_PRICE.value}" in first
    assert re.search(r"the place entry \d+ at \d+-\d+, by change \d+\n", first)
    assert re.search(r"asked     SubmitOrder of trader-\d+ for order sample-\d+: accepted", first)
    assert "the first is of trade-price at entry" in said
    (breach,) = json.loads(verify(broken, "--json", "--breaches", "1", code=Exit.DIFFERENT).stdout)[
        "breaches"
    ]
    assert breach["law"] == "trade-price"
    assert breach["subject"].startswith("trade ")
    assert breach["number"] > 1


def test_a_follower_ends_at_the_breaches_that_were_asked_for(broken: Path) -> None:
    ran = verify(broken, "--follow", "--json", "--breaches", "1", code=Exit.DIFFERENT)
    told = [json.loads(line) for line in ran.stdout.splitlines()]
    assert [list(one) for one in told] == [["breach"], ["summary"]]
    assert told[0]["breach"]["law"] == "trade-price"
    assert told[1]["summary"]["there_may_be_more"] is True


def test_an_exchange_that_verifies_does_not_go_on_with_a_wrong_state(
    traded: Path, tmp_path: Path
) -> None:
    data = Path(shutil.copytree(traded, tmp_path / "data"))

    def enrich(batches: list[Batch]) -> None:
        changes = batches[-1].changes
        index = max(i for i, one in enumerate(changes) if isinstance(one, Balance))
        row = changes[index]
        assert isinstance(row, Balance)
        changes[index] = attrs.evolve(row, available=row.available + 10**9)

    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(rewrite(data, enrich))).result()
    for path in (*data.glob("store/*"), *data.glob("pmstore.db*"), *data.glob("trades.log*")):
        path.unlink()
    exchange = start(tmp_path, "up", "--port", "0", ENGINE_VERIFY="stop")
    _, err = exchange.communicate(timeout=DEADLINE_S)
    assert exchange.returncode == Exit.STOPPED
    assert "The exchange cannot run: the law" in err
    assert "is broken at entry" in err
    assert "Traceback" not in err


def test_fees_are_looked_for_on_the_account_that_is_named(tmp_path: Path) -> None:
    async def trade() -> None:
        async with open_exchange(settings(tmp_path, fee_account="house")) as exchange:
            await open_market(exchange, NewFees("linear", 0, 10_000))
            for side in (Side.SELL, Side.BUY):
                assert await ask(exchange, order(f"{side.value}-1", side)) is None

    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(trade())).result()
    verify(tmp_path, code=Exit.FINE, ENGINE_FEE_ACCOUNT="house")
    said = verify(tmp_path, code=Exit.DIFFERENT).output
    assert "house's cash" in said
    assert "fees's cash" in said


def test_where_nothing_was_written_nothing_is_made(tmp_path: Path) -> None:
    said = verify(tmp_path / "data", code=Exit.ABSENT).stderr
    assert "nothing was ever written there" in said
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_is_not_there_and_wrong_settings_are_said(traded: Path) -> None:
    assert "there are snapshots at" in verify(traded, "--from", "777", code=Exit.ABSENT).stderr
    wrong = verify(traded, code=Exit.USAGE, ENGINE_VERIFY="yes")
    assert "ENGINE_VERIFY" in wrong.stderr


def test_every_law_is_on_its_page() -> None:
    page = HOW_TO.read_text(encoding="utf-8")
    for law in Law:
        assert f"| `{law.slug}` | {law.value} |" in page


def start(folder: Path, *words: str, **environ: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *words],
        cwd=folder,
        env=os.environ | {"DATA_DIR": str(folder / "data"), "LOG_LEVEL": "ERROR"} | environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def looked(folder: Path) -> dict[str, Any]:
    ran = start(folder, "verify", "--json")
    out, err = ran.communicate(timeout=DEADLINE_S)
    if ran.returncode == Exit.ABSENT:
        return {"number": 0}
    assert ran.returncode == Exit.FINE, (out, err)
    told: dict[str, Any] = json.loads(out)
    return told


def test_a_running_exchange_is_looked_at_and_followed(tmp_path: Path) -> None:
    exchange = start(tmp_path, "demo", "--rate", "500", "--port", "0")
    try:
        deadline = time.monotonic() + DEADLINE_S
        while (first := looked(tmp_path))["number"] < 5:
            assert exchange.poll() is None, exchange.communicate()
            assert time.monotonic() < deadline
        follower = start(tmp_path, "verify", "--follow", "--json", "--from", "first")
        assert follower.stderr is not None
        assert "Ctrl-C ends" in follower.stderr.readline()
        while (second := looked(tmp_path))["number"] < first["number"] + 20:
            assert time.monotonic() < deadline
        follower.send_signal(signal.SIGINT)
        out, err = follower.communicate(timeout=DEADLINE_S)
        assert follower.returncode == Exit.FINE, (out, err)
        summary = json.loads(out)["summary"]
        assert summary["kept"] is True
        assert summary["number"] > 0
        assert second["compared"]["store_records"] > 0
    finally:
        exchange.send_signal(signal.SIGTERM)
        exchange.communicate(timeout=DEADLINE_S)
    assert looked(tmp_path)["kept"] is True
