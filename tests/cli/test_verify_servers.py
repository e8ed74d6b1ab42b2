"""`pmengine verify` and the guard of an engine on a deployment of several processes."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from random import Random
from typing import Any

import pytest

from pmengine.cli.exits import Exit
from pmengine.services.log import STORE_STREAM
from pmstore import CASH, Balance, StorageSettings, open_stores
from pmstore.codec import decode_batch, encode_batch, encode_changes
from pmstore.testing.servers import RedisServer, free_port
from tests.services.fleet import Fleet, over_redis
from tests.services.rig import DEADLINE_S
from tests.trips.traders import Traders

PROGRAM = "from pmengine.cli import main; main()"
FLOW_S = 1.0
FLOW = 20
"""Orders that are answered at least, however long that takes."""


async def verify(folder: Path, environ: dict[str, str], code: Exit) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PROGRAM, "verify", "--json"),
        cwd=folder,
        env=os.environ | environ,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == code, (out, err)
    told: dict[str, Any] = json.loads(out)
    return told


async def steal(settings: StorageSettings) -> int:
    """Write an entry as an engine with a bug would: chained, and a trader is richer by it."""
    async with open_stores(settings=settings) as stores:
        stream = await stores.open_stream(STORE_STREAM)
        bounds = await stream.bounds()
        assert bounds is not None
        last = decode_batch(bounds.last.payload, STORE_STREAM)
        stranger = Balance("stranger", CASH, 5_000_000, 0, 1)
        payload, _ = encode_batch(
            last.number + 1,
            last.epoch,
            last.time,
            last.hash,
            last.input,
            encode_changes([stranger]),
        )
        await stream.append([payload], expect_head=bounds.last.head)
        return last.number + 1


@pytest.mark.slow
async def test_a_deployment_on_redis_is_verified_and_its_engine_stops_at_a_breach(
    tmp_path: Path,
) -> None:
    port = free_port()
    with RedisServer(tmp_path / "redis") as server:
        environ = over_redis(
            server.host,
            server.port,
            API_PORT=str(port),
            API_ORDER_TIMEOUT_SECONDS="60",
            ENGINE_VERIFY="stop",
            TRADE_LOG_PATH=str(tmp_path / "trades.log"),
        )
        async with Fleet(tmp_path / "fleet", environ) as fleet:
            engine = await fleet.run("engine")
            rest = await fleet.run("relay store history depth api")
            await engine.ready()
            await rest.ready()
            traders = Traders(Random(7))
            url = f"http://127.0.0.1:{port}"
            await traders.set_up(url)
            flowing = await traders.begin(url, FLOW_S, FLOW)
            running = await verify(tmp_path, environ, Exit.FINE)
            flowing.cancel()
            await asyncio.gather(flowing, return_exceptions=True)
            await rest.until("history", lag=0)
            told = await verify(tmp_path, environ, Exit.FINE)
            assert told["number"] >= running["number"] > 0
            assert told["compared"]["processor_stream"] > 0
            assert told["compared"]["websocket_stream"] > 0
            assert told["compared"].get("store_records", 0) > 0, json.dumps(told["not_looked_at"])
            assert told["not_looked_at"] == []
            settings = StorageSettings(
                redis_enabled=True,
                redis_host=server.host,
                redis_port=server.port,
                trade_log_path=tmp_path / "looked.log",
            )
            number = await steal(settings)
            async with asyncio.timeout(DEADLINE_S):
                code = await engine.ended()
            assert code == Exit.STOPPED
            assert f"the law holdings is broken at entry {number} of the log" in engine.text()
            broken = await verify(tmp_path, environ, Exit.DIFFERENT)
            assert broken["breaches"][0]["law"] == "holdings"
            assert broken["breaches"][0]["subject"] == "stranger's cash"
            assert broken["breaches"][0]["number"] == number
