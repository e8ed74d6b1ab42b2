"""Leases in Redis by the server's own clock, over restarts and the loss of everything."""

from __future__ import annotations

import asyncio
import math
from pathlib import Path

import pytest

from pmstore.backends.redis.client import RedisClient
from pmstore.backends.redis.config import RedisConfig
from pmstore.backends.redis.lease import RedisLease
from pmstore.errors import InvalidQuery, StoreUnavailable, WriteOutcome
from pmstore.testing.servers import RedisServer
from tests.redis.stream_places import Server, config_at, raw, until


@pytest.fixture
def config(redis_server: Server, tmp_path: Path) -> RedisConfig:
    return config_at(redis_server, tmp_path.name)


async def taken(lease: RedisLease, ttl_s: float = 60.0) -> int:
    epoch = await lease.acquire("engine", ttl_s)
    assert epoch is not None
    return epoch


async def test_a_lease_ends_by_the_servers_clock(config: RedisConfig) -> None:
    async with RedisLease(config) as lease:
        first = await taken(lease, 0.5)
        assert await lease.acquire("engine", 60.0) is None
        await until(lambda: _free(lease))
        assert not await lease.renew("engine", first, 60.0)


async def _free(lease: RedisLease) -> bool:
    return await lease.acquire("engine", 60.0) is not None


async def test_a_renewed_lease_outlives_its_first_time(
    redis_server: Server, config: RedisConfig
) -> None:
    async with RedisLease(config) as lease:
        epoch = await taken(lease, 0.2)
        assert await lease.renew("engine", epoch, 60.0)
        began = await raw(redis_server, "TIME")

        async def later() -> bool:
            return int((await raw(redis_server, "TIME"))[0]) > int(began[0]) + 1

        await until(later)
        assert await lease.acquire("engine", 60.0) is None
        assert await lease.renew("engine", epoch, 60.0)


async def test_two_clients_do_not_hold_a_lease_at_once(config: RedisConfig) -> None:
    async with (
        RedisClient(config) as one,
        RedisClient(config) as other,
        RedisLease(config, client=one) as first,
        RedisLease(config, client=other) as second,
    ):
        last = 0
        for _ in range(20):
            answers = await asyncio.gather(*(it.acquire("engine", 60) for it in (first, second)))
            (epoch,) = [answer for answer in answers if answer is not None]
            assert epoch > last
            last = epoch
            await first.release("engine", epoch)


async def test_epochs_grow_over_a_crash_and_over_the_loss_of_everything(tmp_path: Path) -> None:
    with RedisServer(tmp_path / "redis") as server:
        config = config_at(server)
        async with RedisLease(config) as lease:
            first = await taken(lease)
            server.kill()
            server.start()
            await raw(server, "PING")
            assert await lease.renew("engine", first, 60.0), "it is held over the crash"
            await lease.release("engine", first)
            second = await taken(lease)
            assert second > first
            server.kill()
            server.restart(empty=True)
            await raw(server, "PING")
            assert not await lease.renew("engine", second, 60.0)
            assert await taken(lease) > second


async def test_a_frozen_server_leaves_it_unknown_who_holds_it(tmp_path: Path) -> None:
    with RedisServer(tmp_path / "redis") as server:
        async with RedisLease(config_at(server, timeout_s=0.3)) as lease:
            server.pause()
            with pytest.raises(StoreUnavailable) as failed:
                await lease.acquire("engine", 0.05)
            assert failed.value.outcome is WriteOutcome.UNKNOWN
            server.resume()
            await until(lambda: _free(lease))


@pytest.mark.parametrize("ttl_s", [0, -1, math.nan, math.inf, 1e10])
async def test_a_time_that_cannot_be_held_is_refused(config: RedisConfig, ttl_s: float) -> None:
    async with RedisLease(config) as lease:
        with pytest.raises(InvalidQuery, match="ttl_s"):
            await lease.acquire("engine", ttl_s)
        epoch = await taken(lease)
        with pytest.raises(InvalidQuery, match="ttl_s"):
            await lease.renew("engine", epoch, ttl_s)


async def test_the_shortest_time_is_a_millisecond(config: RedisConfig) -> None:
    async with RedisLease(config) as lease:
        await taken(lease, 1e-9)
        await until(lambda: _free(lease))
