"""What an engine is told by its settings shows in what it answers."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from pmengine.assembly import open_exchange
from pmengine.commands import (
    AddOneEvent,
    Command,
    Deposit,
    Heartbeat,
    NewFees,
    NewMarket,
    OrderGroup,
    PostOnly,
    ResumeAllEvents,
    Split,
    SubmitOrder,
    decode_commands,
    encode_command,
)
from pmengine.engine import Engine
from pmengine.exchange import Exchange
from pmengine.facts import Refusal
from pmengine.settings import Settings, load_settings
from pmstore import CASH, OrderType, SettingsError, Side, Symbol
from pmstore.backends.memory import MemorySnapshotStore, MemoryStream
from pmstore.settings import StorageSettings
from pmstore.testing import ManualClock
from tests.services.rig import DEADLINE_S, NOW_MS, engine_on, flow


def settings(folder: Path, **changes: object) -> Settings:
    return Settings(storage=StorageSettings(data_dir=folder), **changes)  # type: ignore[arg-type]


def order(order_id: str, side: Side, *, post_only: bool = False) -> SubmitOrder:
    return SubmitOrder(
        order_id=order_id,
        symbol=Symbol(1, 1, "yes"),
        side=side,
        order_type=OrderType.LIMIT,
        user_id="ann" if side is Side.BUY else "bob",
        quantity=10,
        price=5_000,
        post_only=post_only,
    )


async def ask(exchange: Exchange, command: Command) -> Refusal | None:
    return (await exchange.front.send(command, DEADLINE_S)).refusal


async def open_market(exchange: Exchange, fees: NewFees | None = None) -> None:
    for command in (
        AddOneEvent(event_id=1, markets={1: NewMarket(token_ids=("yes", "no"), fees=fees)}),
        Deposit(id="d", user_id="ann", amount=1_000_000),
        Deposit(id="d", user_id="bob", amount=1_000_000),
        Split(id="s", user_id="bob", event_id=1, market_id=1, quantity=100),
    ):
        assert await ask(exchange, command) is None


async def test_after_a_start_on_a_log_only_post_only_orders_are_taken_for_a_while(
    tmp_path: Path,
) -> None:
    told = settings(tmp_path, post_only_ms=3_600_000)
    async with open_exchange(told) as first:
        await open_market(first)
        assert await ask(first, order("a1", Side.BUY)) is None
    async with open_exchange(told) as second:
        assert await ask(second, order("b1", Side.SELL)) is Refusal.PAUSED
        assert await ask(second, order("a2", Side.BUY, post_only=True)) is None
        assert await ask(second, ResumeAllEvents()) is None
        assert await ask(second, order("b2", Side.SELL)) is None
        assert set(second.engine.engine.state.orders) == {"a2"}


async def test_a_new_leader_says_once_on_a_durable_input_that_makers_come_first() -> None:
    clock = ManualClock(NOW_MS)
    async with (
        MemoryStream(clock=clock) as log,
        MemoryStream(clock=clock) as order_input,
        MemorySnapshotStore() as snapshots,
    ):
        on = {"order_input": order_input, "post_only_ms": 1_000}
        async with engine_on(log, snapshots, **on) as first:  # type: ignore[arg-type]
            await first.take(flow(0, 5))
            assert first.state.post_only_until_ms == 0
        sent = await order_input.append([encode_command(one) for one in flow(5, 10)])
        async with engine_on(log, snapshots, **on) as second:  # type: ignore[arg-type]
            async with asyncio.timeout(DEADLINE_S):
                while not second.state.post_only_until_ms:
                    await asyncio.sleep(0)
            assert second.state.post_only_until_ms == NOW_MS + 1_000
        entries = await order_input.read(sent, 10)
        said = [command for entry in entries for command in decode_commands(entry.payload)]
        assert [one for one in said if isinstance(one, PostOnly)] == [PostOnly(for_ms=1_000)]
        straight = Engine()
        straight.handle_batch(flow(0, 10), NOW_MS)
        assert set(second.state.orders) == set(straight.state.orders)


async def test_fees_go_to_the_account_that_is_named_and_the_laws_are_kept(tmp_path: Path) -> None:
    told = settings(tmp_path, fee_account="house", verify="stop")
    async with open_exchange(told) as exchange:
        await open_market(exchange, NewFees("linear", 0, 10_000))
        await ask(exchange, order("b1", Side.SELL))
        await ask(exchange, order("a1", Side.BUY))
        assert exchange.guard is not None
        async with asyncio.timeout(DEADLINE_S):
            while exchange.guard.place.number < exchange.engine.place.number:
                await asyncio.sleep(0)
        assert not exchange.failed.done()
        assert exchange.engine.engine.state.balances[CASH]["house"].available == 500


async def test_a_user_has_as_many_open_orders_as_are_allowed(tmp_path: Path) -> None:
    async with open_exchange(settings(tmp_path, open_orders_max=2)) as exchange:
        await open_market(exchange)
        assert await ask(exchange, order("a1", Side.BUY)) is None
        assert await ask(exchange, order("a2", Side.BUY)) is None
        assert await ask(exchange, order("a3", Side.BUY)) is Refusal.TOO_MANY_ORDERS


async def test_a_user_has_as_many_groups_and_sessions_as_are_allowed(tmp_path: Path) -> None:
    def group(name: str) -> OrderGroup:
        return OrderGroup(user_id="a", group=name, quantity_max=1, window_ms=1)

    def heartbeat(name: str) -> Heartbeat:
        return Heartbeat(user_id="a", session=name, timeout_ms=3_600_000)

    told = settings(tmp_path, groups_max=1, sessions_max=2)
    for life in range(2):
        async with open_exchange(told) as exchange:
            for command in (group("g"), heartbeat("s"), heartbeat("t")):
                assert await ask(exchange, command) is None, life
            assert await ask(exchange, group("h")) is Refusal.TOO_MANY_GROUPS
            assert await ask(exchange, heartbeat("u")) is Refusal.TOO_MANY_SESSIONS


def test_a_fee_account_that_nobody_can_have_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENGINE_FEE_ACCOUNT", "x" * 256)
    with pytest.raises(SettingsError, match="ENGINE_FEE_ACCOUNT"):
        load_settings()
