"""A whole exchange that is stopped goes on where it was, with everything that it answered."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from pmengine.assembly import open_exchange
from pmengine.commands import CancelOrder, SubmitOrder
from pmengine.exchange import Exchange
from pmengine.facts import Refusal
from pmengine.invariants import engine_violations
from pmengine.sample import SAMPLE_EVENT, SAMPLE_MARKETS, sample_command, sample_setup
from pmengine.services.recovery import CannotStart
from pmengine.settings import Settings
from pmstore import OrderQuery, TradeQuery, WriterLocked
from pmstore.queries import all as all_of
from pmstore.settings import StorageSettings
from tests.services.rig import DEADLINE_S
from tests.services.test_foreign_snapshot import LISTED


def settings(folder: Path, **changes: object) -> Settings:
    return Settings(storage=StorageSettings(data_dir=folder), **changes)  # type: ignore[arg-type]


async def trade(exchange: Exchange, start: int, end: int) -> None:
    """Send commands of the sample flow and take their answers."""
    if start == 0:
        for command in sample_setup():
            answer = await exchange.front.send(command, DEADLINE_S)
            assert answer.refusal is None
    await asyncio.gather(
        *(exchange.front.send(sample_command(index), DEADLINE_S) for index in range(start, end))
    )


async def test_a_stop_is_no_close_of_the_market(tmp_path: Path) -> None:
    async with open_exchange(settings(tmp_path)) as first:
        await trade(first, 0, 300)
        orders = dict(first.engine.engine.state.orders)
        digest = first.engine.engine.state_digest()
        await first.history.reached(first.engine.place.number)
        depths = [first.depth.depth((SAMPLE_EVENT, market_id)) for market_id in SAMPLE_MARKETS]
        trades = [one async for one in all_of(first.history.trades, TradeQuery())]
    assert orders
    async with open_exchange(settings(tmp_path)) as second:
        assert second.recovered.folded == 0
        assert second.engine.engine.state_digest() == digest
        assert second.engine.engine.state.orders == orders
        assert engine_violations(second.engine.engine) == []
        # History fills its stores while orders are taken already.
        await second.history.reached(second.recovered.place.number)
        assert [one async for one in all_of(second.history.trades, TradeQuery())] == trades
        kept = {one.id: one async for one in all_of(second.history.orders, OrderQuery())}
        assert {order_id: kept[order_id] for order_id in orders} == orders
        for market_id, depth in zip(SAMPLE_MARKETS, depths, strict=True):
            again = second.depth.depth((SAMPLE_EVENT, market_id))
            assert (again.bids, again.asks) == (depth.bids, depth.asks)
            assert (again.update_id, again.last_price) == (depth.update_id, depth.last_price)
        await trade(second, 300, 400)
        assert engine_violations(second.engine.engine) == []
        digest = second.engine.engine.state_digest()
    async with open_exchange(settings(tmp_path)) as third:
        assert third.engine.engine.state_digest() == digest
        assert third.store.state.digest() == digest


async def test_who_asks_again_after_a_restart_gets_the_same_outcome(tmp_path: Path) -> None:
    async with open_exchange(settings(tmp_path)) as exchange:
        await trade(exchange, 0, 50)
        orders = dict(exchange.engine.engine.state.orders)
    async with open_exchange(settings(tmp_path)) as exchange:
        for index in range(50):
            command = sample_command(index)
            if isinstance(command, SubmitOrder):
                answer = await exchange.front.send(command, DEADLINE_S)
                assert answer.answered.repeat
            elif isinstance(command, CancelOrder):
                answer = await exchange.front.send(command, DEADLINE_S)
                assert answer.refusal in (Refusal.UNKNOWN_ORDER, Refusal.NOT_OWNER)
        assert exchange.engine.engine.state.orders == orders


@pytest.mark.parametrize("lost", ["the tail", "everything"])
async def test_a_log_that_lost_what_a_snapshot_has_goes_on_above_it(
    lost: str, tmp_path: Path
) -> None:
    data, backup = tmp_path / "data", tmp_path / "backup"
    async with open_exchange(settings(data)) as exchange:
        await trade(exchange, 0, 100)
    shutil.copytree(data / "streams", backup)
    async with open_exchange(settings(data)) as exchange:
        await trade(exchange, 100, 200)
        digest = exchange.engine.engine.state_digest()
        number = exchange.engine.place.number
        await exchange.history.reached(number)
        trades = [one async for one in all_of(exchange.history.trades, TradeQuery())]
    shutil.rmtree(data / "streams")
    if lost == "the tail":
        shutil.copytree(backup, data / "streams")
    async with open_exchange(settings(data)) as exchange:
        assert exchange.recovered.lost_tail
        assert exchange.engine.engine.state_digest() == digest
        await trade(exchange, 200, 300)
        assert exchange.engine.place.number > number + 1
        await exchange.history.reached(exchange.engine.place.number)
        found = [one async for one in all_of(exchange.history.trades, TradeQuery())]
        assert found[-len(trades) :] == trades
        assert len(found) > len(trades)
        for order_id, order in exchange.engine.engine.state.orders.items():
            assert (await exchange.history.orders.get([order_id]))[order_id] == order
        digest = exchange.engine.engine.state_digest()
    async with open_exchange(settings(data)) as exchange:
        assert not exchange.recovered.lost_tail
        assert exchange.engine.engine.state_digest() == digest
        assert engine_violations(exchange.engine.engine) == []


async def test_a_second_exchange_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    async with open_exchange(settings(tmp_path)):
        with pytest.raises(WriterLocked):
            async with open_exchange(settings(tmp_path)):
                raise AssertionError("two exchanges write to one log")


async def test_a_failed_service_is_told_and_orders_are_no_longer_taken(tmp_path: Path) -> None:
    async with open_exchange(settings(tmp_path)) as exchange:
        await trade(exchange, 0, 10)
        assert exchange.readiness()[0]
        # Somebody else writes to our log.
        await exchange.log.stream.append([b"{}"])
        async with asyncio.timeout(DEADLINE_S):
            await asyncio.wait({exchange.failed})
        assert exchange.failed.exception() is not None
        assert not exchange.readiness()[0]


async def test_a_foreign_snapshot_with_orders_needs_the_ledger_off(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    lasting = LISTED.replace("2024-01-01T12:00:00Z", "2999-01-01T12:00:00Z")
    path = tmp_path / "store" / "orders_snapshot.json"
    path.write_text(lasting, encoding="utf-8")
    with pytest.raises(CannotStart, match="ENGINE_LEDGER=off"):
        async with open_exchange(settings(tmp_path)):
            raise AssertionError("it started")
    async with open_exchange(settings(tmp_path, ledger=False)) as exchange:
        await exchange.history.reached(0)
        kept = await exchange.history.orders.get(["order_123"])
        assert kept["order_123"].remaining_quantity == 100
        assert exchange.depth.depth((1, 1)).best_bids() == [(5_000, 100)]
        cancel = CancelOrder(order_id="order_123", user_id="user_456")
        assert (await exchange.front.send(cancel, DEADLINE_S)).refusal is None
    async with open_exchange(settings(tmp_path, ledger=False)) as exchange:
        assert not exchange.engine.engine.state.orders
