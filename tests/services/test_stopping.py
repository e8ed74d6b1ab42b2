"""Processes that are asked to end while their servers are away."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from pmstore.testing.servers import RedisServer, free_port
from tests.services.fleet import Fleet, ServiceProcess, over_redis
from tests.services.rig import DEADLINE_S

LATE = "stop_timed_out"
PATIENT = {"SHUTDOWN_TIMEOUT_SECONDS": "60"}
NAMES = ("engine", "relay processor settlement depth", "store history event", "api websocket-user")


@pytest.mark.crash
@pytest.mark.slow
async def test_who_waits_for_servers_ends_at_once_when_asked_to(tmp_path: Path) -> None:
    environ = over_redis("127.0.0.1", free_port(), WEBSOCKET_USER_PORT="0", **PATIENT)
    async with Fleet(tmp_path, environ) as fleet:
        processes = await asyncio.gather(*map(fleet.run, NAMES))
        for process in processes:
            await says(process, "store_unavailable")
            await process.stop()
            assert LATE not in process.text()


@pytest.mark.crash
@pytest.mark.slow
async def test_a_standby_ends_at_once_though_its_servers_went_away(tmp_path: Path) -> None:
    with RedisServer(tmp_path / "redis") as server:
        environ = over_redis(server.host, server.port, **PATIENT)
        async with Fleet(tmp_path / "fleet", environ) as fleet:
            leader = await fleet.run("engine store history")
            await leader.ready()
            standby = await fleet.run("engine store history")
            for name in ("engine", "store", "history"):
                await standby.until(name, role="standby")
            server.kill()
            await says(standby, "store_unavailable")
            await standby.stop()
            assert LATE not in standby.text()


async def says(process: ServiceProcess, what: str) -> None:
    """Wait until *process* has said something."""
    async with asyncio.timeout(DEADLINE_S):
        while what not in process.text():
            await asyncio.sleep(0.05)
