"""An exchange that answers what a replica has on its disk, and nothing before that."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from pmengine.engine import ID_MEMORY_S
from pmengine.services.log import STORE_STREAM, Log
from pmengine.services.recovery import recover
from pmstore import open_snapshot_store, open_stream
from pmstore.clock import system_clock
from pmstore.testing.servers import free_port
from tests.redis.stream_places import raw
from tests.redis.test_stream_acknowledged import Pair, pair_at
from tests.services.fleet import Fleet, over_redis

DEADLINE_S = 60.0
SERVICES = "engine relay store history api"
EVENT = {
    "event_id": 1,
    "end_date": "2100-01-01T00:00:00Z",
    "markets": {"1": {"outcomes": ["Yes", "No"], "token_ids": ["y1", "n1"], "tick_size": 1}},
}


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    yield from pair_at(tmp_path)


def order(name: str) -> dict[str, Any]:
    """A bid that rests."""
    return {
        "client_order_id": name,
        "event_id": 1,
        "market_id": 1,
        "token_id": "y1",
        "side": "buy",
        "type": "limit",
        "price": "0.1",
        "quantity": "1.00",
    }


class Client:
    """Somebody who asks the API."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def post(self, path: str, body: Any) -> tuple[int, dict[str, Any]]:
        answer = await self._http.post(
            f"/api/v1{path}", json=body, headers={"X-User-Id": "u1"}, timeout=30
        )
        return answer.status_code, answer.json()

    async def until(self, body: Any, status: int, code: str = "") -> dict[str, Any]:
        """Place the same order again and again until it is answered so."""
        async with asyncio.timeout(DEADLINE_S):
            while True:
                found, told = await self.post("/orders", body)
                if found == status and told.get("code", "") == code:
                    return told
                await asyncio.sleep(0.05)


@pytest.mark.crash
@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_nobody_is_answered_before_a_replica_has_it_and_a_failover_loses_nothing(
    pair: Pair, tmp_path: Path
) -> None:
    port = free_port()
    environ = over_redis(
        pair.master.host,
        pair.master.port,
        API_PORT=str(port),
        API_ORDER_TIMEOUT_SECONDS="10",
        ENGINE_ACK="waitaof:1",
    )
    async with (
        Fleet(tmp_path / "fleet", environ) as fleet,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as http,
    ):
        client = Client(http)
        process = await fleet.run(SERVICES)
        await process.ready()
        assert "a failover to one of these" in (await process.vitals())["promise"]
        assert (await client.post("/events", EVENT))[0] == 201
        money = {"id": "d1", "user_id": "u1", "amount": "100"}
        assert (await client.post("/deposits", money))[0] == 200
        status, told = await client.post("/orders", order("before"))
        assert status == 201
        answered = [told["order"]["id"]]

        pair.replica.pause()
        status, told = await client.post("/orders", order("between"))
        assert (status, told["code"]) == (504, "OUTCOME_UNKNOWN")
        await client.until(order("refused"), 503, "NOT_ACCEPTING")
        said = await process.until("engine", ready=False)
        assert "0 of 1 replicas" in said["reason"]
        pair.replica.resume()
        # Who asks again with the same ids hears what became of it, and makes no second order.
        told = await client.until(order("between"), 200)
        answered.append(told["order"]["id"])
        await process.ready()
        status, told = await client.post("/orders", order("after"))
        assert status == 201
        answered.append(told["order"]["id"])

        pair.master.kill()
        await process.kill()
    await raw(pair.replica, "REPLICAOF", "NO", "ONE")
    async with (
        open_stream(pair.replica.url, STORE_STREAM) as log,
        open_snapshot_store(pair.replica.url) as snapshots,
    ):
        found = await recover(Log(log), snapshots, id_memory_s=ID_MEMORY_S, now_ms=system_clock())
    assert set(answered) <= found.state.orders.keys()
