"""Behind sentinels: the master is found, and found again after a failover."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest
import redis

from pmstore.backends.redis import RedisCache, RedisOrderStore
from pmstore.backends.redis.cache import STORED_ORDERS
from pmstore.errors import StoreUnavailable, WriteOutcome
from pmstore.testing.samples import order
from pmstore.testing.servers import RedisServer, find_redis
from pmstore.testing.servers.process import ServerProcess, free_port
from tests.redis.places import here


@attrs.frozen
class Watched:
    """A master with its replica, and the URL of the sentinel that watches them."""

    url: str
    master: RedisServer
    replica: RedisServer


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    with RedisServer(tmp_path / "one") as master, RedisServer(tmp_path / "two") as replica:
        with redis.Redis(host=replica.host, port=replica.port) as client:
            client.replicaof(master.host, str(master.port))
        port = free_port()
        folder = tmp_path / "sentinel"
        folder.mkdir()
        (folder / "sentinel.conf").write_text(
            f"port {port}\n"
            f"bind 127.0.0.1\n"
            f"dir {folder}\n"
            f"sentinel monitor exchange {master.host} {master.port} 1\n"
            f"sentinel down-after-milliseconds exchange 500\n"
            f"sentinel failover-timeout exchange 3000\n"
        )
        sentinel = ServerProcess(
            [find_redis().path, folder / "sentinel.conf", "--sentinel"],
            log=folder / "log.txt",
            ready=b"+monitor",
            popen={"cwd": folder},
            stop_signal=signal.SIGTERM,
        )
        try:
            yield Watched(f"redis+sentinel://127.0.0.1:{port}/0", master, replica)
        finally:
            sentinel.stop()


async def test_after_a_failover_the_new_master_is_written_to(watched: Watched) -> None:
    config = here(watched.url, master="exchange", timeout_s=1)
    async with (
        RedisOrderStore(config) as orders,
        RedisCache(STORED_ORDERS, config) as cache,
    ):
        await orders.save([order(1)])
        token = await cache.lease(["order_1", "order_2"])
        await cache.put(token, [order(1)])
        with redis.Redis(host=watched.replica.host, port=watched.replica.port) as replica:
            async with asyncio.timeout(30):
                while not replica.exists(f"{config.key_prefix}order:order_1"):
                    await asyncio.sleep(0.05)
        await _known_to_sentinel(watched)
        watched.master.kill()
        unknown = 0
        async with asyncio.timeout(60):
            while True:
                try:
                    await orders.save([order(2)])
                    break
                except StoreUnavailable as error:
                    unknown += error.outcome is WriteOutcome.UNKNOWN
                    await asyncio.sleep(0.1)
        assert unknown <= 1, "only a write that was under way has an unknown outcome"
        assert set(await orders.get(["order_1", "order_2"])) == {"order_1", "order_2"}
        assert (await cache.lookup(["order_1"])).found == {}, "it may be of another past"
        assert await cache.put(token, [order(2)]) == set()


async def _known_to_sentinel(watched: Watched) -> None:
    """Wait until the sentinel knows the replica that it is to promote."""
    port = int(watched.url.rpartition(":")[2].partition("/")[0])
    with redis.Redis(host="127.0.0.1", port=port, protocol=2) as sentinel:
        async with asyncio.timeout(60):
            while not sentinel.sentinel_slaves("exchange"):
                await asyncio.sleep(0.1)


async def test_a_master_that_no_sentinel_knows_is_an_error(watched: Watched) -> None:
    with pytest.raises(StoreUnavailable, match="no master called 'other'") as caught:
        async with RedisOrderStore(here(watched.url, master="other")):
            pass
    assert caught.value.outcome is WriteOutcome.NOT_APPLIED


async def test_a_sentinel_that_is_away_leaves_the_others(watched: Watched) -> None:
    host = watched.url.rpartition("@")[2].removeprefix("redis+sentinel://").partition("/")[0]
    away = f"redis+sentinel://127.0.0.1:{free_port()}/0"
    config = here(away, master="exchange", sentinels=host)
    async with RedisOrderStore(config) as orders:
        await orders.save([order(1)])
