"""What is particular to the file: SQL over it, its lock, its damage, and its upkeep."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

import pmstore
from pmstore import CorruptData, MatchType, Side, Symbol, Trade, WriteOutcome, WriterLocked
from pmstore.plugin import Examination, Level
from pmstore_duckdb import DuckTradeStore, pmstore_backend

README = Path(__file__).parents[1] / "README.md"
MINUTE_MS = 60_000

HOLDER = """
import asyncio, sys
from pmstore_duckdb import DuckTradeStore

async def main():
    async with DuckTradeStore(sys.argv[1]):
        print("open", flush=True)
        await asyncio.to_thread(sys.stdin.read)

asyncio.run(main())
"""


def trade(number: int, price: int, timestamp: int) -> Trade:
    return Trade(
        trade_id=number,
        match_type=MatchType.NORMAL,
        taker_order_id="taker order",
        maker_order_id="maker order",
        taker_user_id="taker",
        maker_user_id="maker",
        symbol=Symbol(1, 2, "yes"),
        maker_symbol=Symbol(1, 2, "yes"),
        side=Side.BUY,
        maker_side=Side.SELL,
        price=price,
        maker_price=price,
        quantity=10,
        timestamp=timestamp,
        taker_is_bid=True,
    )


async def findings(path: Path) -> dict[str, Level]:
    backend = pmstore_backend()
    assert backend.diagnose is not None
    config = backend.config(pmstore.Url(scheme="duckdb", path=str(path)))
    found = await backend.diagnose(config, Examination(clock=lambda: 0))
    return {one.kind: one.level for one in found}


async def test_the_query_of_the_readme_makes_candles(tmp_path: Path) -> None:
    path = tmp_path / "trades.duckdb"
    prices = [5000, 7000, 4000, 6000]
    async with DuckTradeStore(path) as trades:
        await trades.append([trade(at, price, at) for at, price in enumerate(prices)])
        await trades.append([trade(9, 100, MINUTE_MS)])
    found = re.search(r"```sql\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    with duckdb.connect(str(path), read_only=True) as connection:
        candles = [row[2:] for row in connection.execute(found[1]).fetchall()]
    assert candles == [(5000, 7000, 4000, 6000, 40), (100, 100, 100, 100, 10)]


async def test_a_second_process_is_refused_with_a_remedy(tmp_path: Path) -> None:
    path = tmp_path / "trades.duckdb"
    assert (await findings(path))["schema-missing"] is Level.WARNING
    child = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == "open\n"
        with pytest.raises(WriterLocked, match="another process.*stop that one") as caught:
            await DuckTradeStore(path).__aenter__()
        assert caught.value.outcome is WriteOutcome.NOT_APPLIED
        assert (await findings(path))["locked"] is Level.WARNING
    finally:
        child.communicate("")
    assert (await findings(path))["reachable"] is Level.FINE


async def test_a_file_of_something_else_is_corrupt_and_says_where(tmp_path: Path) -> None:
    path = tmp_path / "trades.duckdb"
    path.write_bytes(b"no database at all" * 1000)
    with pytest.raises(CorruptData) as caught:
        await DuckTradeStore(path).__aenter__()
    assert str(path) in caught.value.where
    assert (await findings(path))["damaged"] is Level.ERROR


async def test_upkeep_counts_prunes_and_wipes(tmp_path: Path) -> None:
    backend = pmstore_backend()
    config = backend.config(pmstore.Url(scheme="duckdb", path=str(tmp_path / "trades.duckdb")))
    upkeep = backend.upkeep
    assert upkeep is not None
    assert await upkeep.contents(config) == {}
    assert await upkeep.prune_trades(config, 0) == 0
    async with DuckTradeStore(config.path) as trades:
        await trades.append([trade(number, 5000, number) for number in range(10)])
    assert await upkeep.prune_trades(config, 4) == 4
    assert await upkeep.contents(config) == {"trades": 6}
    await upkeep.wipe(config)
    assert list(tmp_path.iterdir()) == []
    await upkeep.wipe(config)
