"""Stacks of several kinds over one place share its channel, and each hears its own kind alone."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pmstore
from pmstore.backends.memory import MemoryChannel
from pmstore.layers.own_messages import OwnMessages
from pmstore.testing import samples


async def test_what_others_publish_on_the_channel_is_passed_over() -> None:
    shared = MemoryChannel()
    orders, trades = OwnMessages(shared, "orders"), OwnMessages(shared, "trades")
    async with orders.subscribe() as hearing, trades.subscribe() as other:
        await trades.publish(["one"])
        await orders.publish(["two", "three"])
        assert [await hearing.receive(), await hearing.receive()] == ["two", "three"]
        assert await other.receive() == "one"
    assert orders.payload_max < shared.payload_max


async def test_stacks_of_every_kind_over_one_file_go_on_hearing(tmp_path: Path) -> None:
    url = f"memory:// > sqlite:///{tmp_path}/one.db"
    trade_url = f"memory://?recent=100 > sqlite:///{tmp_path}/one.db"
    async with (
        pmstore.open_order_store(url) as orders,
        pmstore.open_account_store(url) as accounts,
        pmstore.open_event_store(url) as events,
        pmstore.open_trade_store(trade_url) as trades,
    ):
        await orders.save([samples.order(1)])
        await accounts.save([samples.balance("user_1", "cash", 1)])
        await events.save([(samples.event(1), 1)])
        await trades.append([samples.trade(1)])
        assert (await accounts.get([("user_1", "cash")]))["user_1", "cash"].version == 1
        # Another process changes all of them; each stack hears of its own.
        async with (
            pmstore.open_account_store(f"sqlite:///{tmp_path}/one.db") as elsewhere,
            pmstore.open_order_store(f"sqlite:///{tmp_path}/one.db") as elsewhere_orders,
        ):
            await elsewhere_orders.save([samples.order(1, version=2)])
            await elsewhere.save([samples.balance("user_1", "cash", 2)])
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            order = (await orders.get(["order_1"]))["order_1"]
            balance = (await accounts.get([("user_1", "cash")]))["user_1", "cash"]
            if (order.version, balance.version) == (2, 2):
                break
            await asyncio.sleep(0.01)
        assert (order.version, balance.version) == (2, 2)
    # A listener that died would have been raised by leaving.
