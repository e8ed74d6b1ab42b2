"""Notes and messages: what lets Redis be the truth under caches."""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path

import pytest

from pmstore.backends.redis import (
    RedisAccountStore,
    RedisConfig,
    RedisEventStore,
    RedisOrderStore,
    RedisTradeStore,
    redis_config,
)
from pmstore.errors import VersionConflict
from pmstore.models.position import Position
from pmstore.protocols.outbox import CACHES, Note
from pmstore.testing.samples import balance, event, order, trade
from pmstore.testing.servers import RedisCluster, RedisServer
from pmstore.url import parse_url


def here(server: RedisServer | RedisCluster) -> RedisConfig:
    """A place of its own."""
    return redis_config(parse_url(f"{server.url}?prefix={secrets.token_hex(8)}&timeout_s=2"))


def keys(notes: list[Note[str]]) -> list[tuple[str | None, int]]:
    return [(note.key, note.least) for note in notes]


async def test_every_change_that_took_effect_leaves_one_note_in_its_own_step(
    redis_server: RedisServer,
) -> None:
    async with RedisOrderStore(here(redis_server)) as orders:
        await orders.save([order(0)])
        assert await orders.outbox.keep(CACHES)
        assert not await orders.outbox.keep(CACHES)
        held = await orders.save_noted([order(0), order(1, version=3), order(2)])
        assert held == {"order_0", "order_1", "order_2"}
        assert await orders.save_noted([order(1, version=2)]) == set()
        with pytest.raises(VersionConflict):
            await orders.save([order(3), order(2, price=1)])
        await orders.remove([("order_2", 2**63 - 1), ("order_9", 4)])
        at = Position(1, 0)
        await orders.apply([order(5, version=7)], source="a", position=at)
        await orders.apply([order(6)], source="a", position=at)
        notes = await orders.outbox.notes(CACHES, 10)
        assert keys(notes) == [
            ("order_1", 3),
            ("order_2", 1),
            ("order_2", 2**63),
            ("order_9", 5),
            ("order_5", 7),
        ]
        assert [note.seq for note in notes] == sorted({note.seq for note in notes})
        assert await orders.load(["order_1"]) == {"order_1": order(1, version=3)}


async def test_notes_are_forgotten_one_by_one_and_buried_with_their_reason(
    redis_server: RedisServer,
) -> None:
    async with RedisOrderStore(here(redis_server)) as orders:
        outbox = orders.outbox
        await outbox.keep("a")
        await outbox.keep("b")
        await orders.save([order(number) for number in range(4)])
        first, second, third, fourth = await outbox.notes("a", 10)
        await outbox.forget("a", [third, first])
        await outbox.bury("a", [fourth, second], "no such thing")
        assert await outbox.notes("a", 10) == []
        assert await outbox.notes("a", 10, dead=True) == [
            note._replace(reason="no such thing") for note in (second, fourth)
        ]
        await outbox.forget("a", [second], everything=True)
        assert keys(await outbox.notes("a", 10)) == [(None, 0)]
        assert (await outbox.backlog("a")).depth == 1
        assert (await outbox.backlog("b")).depth == 4
        assert 0 <= (await outbox.backlog("b")).lag_s < 60
        assert await outbox.keep("a", False)
        assert await outbox.notes("a", 10) == await outbox.notes("a", 10, dead=True) == []
        await orders.save([order(9)])
        assert (await outbox.backlog("a")).depth == 0


async def test_each_kind_of_record_notes_its_own_key(redis_server: RedisServer) -> None:
    config = here(redis_server)
    async with (
        RedisAccountStore(config) as accounts,
        RedisEventStore(config) as events,
        RedisTradeStore(config) as trades,
    ):
        for store in (accounts, events, trades):
            await store.outbox.keep(CACHES)
        row = balance("user_1", "cash", version=9)
        assert await accounts.save_noted([row]) == {(row.user_id, row.asset)}
        assert await events.save_noted([(event(3), 8)]) == {3}
        await trades.append([trade(5), trade(4)])
        await trades.append([trade(5)])
        [note] = await accounts.outbox.notes(CACHES, 10)
        assert (note.key, note.least) == ((row.user_id, row.asset), row.version)
        assert [(n.key, n.least) for n in await events.outbox.notes(CACHES, 10)] == [(3, 8)]
        [appended] = await trades.outbox.notes(CACHES, 10)
        assert (appended.key, appended.least) == ("trades", trade(4).timestamp)
        assert await events.load([3, 4]) == {3: (event(3), 8)}


async def test_messages_come_to_everybody_in_one_order(redis_cluster: RedisCluster) -> None:
    config = here(redis_cluster)
    async with (
        RedisOrderStore(config) as one,
        RedisOrderStore(config) as other,
        one.channel.subscribe() as first,
        other.channel.subscribe() as second,
    ):
        await asyncio.gather(
            *(store.channel.publish(["a", "b", "é" * 10_000]) for store in (one, other))
        )
        seen = [await first.receive() for _ in range(6)]
        assert [await second.receive() for _ in range(6)] == seen
        assert sorted(map(str, seen)) == sorted(["a", "b", "é" * 10_000] * 2)


async def test_a_lost_subscription_says_so_once_and_goes_on(tmp_path: Path) -> None:
    with RedisServer(tmp_path / "server") as server:
        async with (
            RedisOrderStore(here(server)) as orders,
            orders.channel.subscribe() as subscription,
        ):
            await orders.channel.publish(["before"])
            assert await subscription.receive() == "before"
            server.kill()
            assert await subscription.receive() is None
            waiting = asyncio.ensure_future(subscription.receive())
            server.restart()
            async with asyncio.timeout(60):
                while not waiting.done():
                    await orders.channel.publish(["after"])
                    await asyncio.wait([waiting], timeout=0.05)
            assert await waiting == "after"


async def test_a_frozen_server_is_a_lost_subscription(tmp_path: Path) -> None:
    with RedisServer(tmp_path / "server") as server:
        async with (
            RedisOrderStore(here(server)) as orders,
            orders.channel.subscribe() as subscription,
        ):
            server.pause()
            async with asyncio.timeout(60):
                assert await subscription.receive() is None
            server.resume()
