"""The services meet on NATS alone: a leader dies, a standby goes on, nothing answered is lost."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from pmstore import START, open_consumers, open_stream
from pmstore.testing.servers import free_port
from tests.services.fleet import Fleet

ANSWER_S_MAX = 60.0


@contextmanager
def nats_server(folder: Path) -> Iterator[str]:
    """A NATS with JetStream of its own; its URL."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/bin"
    program = shutil.which("nats-server", path=path)
    if program is None:
        remedy = "no nats-server: install it (Debian, Ubuntu: apt install nats-server)"
        if "nats" in os.environ.get("PM_REQUIRE", "").split(","):
            pytest.fail(remedy)
        pytest.skip(remedy)
    port = free_port()
    process = subprocess.Popen(
        [program, "-js", "-sd", folder, "-a", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield f"nats://127.0.0.1:{port}?prefix=exchange"
    finally:
        process.kill()
        process.wait()


async def done(client: httpx.AsyncClient, path: str, **body: Any) -> Any:
    """Ask until it is done: while nobody leads the answer is 503 or 504."""
    async with asyncio.timeout(ANSWER_S_MAX):
        while True:
            try:
                answer = await client.post(path, json=body, headers={"X-User-Id": "ann"})
            except httpx.TransportError:
                answer = None
            if answer is not None and answer.status_code in (200, 201):
                return answer.json()
            assert answer is None or answer.status_code in (503, 504), answer.text
            await asyncio.sleep(0.1)


def order(name: str) -> dict[str, Any]:
    return {
        "client_order_id": name,
        "event_id": 1,
        "market_id": 1,
        "token_id": "y1",
        "side": "buy",
        "type": "limit",
        "price": "0.4",
        "quantity": "1",
    }


@pytest.mark.crash
@pytest.mark.slow
async def test_a_standby_goes_on_where_the_leader_died(tmp_path: Path) -> None:
    pytest.importorskip("pmstore_nats", reason="plugins/pmstore-nats is not installed")
    port = free_port()
    records = f"sqlite:///{tmp_path}/exchange.db"
    with nats_server(tmp_path / "nats") as streams:
        environ = {
            "PMSTORE_STREAMS_URL": streams,
            "PMSTORE_SNAPSHOTS_URL": records,
            "PMSTORE_ORDERS_URL": records,
            "PMSTORE_TRADES_URL": records,
            "STORE_SNAPSHOT_INTERVAL_SECONDS": "0.5",
            "API_PORT": str(port),
        }
        async with (
            Fleet(tmp_path / "fleet", environ) as fleet,
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}/api/v1") as client,
        ):
            first = await fleet.run("engine")
            await first.until("engine", role="leader")
            second = await fleet.run("engine")
            rest = await fleet.run("relay processor store history api settlement")
            await rest.ready()
            await second.until("engine", role="standby")
            await done(client, "/events", event_id=1, markets={"1": {"token_ids": ["y1", "n1"]}})
            await done(client, "/deposits", id="d1", user_id="ann", amount="100")
            placed = [(await done(client, "/orders", **order("a1")))["order"]["id"]]
            epoch = (await first.until("engine", role="leader"))["epoch"]
            await first.kill()
            placed.append((await done(client, "/orders", **order("a2")))["order"]["id"])
            again = await done(client, "/orders", **order("a1"))
            assert again["order"]["id"] == placed[0]
            assert (await second.until("engine", role="leader"))["epoch"] > epoch
            answer = await client.get("/account", headers={"X-User-Id": "ann"})
            assert answer.json()["cash"] == {"available": "99.2", "frozen": "0.8"}
            await rest.until("settlement", lag=0)
            await rest.stop()
            await second.stop()
        async with (
            open_stream(streams, "processor_stream") as stream,
            open_consumers(streams, stream) as groups,
        ):
            bounds = await stream.bounds()
            assert bounds is not None
            assert START < (await groups.positions())["settlement"] <= bounds.last.id
