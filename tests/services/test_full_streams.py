"""A deployment whose history is down fills its log to the bound, and goes on when it is back."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from pmengine.commands import ORDER_INPUT, Command, encode_command
from pmengine.engine import ID_MEMORY_S, Engine
from pmengine.sample import sample_command, sample_setup
from pmengine.services.log import STORE_STREAM, Log
from pmengine.services.recovery import recover
from pmstore import StorageSettings, Stream, open_snapshot_store, open_stream
from pmstore.clock import system_clock
from pmstore.testing.servers import RedisServer, free_port
from tests.services.fleet import Fleet, ServiceProcess, over_redis
from tests.services.rig import DEADLINE_S

BYTES_MAX = 16 * 2**20
COMMANDS = 24_000
"""More than a log of BYTES_MAX can take."""
AN_ENTRY = 250
BATCH_BYTES_MAX = 4 * 2**20


async def put(stream: Stream, commands: Sequence[Command]) -> None:
    """Put *commands* on the input as another producer would, an array of them in each entry."""
    for start in range(0, len(commands), AN_ENTRY):
        some = commands[start : start + AN_ENTRY]
        await stream.append([b"[" + b",".join(map(encode_command, some)) + b"]"])


async def until_full(engine: ServiceProcess) -> dict[str, Any]:
    """Wait until the engine takes nothing new; what it says then."""
    return await engine.until("engine", ready=False)


@pytest.mark.crash
@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_orders_are_refused_while_history_holds_the_log_back_and_none_is_lost(
    tmp_path: Path,
) -> None:
    port = free_port()
    commands: list[Command] = [*sample_setup(), *(sample_command(at) for at in range(COMMANDS))]
    order = {
        "event_id": 1,
        "market_id": 1,
        "token_id": "yes-1",
        "side": "buy",
        "type": "limit",
        "price": "0.5",
        "quantity": "1",
        "client_order_id": "late",
    }
    with RedisServer(tmp_path / "redis") as server:
        environ = over_redis(
            server.host, server.port, API_PORT=str(port), STREAM_BYTES_MAX=str(BYTES_MAX)
        )
        async with (
            Fleet(tmp_path / "fleet", environ) as fleet,
            open_stream(server.url, ORDER_INPUT) as inputs,
            open_stream(server.url, STORE_STREAM) as log,
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as client,
        ):
            history = await fleet.run("history")
            engine = await fleet.run("engine")
            rest = await fleet.run("relay store api")
            for process in (history, engine, rest):
                await process.ready()
            await history.kill()

            await put(inputs, commands)
            said = (await until_full(engine))["reason"]
            assert f"{STORE_STREAM} holds" in said
            assert f"{BYTES_MAX:,} of STREAM_BYTES_MAX" in said
            held = await log.size_bytes()
            assert BYTES_MAX <= held < BYTES_MAX + BATCH_BYTES_MAX
            await rest.until("api", ready=False)

            async def refused() -> bool:
                answer = await client.post("/api/v1/orders", json=order, headers=AS_SOMEBODY)
                return answer.status_code == 503 and answer.json()["code"] == "NOT_ACCEPTING"

            async with asyncio.timeout(DEADLINE_S):
                while not await refused():
                    await asyncio.sleep(0.05)
            waiting = await inputs.bounds()
            assert waiting is not None
            assert await refused()
            assert await inputs.bounds() == waiting, "a refused order is not on the input"
            async with httpx.AsyncClient(timeout=60) as metrics:
                text = (await metrics.get(f"{engine.health}/metrics")).text
            assert "pmengine_accepting 0.0" in text
            assert "pmengine_stream_bytes_max 1.6777216e+07" in text
            assert "stream_full" in engine.text()
            assert await log.size_bytes() == held, "nothing is journaled while the log is full"

            again = await fleet.run("history")
            await engine.until("engine", ready=True)
            await again.ready()
            assert "stream_has_room" in engine.text()
            await consumed(inputs, log)
            assert await log.size_bytes() < BYTES_MAX + BATCH_BYTES_MAX
            answer = await client.post("/api/v1/orders", json=order, headers=AS_SOMEBODY)
            assert answer.status_code == 422, "nobody gave this user money, and that was said"
            await check(server, commands)


AS_SOMEBODY = {"X-User-Id": "somebody"}


async def consumed(inputs: Stream, log: Stream) -> None:
    """Wait until the log says that everything on the input was taken."""
    last = await inputs.bounds()
    assert last is not None
    async with asyncio.timeout(2 * DEADLINE_S):
        while True:
            end = await log.bounds()
            assert end is not None
            if Log(log).decode(end.last).input[ORDER_INPUT] >= last.last.id:
                return
            await asyncio.sleep(0.05)


async def check(server: RedisServer, commands: Sequence[Command]) -> None:
    """The log says of every command what an engine of its own makes of it."""
    storage = StorageSettings(redis_enabled=True, redis_host=server.host, redis_port=server.port)
    async with (
        open_stream(server.url, STORE_STREAM) as log,
        open_snapshot_store(storage.snapshots) as snapshots,
    ):
        found = await recover(Log(log), snapshots, id_memory_s=ID_MEMORY_S, now_ms=system_clock())
    alone = Engine()
    for command in commands:
        alone.do(command, system_clock())
    state = alone.state
    assert (found.state.order_counter, found.state.trade_counter) == (
        state.order_counter,
        state.trade_counter,
    )
    assert found.state.orders.keys() == state.orders.keys()
