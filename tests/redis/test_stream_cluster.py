"""A stream on a cluster whose node dies and comes back, or whose slot goes to another node."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis.crc import key_slot

from pmstore.backends.redis.config import redis_config
from pmstore.backends.redis.consumers import RedisConsumers
from pmstore.backends.redis.stream import RedisStream
from pmstore.errors import Conflict, StoreUnavailable
from pmstore.models.position import START
from pmstore.testing.servers import RedisCluster, RedisServer
from pmstore.url import parse_url
from tests.redis.stream_places import raw, until


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[RedisCluster]:
    with RedisCluster(tmp_path, options=("--cluster-require-full-coverage", "no")) as cluster:
        yield cluster


def stream_on(cluster: RedisCluster) -> RedisStream:
    return RedisStream(redis_config(parse_url(f"{cluster.url}?timeout_s=1")), "store_stream")


async def owner_of(cluster: RedisCluster, key: str) -> RedisServer:
    slot = key_slot(key.encode())
    for first, last, master, *_ in await raw(cluster.nodes[0], "CLUSTER", "SLOTS"):
        if first <= slot <= last:
            return next(node for node in cluster.nodes if node.port == master[1])
    raise AssertionError(f"nobody serves slot {slot}")


async def id_of(node: RedisServer) -> str:
    answer = await raw(node, "CLUSTER", "MYID")
    assert isinstance(answer, bytes)
    return answer.decode()


async def blocked(node: RedisServer) -> bool:
    return b"blocked_clients:1" in await raw(node, "INFO", "clients")


@pytest.mark.crash
async def test_a_stream_goes_on_when_its_node_is_back(cluster: RedisCluster) -> None:
    async with stream_on(cluster) as stream:
        last = await stream.append([b"a"], epoch=1)
        bounds = await stream.bounds()
        assert bounds is not None
        node = await owner_of(cluster, stream.stream_key)
        reading = asyncio.ensure_future(stream.read(last, 10, 30.0))
        await until(lambda: blocked(node))
        node.kill()
        with pytest.raises(StoreUnavailable):
            await reading
        with pytest.raises(StoreUnavailable):
            await stream.append([b"x"], expect_head=bounds.last.head)
        node.start()

        async def served() -> bool:
            try:
                return await stream.bounds() == bounds
            except StoreUnavailable:
                return False

        await until(served)
        grown = await stream.append([b"b"], expect_head=bounds.last.head, epoch=1)
        assert [entry.id for entry in await stream.read(last, 10, 5.0)] == [grown]


async def test_a_waiting_reader_follows_its_stream_to_another_node(cluster: RedisCluster) -> None:
    async with stream_on(cluster) as stream, RedisConsumers(stream) as consumers:
        last = await stream.append([b"a"], epoch=3)
        first = await stream.read(START, 1)
        assert await consumers.read("g", "a", 1) == first
        old = await owner_of(cluster, stream.stream_key)
        new = next(node for node in cluster.nodes if node is not old)
        reading = asyncio.ensure_future(stream.read(last, 10, 30.0))
        await until(lambda: blocked(old))
        await move(cluster, stream.stream_key, old, new)
        grown = await stream.append([b"b"], expect_head=first[0].head, epoch=3)
        assert [entry.id for entry in await reading] == [grown]
        with pytest.raises(Conflict):
            await stream.append([b"c"], expect_head=first[0].head)
        assert [entry.id for entry in await consumers.read("g", "b", 9)] == [grown]
        assert await consumers.reclaim("g", "b", 0, 9) == first


async def move(cluster: RedisCluster, key: str, old: RedisServer, new: RedisServer) -> None:
    """Give the slot of *key*, and everything in it, to another node."""
    slot = key_slot(key.encode())
    await raw(new, "CLUSTER", "SETSLOT", slot, "IMPORTING", await id_of(old))
    await raw(old, "CLUSTER", "SETSLOT", slot, "MIGRATING", await id_of(new))
    keys = await raw(old, "CLUSTER", "GETKEYSINSLOT", slot, 100)
    await raw(old, "MIGRATE", new.host, new.port, "", 0, 5000, "KEYS", *keys)
    for node in (new, old, *(node for node in cluster.nodes if node not in (new, old))):
        await raw(node, "CLUSTER", "SETSLOT", slot, "NODE", await id_of(new))
