"""A cluster of real nodes: a slot that moves, a node that dies."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from redis.crc import key_slot

from pmstore.backends.redis import RedisCache, RedisConfig, RedisOrderStore
from pmstore.backends.redis.cache import STORED_ORDERS
from pmstore.errors import StoreUnavailable
from pmstore.models.query import OrderQuery
from pmstore.testing.samples import order
from pmstore.testing.servers import RedisCluster, RedisServer
from tests.redis.places import here


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[RedisCluster]:
    with RedisCluster(tmp_path / "cluster") as nodes:
        yield nodes


def ask(node: RedisServer, *words: Any) -> Any:
    with redis.Redis(host=node.host, port=node.port, protocol=2) as client:
        return client.execute_command(*words)


def owner_of(cluster: RedisCluster, config: RedisConfig) -> RedisServer:
    """The node that serves a place."""
    slot = key_slot(config.key_prefix.encode())
    for first, last, node, *_ in ask(cluster.nodes[0], "CLUSTER", "SLOTS"):
        if first <= slot <= last:
            return next(one for one in cluster.nodes if one.port == int(node[1]))
    raise AssertionError("every slot has an owner")


def move(cluster: RedisCluster, config: RedisConfig, target: RedisServer) -> None:
    """Give the slot of a place to another node, with every key in it."""
    slot, source = key_slot(config.key_prefix.encode()), owner_of(cluster, config)
    ids = {node.port: ask(node, "CLUSTER", "MYID") for node in (source, target)}
    ask(target, "CLUSTER", "SETSLOT", slot, "IMPORTING", ids[source.port])
    ask(source, "CLUSTER", "SETSLOT", slot, "MIGRATING", ids[target.port])
    while keys := ask(source, "CLUSTER", "GETKEYSINSLOT", slot, 100):
        ask(source, "MIGRATE", target.host, target.port, "", 0, 5000, "KEYS", *keys)
    for node in (target, source):
        ask(node, "CLUSTER", "SETSLOT", slot, "NODE", ids[target.port])


async def test_a_slot_that_moved_is_followed_and_its_cache_begins_anew(
    cluster: RedisCluster,
) -> None:
    config = here(cluster)
    source = owner_of(cluster, config)
    target = next(node for node in cluster.nodes if node is not source)
    async with RedisOrderStore(config) as orders, RedisCache(STORED_ORDERS, config) as cache:
        await orders.save([order(1), order(2)])
        token = await cache.lease(["order_1", "order_2"])
        await cache.put(token, [order(1)])
        move(cluster, config, target)
        await orders.save([order(3)])
        assert (await orders.find(OrderQuery())).items == (order(1), order(2), order(3))
        assert (await cache.lookup(["order_1"])).found == {}
        assert await cache.put(token, [order(2)]) == set()
        move(cluster, config, source)
        await orders.save([order(4)])
        assert len((await orders.find(OrderQuery())).items) == 4


async def test_a_node_that_died_is_unavailable_until_it_returns(cluster: RedisCluster) -> None:
    config = here(cluster, timeout_s=1)
    async with RedisOrderStore(config) as orders:
        await orders.save([order(1)])
        owner = owner_of(cluster, config)
        owner.kill()
        with pytest.raises(StoreUnavailable):
            await orders.get(["order_1"])
        with pytest.raises(StoreUnavailable):
            async with RedisOrderStore(here(cluster, timeout_s=1, pool_size=3)):
                pass
        owner.restart()
        async with asyncio.timeout(60):
            while True:
                try:
                    await orders.save([order(2)])
                    break
                except StoreUnavailable:
                    await asyncio.sleep(0.1)
        assert set(await orders.get(["order_1", "order_2"])) == {"order_1", "order_2"}


async def test_a_plain_url_of_a_node_says_which_scheme_is_right(cluster: RedisCluster) -> None:
    seen = []
    for node in cluster.nodes:
        config = here(f"redis://{node.host}:{node.port}", prefix="one-slot")
        try:
            async with RedisOrderStore(config) as orders:
                await orders.get(["order_1"])
        except StoreUnavailable as error:
            seen.append(str(error))
    assert len(seen) == len(cluster.nodes) - 1
    assert all("redis+cluster://" in text for text in seen)
