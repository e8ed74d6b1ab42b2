"""What is particular to the stores in Redis: names, round trips, expiry, slots."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager

import redis

from pmstore.backends.redis import (
    RedisAccountStore,
    RedisOrderStore,
    RedisSnapshotStore,
    RedisTradeStore,
)
from pmstore.models.order import OrderStatus, Side
from pmstore.models.query import BalanceQuery, OrderQuery, TradeQuery
from pmstore.testing import ManualClock
from pmstore.testing.samples import GOOD_IDS, START_MS, balance, order, snapshot, trade
from pmstore.testing.servers import RedisCluster, RedisServer
from tests.redis.places import here

LONG_S = 30.0
TOMBSTONE_S = 300.0


def asking(server: RedisServer) -> redis.Redis:
    return redis.Redis.from_url(server.url)


@contextmanager
def calls(client: redis.Redis) -> Iterator[dict[str, int]]:
    """How often each command was called from outside of scripts in the block."""

    def counted() -> dict[str, int]:
        return {name: about["calls"] for name, about in client.info("commandstats").items()}

    before, made = counted(), dict[str, int]()
    yield made
    for name, count in counted().items():
        if count > before.get(name, 0):
            made[name.removeprefix("cmdstat_")] = count - before.get(name, 0)


async def test_the_seeds_names_hold_without_a_prefix(redis_server: RedisServer) -> None:
    config = here(redis_server, prefix="")
    with asking(redis_server) as server:
        async with RedisOrderStore(config) as orders, RedisTradeStore(config) as trades:
            await orders.save([order(1)])
            await trades.append([trade(7)])
            document = json.loads(server.get("order:order_1") or b"")
            assert (document["id"], document["user_id"]) == ("order_1", order(1).user_id)
            member = f"{order(1).order_num:020d}order_1".encode()
            for key in (f"user_orders:{order(1).user_id}", "side_orders:Buy"):
                assert server.zrange(key, 0, -1, withscores=True) == [(member, 0.0)]
            recent = server.zrange("trades:recent", 0, -1, withscores=True)
            assert recent == [(f"{trade(7).timestamp:020d}{7:020d}".encode(), 0.0)]
            await orders.remove([("order_1", 1)])
            assert not server.exists("order:order_1", "side_orders:Buy")
            server.delete(*server.scan_iter("orders:*"), *server.scan_iter("trade*"))
            server.delete(*server.scan_iter("*_trades:*"))


async def test_a_batch_is_one_command_and_a_page_is_one(redis_server: RedisServer) -> None:
    with asking(redis_server) as server:
        async with RedisOrderStore(here(redis_server)) as orders:
            batch = [order(number) for number in range(1000)]
            await orders.save(batch[:1])
            await orders.find(OrderQuery())
            await orders.remove([("nobody", 1)])
            for call in (
                lambda: orders.save(batch),
                lambda: orders.find(OrderQuery(limit=1000)),
                lambda: orders.find(OrderQuery(user_id="user_1", statuses=[OrderStatus.NEW])),
                lambda: orders.remove([(one.id, 1) for one in batch]),
            ):
                with calls(server) as made:
                    await call()
                assert made.get("evalsha") == 1
                assert "eval" not in made
            with calls(server) as made:
                await orders.get([one.id for one in batch])
            assert made.get("mget") == 1


async def test_a_question_without_an_index_takes_a_round_trip_for_5000_orders(
    redis_server: RedisServer,
) -> None:
    with asking(redis_server) as server:
        async with RedisOrderStore(here(redis_server)) as orders:
            for at in range(0, 12_000, 1000):
                await orders.save([order(number) for number in range(at, at + 1000)])
            question = OrderQuery(start_ms=START_MS + 11_999, side=Side.BUY)
            await orders.find(OrderQuery())
            with calls(server) as made:
                found = await orders.find(OrderQuery(start_ms=START_MS + 11_990))
            assert [one.id for one in found.items] == [f"order_{n}" for n in range(11_990, 12_000)]
            assert made["evalsha"] == 3
            with calls(server) as made:
                assert [one.id for one in (await orders.find(question)).items] == ["order_11999"]
            assert made["evalsha"] == 2, "the index of a side holds half of them"
            with calls(server) as made:
                assert (await orders.find(OrderQuery(user_id="nobody"))).items == ()
            assert made["evalsha"] == 1


async def test_every_key_of_a_cluster_is_in_the_slot_of_its_shard(
    redis_cluster: RedisCluster,
) -> None:
    other = here(redis_cluster, shard=3)
    nodes = set()
    for config in (here(redis_cluster), other):
        async with RedisOrderStore(config) as orders, RedisAccountStore(config) as accounts:
            held = [
                order(number, id=id, user_id=id, client_order_id=f"{id}}}")
                for number, id in enumerate(GOOD_IDS)
                if len(id) < 100
            ]
            await orders.save(held)
            await accounts.save([balance("{pm1}", "}{")])
            assert len((await orders.find(OrderQuery(user_id="{pm0}"))).items) == 1
            assert len((await accounts.find(BalanceQuery(asset="}{"))).items) == 1
        keys = {node.port: list(_keys(node, config.key_prefix)) for node in redis_cluster.nodes}
        [port] = [port for port, names in keys.items() if names]
        nodes.add(port)
        assert all(name.startswith(b"{pm%d}" % config.shard) for name in keys[port])
    assert len(nodes) == 2, "these two shards are on different nodes"


def _keys(node: RedisServer, prefix: str) -> Iterator[bytes]:
    with asking(node) as client:
        yield from client.scan_iter(f"{prefix}*")


async def test_what_expires_leaves_no_ghost(redis_server: RedisServer) -> None:
    config = here(redis_server, ttl_s=LONG_S, tombstone_s=TOMBSTONE_S)
    clock = ManualClock()
    with asking(redis_server) as server:
        async with RedisOrderStore(config, clock=clock) as orders:
            await orders.save([order(number) for number in range(20)])
            lives = {key: server.pttl(key) for key in server.scan_iter(f"{config.key_prefix}*")}
            assert all(0 < life <= 2 * TOMBSTONE_S * 1000 for life in lives.values()), lives
            clock.move(LONG_S - 1)
            await orders.save([order(3, version=2)])
            clock.move(2)
            await orders.save([order(99)])
            found = (await orders.find(OrderQuery())).items
            assert found == (order(3, version=2), order(99))
            for key in server.scan_iter(f"{config.key_prefix}*_orders:*"):
                assert {member[20:] for member in server.zrange(key, 0, -1)} <= {
                    b"order_3",
                    b"order_99",
                }
            assert server.hlen(f"{config.key_prefix}orders:headers") == 2


async def test_a_tombstone_outlives_the_orders_of_a_store_that_forgets(
    redis_server: RedisServer,
) -> None:
    config = here(redis_server, ttl_s=LONG_S, tombstone_s=TOMBSTONE_S)
    with asking(redis_server) as server:
        async with RedisOrderStore(config) as orders:
            await orders.save([order(1)])
            await orders.remove([("order_1", 4)])
            await orders.save([order(2)])
            for name in ("orders:headers", "orders:due"):
                assert server.pttl(config.key_prefix + name) > TOMBSTONE_S * 1000


async def test_what_the_server_let_expire_is_absent_at_once(redis_server: RedisServer) -> None:
    config = here(redis_server, ttl_s=LONG_S)
    with asking(redis_server) as server:
        async with RedisOrderStore(config) as orders:
            await orders.save([order(1), order(2)])
            server.pexpire(f"{config.key_prefix}order:order_1", 1)
            async with asyncio.timeout(60):
                while await orders.get(["order_1"]):
                    pass
            assert (await orders.find(OrderQuery())).items == (order(2),)
            await orders.save([order(1)])
            assert (await orders.find(OrderQuery())).items == (order(1), order(2))


async def test_trades_beyond_the_window_leave_nothing(redis_server: RedisServer) -> None:
    config = here(redis_server, recent=10)
    with asking(redis_server) as server:
        async with RedisTradeStore(config) as trades:
            await trades.append([trade(number) for number in range(500)])
            assert len((await trades.find(TradeQuery())).items) == 10
            assert server.hlen(f"{config.key_prefix}trades:headers") == 10
            sizes = {
                key: server.zcard(key) for key in server.scan_iter(f"{config.key_prefix}*_trades:*")
            }
            assert max(sizes.values()) <= 10
            documents = list(server.scan_iter(f"{config.key_prefix}trade:*"))
            assert len(documents) == 10


async def test_an_unfinished_snapshot_is_none_and_forgotten(redis_server: RedisServer) -> None:
    config = here(redis_server)
    with asking(redis_server) as server:
        async with RedisSnapshotStore(config) as snapshots:
            await snapshots.save(snapshot(1))
            server.rpush(f"{config.key_prefix}snapshot:000000000002", "{")
            server.incr(f"{config.key_prefix}snapshots:count")
            assert len(await snapshots.list()) == 1
            info = await snapshots.save(snapshot(3))
            assert info.name == "000000000003"
            assert server.ttl(f"{config.key_prefix}snapshot:{info.name}") == -1
