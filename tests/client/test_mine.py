"""What a user has is mirrored: every change once and in order, over lost connections too."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest

from pmengine.client import Client, Mine, OwnChange, Refused, Unavailable
from pmengine.gateways.auth import Scope
from pmstore.testing import FaultProxy
from tests.client.hops import hop
from tests.client.orders import buy
from tests.gateways.exchange import Running
from tests.gateways.guarded import becomes, guarded_exchange
from tests.gateways.test_user_shards import sharded

WAIT_S = 60.0


async def until(changes: AsyncIterator[OwnChange], *kinds: str) -> OwnChange:
    """The next change of one of these kinds or events."""
    async with asyncio.timeout(WAIT_S):
        async for change in changes:
            if change.kind in kinds or change.event in kinds:
                return change
    raise AssertionError("the changes ended")


async def assert_right(mine: Mine, client: Client, running: Running) -> None:
    """It becomes live and has what the API shows."""
    newest = running.exchange.users.update_id("u1")
    async with asyncio.timeout(WAIT_S):
        while not mine.is_live or mine.update_ids[0] < newest:
            await asyncio.sleep(0.01)
    there = {one.id: one async for one in client.orders(status="active")}
    assert mine.orders.keys() == there.keys()
    for id, order in there.items():
        assert mine.orders[id].remaining_quantity == order.remaining_quantity
        assert mine.orders[id].price == order.price
    account = await client.account()
    held = {one.token_id: (one.available, one.frozen) for one in account.positions}
    held["cash"] = (account.cash.available, account.cash.frozen)
    assert {one.asset: (one.available, one.frozen) for one in mine.balances.values()} == held


async def test_orders_and_balances_follow_what_happens(client: Client, running: Running) -> None:
    async with client.mine() as mine:
        changes = mine.changes()
        placed = await client.place(buy(quantity=2))
        created = await until(changes, "open_order_created")
        assert created.order_id == placed.order.id
        assert created.order is not None
        assert created.order.quantity == 2
        cash = await until(changes, "position_updated")
        assert cash.balance is not None
        assert (cash.balance.asset, cash.balance.frozen) == ("cash", 1)
        async with Client(running.url, user_id="u2") as other:
            await other.place(buy(side="sell", quantity=2))
        filled = await until(changes, "open_order_filled")
        assert filled.order is not None
        assert filled.order.status == "filled"
        await assert_right(mine, client, running)
        assert mine.orders == {}
        assert mine.balances["y1"].available == Decimal(1002)


async def test_after_a_lost_connection_it_goes_on_without_loss(
    client: Client, running: Running
) -> None:
    chance = Random(3)
    port = int(running.url.rpartition(":")[2])
    with FaultProxy("127.0.0.1", port) as proxy:
        async with (
            Client(f"http://127.0.0.1:{proxy.port}", user_id="u1") as watcher,
            watcher.mine() as mine,
        ):
            changes = mine.changes()
            ids = list(mine.update_ids)
            for _ in range(4):
                proxy.cut()
                for _ in range(5):
                    placed = await client.place(buy(price=Decimal(chance.randint(1, 90)) / 100))
                    if placed.order.is_open and chance.random() < 0.5:
                        await client.cancel(placed.order.id)
                assert (await until(changes, "stale")).kind == "stale"
                assert (await until(changes, "resumed", "snapshot")).kind == "resumed"
                await assert_right(mine, client, running)
            newest = mine.update_ids[0]
            told = [one async for one in _through(mine, changes, newest, ids[0])]
            assert not any(one.missed for one in told)


async def _through(
    mine: Mine, changes: AsyncIterator[OwnChange], newest: int, before: int
) -> AsyncIterator[OwnChange]:
    """The changes that wait to be taken, through *newest*."""
    async for change in changes:
        if change.kind in ("order", "position"):
            assert change.update_id > before
            before = change.update_id
            yield change
        if change.update_id >= newest:
            return


async def test_a_gap_is_seen_and_healed_by_a_snapshot(client: Client, running: Running) -> None:
    async with (
        hop(running.url) as between,
        Client(between.url, user_id="u1") as watcher,
        watcher.mine() as mine,
    ):
        changes = mine.changes()
        between.pass_as = lambda said: (
            None if said["type"] == "position_change" and not between.changed else said
        )
        await client.place(buy())
        await client.place(buy(price="0.4"))
        await until(changes, "stale")
        assert (await until(changes, "snapshot")).missed
        await assert_right(mine, client, running)
        assert between.changed == 1


async def test_each_shard_goes_on_for_itself_and_cash_is_added_up(running: Running) -> None:
    async with sharded(running) as one:
        url = one.url.removesuffix("/user").replace("ws", "http", 1)
        with FaultProxy("127.0.0.1", int(url.rpartition(":")[2])) as proxy:
            async with (
                Client(f"http://127.0.0.1:{proxy.port}", user_id="u1") as client,
                client.mine() as mine,
            ):
                changes = mine.changes()
                for shard in (0, 1, 1):
                    number = await one.publish(shard)
                    change = await until(changes, "position")
                    assert (change.shard, change.update_id) == (shard, number)
                assert mine.update_ids == (1, 2)
                assert mine.balances["cash"].available == 1 + 2
                proxy.cut()
                assert (await until(changes, "stale")).kind == "stale"
                await one.publish(1)
                await one.publish(0)
                told = {(0, 2), (1, 3)}
                while told:
                    change = await until(changes, "position", "snapshot")
                    told.remove((change.shard, change.update_id))
                    assert not change.missed
                assert mine.balances["cash"].available == 2 + 3


async def test_a_key_is_let_in_and_a_wrong_one_is_told_why(tmp_path: Path) -> None:
    async with guarded_exchange(tmp_path) as guarded:
        await guarded.open_market("u1")
        _, key = await guarded.key("u1", Scope.TRADE)
        async with Client(guarded.url, api_key=key) as client:
            await becomes(guarded, {"X-API-Key": key}, 200)
            assert (await client.account()).user_id == "u1"
            async with client.mine() as mine, client.book(1, 1) as book:
                changes = mine.changes()
                placed = await client.place(buy())
                assert (await until(changes, "order")).order_id == placed.order.id
                assert placed.order.id in mine.orders
                assert book.is_live
            with pytest.raises(Refused) as refused:
                await client.pause()
            assert (refused.value.status, refused.value.code) == (403, "SCOPE_MISSING")
        token = guarded.issuer.token("u1")
        async with Client(guarded.url, token=token) as client, client.mine() as mine:
            assert mine.balances["cash"].available > 0
        async with Client(guarded.url, api_key="pmk_wrong") as client:
            with pytest.raises(Refused) as refused:
                async with client.mine():
                    pass
            assert refused.value.code == "BAD_CREDENTIALS"
            with pytest.raises(Refused) as refused:
                await client.account()
            assert (refused.value.status, refused.value.code) == (401, "BAD_CREDENTIALS")


async def test_who_has_too_many_feeds_open_waits_until_one_is_closed(tmp_path: Path) -> None:
    async with guarded_exchange(tmp_path, API_SOCKETS_PER_ADDRESS="1") as guarded:
        await guarded.open_market("u1")
        token = guarded.issuer.token("u1")
        async with Client(guarded.url, token=token, deadline_s=1) as client, client.mine():
            with pytest.raises(Unavailable):
                async with client.book(1, 1):
                    pass
        async with Client(guarded.url, token=token) as client, client.book(1, 1) as book:
            assert book.is_live
