"""The doctor finds what is wrong with a Redis server, and leaves nothing there."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import redis

from pmstore.backends.redis import RedisConfig, RedisOrderStore
from pmstore.backends.redis.diagnosis import diagnose
from pmstore.clock import system_clock
from pmstore.plugin import Examination, Finding, Level, Role
from pmstore.protocols.outbox import CACHES
from pmstore.testing.samples import order
from pmstore.testing.servers import RedisCluster, RedisServer
from tests.redis.places import here


async def found(
    config: RedisConfig,
    *,
    role: Role = Role.TRUTH,
    contracts: frozenset[str] = frozenset({"orders"}),
    clock: Callable[[], int] = system_clock,
    timeout_s: float = 2.0,
) -> dict[str, Finding]:
    """What is found, by kind."""
    examination = Examination(role=role, contracts=contracts, clock=clock, timeout_s=timeout_s)
    return {finding.kind: finding for finding in await diagnose(config, examination)}


def levels(findings: dict[str, Finding]) -> set[tuple[str, Level]]:
    return {(kind, one.level) for kind, one in findings.items() if one.level is not Level.FINE}


async def test_a_server_in_order_is_fine(
    redis_server: RedisServer, redis_cluster: RedisCluster
) -> None:
    for server in (redis_server, redis_cluster):
        findings = await found(here(server))
        assert levels(findings) == set()
        assert findings.keys() == {
            *("reachable", "clock-skew", "eviction", "durability", "permission")
        }
        assert "answers in" in findings["reachable"].what


async def test_a_check_up_leaves_nothing(redis_server: RedisServer) -> None:
    config = here(redis_server)
    with redis.Redis.from_url(redis_server.url) as server:
        await found(config)
        assert list(server.scan_iter(f"{config.key_prefix}*")) == []


async def test_a_server_that_is_away_or_silent_is_unreachable(tmp_path: Path) -> None:
    server = RedisServer(tmp_path / "server")
    findings = await found(here(server))
    assert levels(findings) == {("unreachable", Level.ERROR)}
    assert f"{server.host}:{server.port}" in findings["unreachable"].what
    assert findings["unreachable"].remedy
    with server:
        server.pause()
        begun = time.monotonic()
        findings = await found(here(server, timeout_s=120), timeout_s=0.5)
        assert time.monotonic() - begun < 60
        assert levels(findings) == {("unreachable", Level.ERROR)}
        server.resume()


async def test_a_wrong_password_is_found_and_not_shown(tmp_path: Path) -> None:
    with RedisServer(tmp_path / "server", options=("--requirepass", "right")) as server:
        for url in (server.url, f"redis://:guessed-it@{server.host}:{server.port}/0"):
            findings = await found(here(url))
            assert levels(findings) == {("password", Level.ERROR)}
            assert "REDIS_PASSWORD" in findings["password"].remedy
            assert "guessed-it" not in repr(findings)


@pytest.mark.parametrize(
    ("role", "contracts", "level"),
    [
        (Role.TRUTH, "orders", Level.ERROR),
        (Role.CACHE, "orders", Level.FINE),
        (Role.CACHE, "stream", Level.ERROR),
    ],
)
async def test_a_server_that_evicts_is_no_truth(
    tmp_path: Path, role: Role, contracts: str, level: Level
) -> None:
    options = ("--maxmemory-policy", "allkeys-lru", "--maxmemory", "1gb")
    with RedisServer(tmp_path / "server", options=options) as server:
        findings = await found(here(server), role=role, contracts=frozenset({contracts}))
        assert findings["eviction"].level is level
        assert "allkeys-lru" in findings["eviction"].what


@pytest.mark.parametrize(
    ("options", "level"),
    [
        (("--appendonly", "no"), Level.ERROR),
        (("--appendfsync", "everysec"), Level.WARNING),
    ],
)
async def test_a_truth_that_may_lose_what_it_acknowledged_is_found(
    tmp_path: Path, options: tuple[str, ...], level: Level
) -> None:
    with RedisServer(tmp_path / "server", options=options) as server:
        assert (await found(here(server)))["durability"].level is level
        assert "durability" not in await found(here(server), role=Role.CACHE)


async def test_a_clock_that_is_wrong_is_found(redis_server: RedisServer) -> None:
    findings = await found(here(redis_server), clock=lambda: system_clock() - 60_000)
    assert findings["clock-skew"].level is Level.WARNING


async def test_a_replica_is_read_only(tmp_path: Path) -> None:
    with RedisServer(tmp_path / "master") as master, RedisServer(tmp_path / "replica") as replica:
        with redis.Redis(host=replica.host, port=replica.port) as server:
            server.replicaof(master.host, str(master.port))
        assert ("read-only", Level.ERROR) in levels(await found(here(replica)))


async def test_a_full_memory_and_a_disk_that_cannot_be_written_are_found(tmp_path: Path) -> None:
    with RedisServer(
        tmp_path / "server", options=("--save", "1 1", "--enable-protected-configs", "yes")
    ) as server:
        with redis.Redis(host=server.host, port=server.port) as client:
            client.config_set("maxmemory", 1)
            assert levels(await found(here(server))) >= {("disk-full", Level.ERROR)}
            client.config_set("maxmemory", 0)
            (tmp_path / "server" / "away").mkdir()
            client.config_set("dir", str(tmp_path / "server" / "away"))
            (tmp_path / "server" / "away").rmdir()
            client.set("changed", 1)
            with pytest.raises(redis.ResponseError):
                client.execute_command("SAVE")
        async with asyncio.timeout(60):
            while ("disk-full", Level.ERROR) not in levels(await found(here(server))):
                await asyncio.sleep(0.05)
        # It would not end by itself: it cannot save what it holds.
        server.kill()


async def test_notes_that_nobody_relays_are_found(redis_server: RedisServer) -> None:
    config = here(redis_server)
    async with RedisOrderStore(config) as orders:
        await orders.outbox.keep(CACHES)
        await orders.save([order(1)])
        assert "outbox-backlog" not in await found(config)
        with redis.Redis.from_url(redis_server.url) as server:
            notes = f"{config.key_prefix}orders:notes:{CACHES}"
            long_ago = system_clock() - 60_000
            server.xtrim(notes, maxlen=0)
            server.xadd(notes, {"k": "order_1", "l": "1", "t": str(long_ago)}, id="2-0")
        finding = (await found(config))["outbox-backlog"]
        assert finding.level is Level.WARNING
        assert "1 notes" in finding.what
