"""The law of layers on real servers: two processes' stacks, and a Redis that dies and freezes."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import pmstore
from pmstore.errors import PmstoreError
from pmstore.testing.samples import order
from pmstore.testing.servers import PostgresServer, RedisServer

KEYS = 8
SLACK_S = 0.5
"""What a busy machine may add between an answer and the clock being read."""


class Watch:
    """What was acknowledged when, and whether answers are new enough."""

    def __init__(self) -> None:
        self.versions = 0
        self.acked: dict[str, list[tuple[float, int]]] = {}

    def least(self, key: str, before_s: float) -> int:
        """The version that a call begun `1 s + slack` after *before_s* must see."""
        return max((v for at, v in self.acked.get(key, []) if at <= before_s), default=0)

    async def write(self, orders: Any, own: dict[str, int], chance: random.Random) -> None:
        self.versions += 1
        number, version = chance.randrange(KEYS), self.versions
        try:
            await orders.save([order(number, version=version)])
        except PmstoreError:
            return
        key = f"order_{number}"
        own[key] = max(version, own.get(key, 0))
        self.acked.setdefault(key, []).append((time.monotonic(), version))

    async def read(self, orders: Any, own: dict[str, int], chance: random.Random) -> bool:
        key = f"order_{chance.randrange(KEYS)}"
        began_s = time.monotonic()
        least = max(own.get(key, 0), self.least(key, began_s - 1.0 - SLACK_S))
        try:
            found = await orders.get([key])
        except PmstoreError:
            return False
        version = found[key].version if key in found else 0
        assert version >= least, f"{key}: version {version} was answered, {least} was due"
        return True


async def load(
    url: str, faults: Callable[[], None], *, seconds: float
) -> tuple[int, int, list[dict[str, Any]]]:
    """Two stacks under load while *faults* runs in a thread; answered and all reads, end states."""
    watch, answered, asked = Watch(), 0, 0
    chance = random.Random(7)
    async with pmstore.open_order_store(url) as one, pmstore.open_order_store(url) as other:
        stacks: list[tuple[Any, dict[str, int]]] = [(one, {}), (other, {})]
        until_s = time.monotonic() + seconds

        async def client(at: int) -> None:
            nonlocal answered, asked
            orders, own = stacks[at % 2]
            while time.monotonic() < until_s:
                await watch.write(orders, own, chance)
                for _ in range(5):
                    asked += 1
                    if await watch.read(orders, own, chance):
                        answered += 1
                    await asyncio.sleep(0.002)

        trouble = asyncio.to_thread(faults)
        await asyncio.gather(trouble, *(client(at) for at in range(4)))
        await asyncio.sleep(2.5)
        keys = [f"order_{number}" for number in range(KEYS)]
        truth = await one.get(keys, fresh=True)  # type: ignore[call-arg]
        for key, acked in watch.acked.items():
            assert truth[key].version >= max(version for _, version in acked), "an ack was lost"
        return answered, asked, [truth, await one.get(keys), await other.get(keys)]


@pytest.mark.parametrize("fault", ["killed, empty", "killed, old data", "frozen"])
async def test_a_redis_that_goes_away_never_makes_a_read_stale(
    tmp_path: Path, postgres_server: PostgresServer, fault: str
) -> None:
    (tmp_path / "redis").mkdir()
    keeps = ("--appendonly", "yes") if fault == "killed, old data" else ()
    with RedisServer(tmp_path / "redis", options=keeps) as redis:

        def faults() -> None:
            time.sleep(1.5)
            if fault == "frozen":
                redis.pause()
                time.sleep(3)
                redis.resume()
            else:
                redis.kill()
                time.sleep(1)
                redis.restart(empty=fault == "killed, empty")

        database = postgres_server.create_database(f"layers_{random.randrange(10**9)}")
        url = f"memory:// > {redis.url} > {database}"
        answered, asked, states = await load(url, faults, seconds=7)
        assert answered == asked, "reads are answered while a cache is down"
        assert states[0] == states[1] == states[2]
