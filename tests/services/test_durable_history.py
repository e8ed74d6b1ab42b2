"""History goes on at what its stores have had: nothing is lost or stale, and nothing is mixed."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from pmengine.assembly import open_exchange
from pmengine.exchange import Exchange
from pmengine.sample import sample_command, sample_setup
from pmengine.services.history_ledger import journal_of
from pmengine.services.log import STORE_STREAM
from pmengine.services.recovery import CannotStart
from pmengine.settings import Settings
from pmstore import BalanceQuery, Holder, OrderQuery, OrderStatus, TradeQuery
from pmstore.queries import all as all_of
from pmstore.settings import StorageSettings
from pmstore.url import parse_stack
from tests.services.rig import DEADLINE_S

OPEN = {OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED}


def settings(folder: Path, **changes: Any) -> Settings:
    """
    The embedded mode with trades in the database file too, which answers soon if it is busy.

    Trimming lets whole segments go; these are finished with every other entry.
    """
    stores = parse_stack(f"sqlite:///{folder}/pmstore.db?busy_timeout_s=0.05")
    storage = StorageSettings(
        data_dir=folder,
        orders_url=stores,
        trades_url=stores,
        streams_url=parse_stack(f"file:{folder}/streams?segment_bytes_max=1024"),
    )
    return Settings(storage=storage, **changes)


def embedded(folder: Path) -> Settings:
    """The embedded mode as it is without any setting."""
    return Settings(storage=StorageSettings(data_dir=folder))


async def trade(exchange: Exchange, start: int, end: int) -> None:
    """Send commands of the sample flow and take their answers."""
    commands = [sample_command(index) for index in range(start, end)]
    for command in [*sample_setup(), *commands] if start == 0 else commands:
        await exchange.front.send(command, DEADLINE_S)


@contextmanager
def outage(folder: Path) -> Iterator[None]:
    """Somebody else writes to the database file and does not end: no other write gets in."""
    connection = sqlite3.connect(folder / "pmstore.db", isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")
    finally:
        connection.close()


async def picture(exchange: Exchange) -> dict[str, Any]:
    """What the stores hold once they are where the log is."""
    async with asyncio.timeout(DEADLINE_S):
        await exchange.history.reached(exchange.engine.place.number)
    history = exchange.history
    await reconcile(exchange)
    return {
        "orders": {one.id: one async for one in all_of(history.orders, OrderQuery())},
        "trades": {one.trade_id: one async for one in all_of(history.trades, TradeQuery())},
        "accounts": {
            (row.user_id, row.asset): row async for row in all_of(history.accounts, BalanceQuery())
        },
    }


async def reconcile(exchange: Exchange) -> None:
    """The lines of the ledger follow on each other and come to what the engine says."""
    assert exchange.history.ledger is not None
    state = exchange.engine.engine.state
    has: dict[tuple[str, str], tuple[int, int]] = {}
    async for line in journal_of(exchange.history.ledger, STORE_STREAM):
        if line.holder is Holder.USER:
            assert line.available_after is not None
            assert line.frozen_after is not None
            key = (line.account, line.asset)
            available, frozen = has.get(key, (0, 0))
            has[key] = (line.available_after, line.frozen_after)
            assert has[key] == (available + line.available, frozen + line.frozen), line
    rows = [row for by_user in state.balances.values() for row in by_user.values()]
    assert {key: row for key, row in has.items() if any(row)} == {
        (row.user_id, row.asset): (row.available, row.frozen) for row in rows
    }


def kept_in(folder: Path, name: str) -> list[Path]:
    """The files of a store: its own, and what stands beside it."""
    found = sorted(folder.glob(f"{name}*"))
    assert found
    return found


async def undisturbed(folder: Path, end: int) -> dict[str, Any]:
    """What the stores hold after the flow through *end* where nothing ever went wrong."""
    async with open_exchange(settings(folder)) as exchange:
        await trade(exchange, 0, end)
        return await picture(exchange)


def untimed(found: dict[str, Any]) -> dict[str, Any]:
    """Without the times, which two runs of one flow do not share."""
    return {
        "orders": {
            id: (one.status, one.version, one.filled_quantity, one.remaining_quantity)
            for id, one in found["orders"].items()
        },
        "trades": {id: (one.quantity, one.price) for id, one in found["trades"].items()},
        "accounts": {
            key: (row.available, row.frozen, row.version) for key, row in found["accounts"].items()
        },
    }


async def test_what_happened_in_an_outage_behind_all_snapshots_is_on_record_after_a_restart(
    tmp_path: Path,
) -> None:
    data = tmp_path / "data"
    async with open_exchange(settings(data)) as exchange:
        await trade(exchange, 0, 80)
        await picture(exchange)
        behind = exchange.history.place.number
    start = 80
    with ExitStack() as down:
        async with open_exchange(settings(data, shutdown_timeout_s=0.1)) as exchange:
            down.enter_context(outage(data))
            for _ in range(4):
                await trade(exchange, start, start + 60)
                start += 60
                while await exchange.store.catch_up():
                    pass
                await exchange.store.save()
            assert exchange.history.place.number <= behind
            ends = await exchange.log.ends()
            assert ends is not None
            # It was trimmed, and not beyond the entry that the stores stand on.
            assert behind - 8 < ends[0][1].number <= behind
    async with open_exchange(settings(data)) as exchange:
        found = await picture(exchange)
        state = exchange.engine.engine.state
        assert {id for id, one in found["orders"].items() if one.status in OPEN} == set(
            state.orders
        )
        digest = exchange.engine.engine.state_digest()
    assert untimed(found) == untimed(await undisturbed(tmp_path / "twin", start))
    async with open_exchange(settings(data)) as exchange:
        assert await picture(exchange) == found
        assert exchange.engine.engine.state_digest() == digest


async def test_stores_that_were_removed_are_made_again_from_all_that_the_log_holds(
    tmp_path: Path,
) -> None:
    for start in range(0, 240, 120):
        async with open_exchange(embedded(tmp_path)) as exchange:
            await trade(exchange, start, start + 120)
            found = await picture(exchange)
    for path in kept_in(tmp_path, "pmstore.db") + kept_in(tmp_path, "trades.log"):
        path.unlink()
    async with open_exchange(embedded(tmp_path)) as exchange:
        assert await picture(exchange) == found


@pytest.mark.parametrize("left", ["pmstore.db", "trades.log", "both"])
async def test_stores_that_know_more_than_the_log_stop_the_start(left: str, tmp_path: Path) -> None:
    async with open_exchange(embedded(tmp_path)) as exchange:
        await trade(exchange, 0, 200)
        found = await picture(exchange)
    for name in ("store", "streams"):
        shutil.rmtree(tmp_path / name)
    gone = {"pmstore.db": ["trades.log"], "trades.log": ["pmstore.db"]}.get(left, [])
    for path in [path for name in gone for path in kept_in(tmp_path, name)]:
        path.unlink()
    for _ in range(2):
        with pytest.raises(CannotStart, match="move these stores away"):
            async with open_exchange(embedded(tmp_path)):
                raise AssertionError("it started")
    assert found["trades"]
    for path in [*tmp_path.glob("pmstore.db*"), *tmp_path.glob("trades.log*")]:
        path.unlink()
    async with open_exchange(embedded(tmp_path)) as exchange:
        assert not any((await picture(exchange)).values())


async def test_stores_of_another_run_of_the_log_stop_the_start(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for folder, end in ((one, 60), (other, 200)):
        async with open_exchange(settings(folder)) as exchange:
            await trade(exchange, 0, end)
            await picture(exchange)
    for name in ("store", "streams"):
        shutil.rmtree(one / name)
        shutil.copytree(other / name, one / name)
    with pytest.raises(CannotStart, match="a store has had the log through"):
        async with open_exchange(settings(one)):
            raise AssertionError("it started")


async def test_a_log_that_lost_what_the_stores_have_stops_the_start(tmp_path: Path) -> None:
    data, backup = tmp_path / "data", tmp_path / "backup"
    async with open_exchange(settings(data)) as exchange:
        await trade(exchange, 0, 60)
        await picture(exchange)
    backup.mkdir()
    for name in ("store", "streams"):
        shutil.copytree(data / name, backup / name)
    async with open_exchange(settings(data)) as exchange:
        await trade(exchange, 60, 120)
        await picture(exchange)
    for name in ("store", "streams"):
        shutil.rmtree(data / name)
        shutil.copytree(backup / name, data / name)
    with pytest.raises(CannotStart):
        async with open_exchange(settings(data)):
            raise AssertionError("it started")


@pytest.mark.parametrize("seen", [0, 40])
async def test_a_store_that_lags_behind_a_gap_of_the_log_is_corrected(
    seen: int, tmp_path: Path
) -> None:
    """With 40 commands more it has seen something of what the log lost, and stands in the gap."""
    data, backup = tmp_path / "data", tmp_path / "backup"
    async with open_exchange(settings(data)) as exchange:
        await trade(exchange, 0, 75)
        lagging = await picture(exchange)
    shutil.copytree(data / "streams", backup)
    with ExitStack() as down:
        async with open_exchange(settings(data, shutdown_timeout_s=0.1)) as exchange:
            await trade(exchange, 75, 75 + seen)
            lagging = await picture(exchange)
            down.enter_context(outage(data))
            for start in (75, 150, 225):
                await trade(exchange, max(start, 75 + seen), start + 75)
                while await exchange.store.catch_up():
                    pass
                await exchange.store.save()
            state = exchange.engine.engine.state
            ended = {id for id, one in lagging["orders"].items() if one.status in OPEN} - set(
                state.orders
            )
            assert ended
    shutil.rmtree(data / "streams")
    shutil.copytree(backup, data / "streams")
    with ExitStack() as down:
        async with open_exchange(settings(data, shutdown_timeout_s=0.1)) as exchange:
            assert exchange.recovered.lost_tail
            down.enter_context(outage(data))
            await trade(exchange, 300, 320)
    for end in (360, 400):
        async with open_exchange(settings(data)) as exchange:
            assert not exchange.recovered.lost_tail
            await trade(exchange, end - 40, end)
            found = await picture(exchange)
            state = exchange.engine.engine.state
            shown = {id: one for id, one in found["orders"].items() if one.status in OPEN}
            assert shown == state.orders
            rows = {
                (row.user_id, row.asset): row
                for by_user in state.balances.values()
                for row in by_user.values()
            }
            nonzero = {k: row for k, row in found["accounts"].items() if row.available + row.frozen}
            assert nonzero == rows
            assert not ended & set(shown)
