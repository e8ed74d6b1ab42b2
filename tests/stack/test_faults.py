"""Three layers on real servers, under load of two processes, while something breaks."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import pytest
import redis.asyncio as redis_client

import pmstore
from pmstore.testing.fault_proxy import FaultProxy, Script
from pmstore.testing.servers import PostgresServer, RedisServer
from tests.stack.history import CACHE_MAX_AGE_S
from tests.stack.processes import Crew, StackProcess
from tests.stack.records import keys_of

LOAD_S = 1.0
FAULT_S = 2.5
LONG_FAULT_S = 30.0
SILENCE_S_MAX = 3.0
"""A cache that is down costs a few timeouts until its breaker opens, no more."""
WORKERS = ["anna", "ben"]


@attrs.frozen
class Scene:
    """The servers and the processes of one test."""

    redis: RedisServer
    postgres: PostgresServer
    wires: tuple[FaultProxy, FaultProxy]
    """Between Anna and each of the servers; Ben reaches them directly."""
    crew: Crew
    fault_s: float


@asynccontextmanager
async def played(folder: Path, fault_s: float = FAULT_S) -> AsyncIterator[Scene]:
    """A scene under load; judged after it: everything that was promised was kept."""
    seed = int(os.environ.get("PM_SEED") or random.randrange(10**6))
    print(f"repeat with PM_SEED={seed}")
    with (
        RedisServer(folder / "redis") as redis,
        PostgresServer(folder / "pg") as postgres,
        FaultProxy(redis.host, redis.port) as redis_wire,
        FaultProxy(postgres.host, postgres.port) as postgres_wire,
    ):
        servers = (redis.url, postgres.url)
        wired = (
            redis.url.replace(f":{redis.port}", f":{redis_wire.port}"),
            postgres.url.replace(f":{postgres.port}", f":{postgres_wire.port}"),
        )
        crew = Crew(
            [
                StackProcess(name, " > ".join(["memory://", *urls]), WORKERS, folder, seed)
                for name, urls in zip(WORKERS, (wired, servers), strict=True)
            ]
        )
        async with crew:
            await asyncio.sleep(LOAD_S)
            yield Scene(redis, postgres, (redis_wire, postgres_wire), crew, fault_s)
            await asyncio.sleep(LOAD_S)
            await asyncio.gather(*(worker.quiet() for worker in crew.workers))
            await asyncio.sleep(CACHE_MAX_AGE_S)
            quiet = time.monotonic()
            for _ in range(2):
                await asyncio.gather(*(worker.read() for worker in crew.workers))
            await asyncio.gather(*(worker.end() for worker in crew.workers))
        await judge(crew, postgres.url, quiet)


async def judge(crew: Crew, truth_url: str, quiet: float) -> None:
    history = crew.history()
    keys = [key for name in WORKERS for key in keys_of(name)]
    async with pmstore.open_order_store(truth_url) as store:
        truth = {key: order.version for key, order in (await store.get(keys)).items()}
    print(
        f"{len(history.reads)} reads, {history.acknowledged} acknowledged writes, "
        f"{history.refused} refused, {history.unread} reads without an answer"
    )
    assert history.acknowledged > 20
    assert len(history.reads) > 200
    assert history.problems()[:10] == []
    assert history.lost(truth, keys) == []
    late = [read for read in history.reads if read.began >= quiet]
    assert len(late) >= 4 * len(WORKERS) * len(keys)
    stale = [read for read in late if read.version != truth.get(read.key, -1)]
    assert stale[:10] == []


def answered_all_along(scene: Scene, began: float, ended: float) -> None:
    """Reads were answered by every process while a cache was down, as far as the machine can."""
    history = scene.crew.history()
    for worker in scene.crew.workers:
        usual = history.longest_silence_s(worker.life, began - LOAD_S, began)
        silence = history.longest_silence_s(worker.life, began, ended)
        assert silence < SILENCE_S_MAX + 5 * usual


async def redis_is_killed_and_comes_back_empty(scene: Scene) -> None:
    began = time.monotonic()
    await asyncio.to_thread(scene.redis.kill)
    await asyncio.sleep(scene.fault_s)
    await asyncio.to_thread(scene.redis.restart, empty=True)
    await asyncio.sleep(LOAD_S)
    answered_all_along(scene, began, time.monotonic())


async def redis_is_killed_and_comes_back_with_old_data(scene: Scene) -> None:
    await asyncio.to_thread(scene.redis.kill)
    await asyncio.sleep(scene.fault_s)
    await asyncio.to_thread(scene.redis.restart)


async def redis_stands_still(scene: Scene) -> None:
    began = time.monotonic()
    await asyncio.to_thread(scene.redis.pause)
    await asyncio.sleep(scene.fault_s)
    await asyncio.to_thread(scene.redis.resume)
    await asyncio.sleep(LOAD_S)
    answered_all_along(scene, began, time.monotonic())


async def redis_is_emptied(scene: Scene) -> None:
    async with redis_client.Redis(port=scene.redis.port, protocol=2) as client:
        for _ in range(10):
            await client.flushall()
            await asyncio.sleep(scene.fault_s / 10)


async def postgres_is_killed_and_restarted(scene: Scene) -> None:
    await asyncio.to_thread(scene.postgres.kill)
    await asyncio.sleep(scene.fault_s / 3)
    await asyncio.to_thread(scene.postgres.restart)


async def postgres_stands_still(scene: Scene) -> None:
    await asyncio.to_thread(scene.postgres.pause)
    await asyncio.sleep(scene.fault_s)
    await asyncio.to_thread(scene.postgres.resume)


async def requests_are_held(scene: Scene) -> None:
    await _network(scene, Script(hold_requests=True))


async def answers_are_held(scene: Scene) -> None:
    await _network(scene, Script(hold_answers=True))


async def answers_are_lost(scene: Scene) -> None:
    for number in range(1, 10):
        for wire in scene.wires:
            wire.play(Script(lose_answer=number))
        await asyncio.sleep(scene.fault_s / 10)


async def the_network_is_cut_both_ways(scene: Scene) -> None:
    for wire in scene.wires:
        wire.refuse()
        wire.cut()
    await asyncio.sleep(scene.fault_s)
    for wire in scene.wires:
        wire.heal()


async def messages_come_late(scene: Scene) -> None:
    await _network(scene, Script(delay_s=0.3))


async def _network(scene: Scene, script: Script) -> None:
    for wire in scene.wires:
        wire.play(script)
    await asyncio.sleep(scene.fault_s)
    for wire in scene.wires:
        wire.heal()


async def a_process_is_killed(scene: Scene) -> None:
    for _ in range(3):
        await scene.crew.workers[0].kill()
        await asyncio.sleep(scene.fault_s / 10)
        await scene.crew.workers[0].start()


FAULTS: list[Callable[[Scene], Awaitable[None]]] = [
    redis_is_killed_and_comes_back_empty,
    redis_is_killed_and_comes_back_with_old_data,
    redis_stands_still,
    redis_is_emptied,
    postgres_is_killed_and_restarted,
    postgres_stands_still,
    requests_are_held,
    answers_are_held,
    answers_are_lost,
    the_network_is_cut_both_ways,
    messages_come_late,
    a_process_is_killed,
]
named = pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)


@pytest.mark.crash
@named
async def test_a_stack_keeps_its_promises(
    tmp_path: Path, fault: Callable[[Scene], Awaitable[None]]
) -> None:
    async with played(tmp_path) as scene:
        await fault(scene)


@pytest.mark.soak
@named
async def test_a_stack_keeps_its_promises_for_long(
    tmp_path: Path, fault: Callable[[Scene], Awaitable[None]]
) -> None:
    async with played(tmp_path, LONG_FAULT_S) as scene:
        await fault(scene)
