"""A Redis that answers and takes nothing: it is tried again, in silence, until it takes again."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path

import pytest
import redis

from pmstore.testing.servers import RedisServer, free_port
from tests.services.fleet import Fleet, ServiceProcess, over_redis
from tests.services.rig import DEADLINE_S
from tests.trips.http_client import Connection

REFUSED = 60
"""So often something is refused at least before it is looked at what was said."""
SAID_MAX = 8
"""An outage is said once by everybody; several in a process have the same name."""


@pytest.mark.crash
@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_writes_that_are_refused_for_long_are_said_once_and_done_in_the_end(
    tmp_path: Path,
) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with RedisServer(tmp_path / "redis") as server:
        environ = over_redis(server.host, server.port, API_PORT=str(port))
        operator = redis.Redis(host=server.host, port=server.port)
        async with Fleet(tmp_path / "fleet", environ) as fleet:
            names = ("engine", "relay processor settlement", "history store depth event api")
            engine, relay, others = await asyncio.gather(*map(fleet.run, names))
            for process in (engine, relay, others):
                await process.ready()
            await deposit(url, "d1")
            relay.freeze()
            number = (await engine.vitals())["services"][0]["number"]
            waiting = asyncio.create_task(deposit(url, "d2"))
            async with asyncio.timeout(DEADLINE_S):
                while (await engine.vitals())["services"][0]["number"] == number:
                    await asyncio.sleep(0.01)
            operator.replicaof("127.0.0.1", "1")
            relay.thaw()
            async with asyncio.timeout(DEADLINE_S):
                while "the lease cannot be had: " not in await reason(engine):
                    await asyncio.sleep(0.05)
                # All that is tried again is tried some times: the lease, the relay's entry.
                enough = refused(operator) + REFUSED
                while refused(operator) < enough:
                    await asyncio.sleep(0.05)
            for process in (engine, relay, others):
                loud = {what: times for what, times in said(process).items() if times > SAID_MAX}
                assert loud == {}, process.text()[-4000:]
            operator.replicaof("NO", "ONE")
            await waiting
            for process in (engine, relay, others):
                await process.ready()
            await deposit(url, "d3")


async def reason(engine: ServiceProcess) -> str:
    """Why the engine is ready, or is not."""
    return str((await engine.vitals())["services"][0]["reason"])


async def deposit(url: str, id: str) -> None:
    """Cash for a user; answered when it is on the log and told of."""
    async with Connection(url, "operator") as operator:
        body = {"id": id, "user_id": "u1", "amount": "10"}
        while True:
            status, answer = await operator.ask("POST", "/deposits", body)
            if status not in (503, 504):
                break
    assert status in (200, 201), answer


def refused(operator: redis.Redis) -> int:
    """How many writes the server has refused."""
    errors = operator.info("errorstats").get("errorstat_READONLY", {"count": 0})
    return int(errors["count"])


def said(process: ServiceProcess) -> Counter[tuple[str, str]]:
    """How often a process said what of whom."""
    lines = (json.loads(line) for line in process.text().splitlines())
    return Counter((line["event"], line.get("service", "")) for line in lines)
