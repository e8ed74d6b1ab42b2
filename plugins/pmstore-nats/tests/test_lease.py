"""What a lease in JetStream makes of the server's time, of its death, and of foreign values."""

from __future__ import annotations

import asyncio
import base64
import time
from pathlib import Path
from typing import Any

import nats
import pytest

from pmstore import CorruptData
from pmstore_nats import NatsConfig, NatsLease

HEARD_S_MAX = 30.0


@pytest.fixture
def config(server: Any, tmp_path: Path) -> NatsConfig:
    return NatsConfig(host=server.host, port=server.port, prefix=tmp_path.name)


async def test_a_lease_ends_by_the_servers_time(config: NatsConfig) -> None:
    async with NatsLease(config) as holder, NatsLease(config) as other:
        first = await holder.acquire("engine", 0.5)
        assert first is not None
        assert abs(first - time.time() * 1000) < 60_000
        async with asyncio.timeout(HEARD_S_MAX):
            while (second := await other.acquire("engine", 60.0)) is None:
                await asyncio.sleep(0.02)
        assert second >= first + 500
        assert not await holder.renew("engine", first, 60.0)


async def test_epochs_grow_and_leases_stay_over_the_death_of_the_server(
    server: Any, config: NatsConfig
) -> None:
    async with NatsLease(config) as lease:
        first = await lease.acquire("engine", 60.0)
    assert first is not None
    server.kill()
    server.start()
    async with NatsLease(config) as lease:
        assert await lease.acquire("engine", 60.0) is None
        assert await lease.renew("engine", first, 60.0)
        await lease.release("engine", first)
        second = await lease.acquire("engine", 60.0)
    assert second is not None
    assert second > first


async def test_tools_for_buckets_see_the_leases(config: NatsConfig) -> None:
    async with NatsLease(config) as lease:
        epoch = await lease.acquire("engine-0", 60.0)
        client = await nats.connect(f"nats://{config.host}:{config.port}")
        bucket = await client.jetstream().key_value(f"{config.prefix}_leases")
        key = base64.urlsafe_b64encode(b"engine-0").rstrip(b"=").decode()
        found = await bucket.get(key)
        assert found.value is not None
        assert f'"epoch": {epoch}'.encode() in found.value
        await bucket.put(key, b"something else")
        await client.close()
        with pytest.raises(CorruptData, match="engine-0"):
            await lease.acquire("engine-0", 60.0)
