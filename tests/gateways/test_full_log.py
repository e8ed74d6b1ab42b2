"""An exchange whose log is full says so, refuses honestly, and goes on when it was trimmed."""

from __future__ import annotations

import asyncio
from pathlib import Path

from pmengine.services.log import STORE_STREAM
from pmengine.services.room import ROOM_AGAIN
from tests.gateways.exchange import order, running_exchange

DEADLINE_S = 60.0


async def test_orders_and_cancellations_are_refused_until_the_log_was_trimmed(
    tmp_path: Path,
) -> None:
    async with running_exchange(tmp_path) as running:
        await running.open_market()
        placed = await running.done("POST", "/orders", json=order(client_order_id="c1"))
        engine, stream = running.exchange.engine, running.exchange.log.stream
        assert engine.numbers()["accepting"] == 1
        bytes_max = await stream.size_bytes() + 1
        engine.room.bytes_max = bytes_max
        # The one that passes the bound is answered; what comes after it is not taken.
        await running.done("POST", "/orders", json=order(client_order_id="c2"))
        held, digest = await stream.size_bytes(), running.digest()
        for method, path, body in (
            ("POST", "/orders", order(client_order_id="c3")),
            ("DELETE", f"/orders/{placed['order']['id']}", None),
            ("POST", "/deposits", {"id": "d9", "user_id": "u1", "amount": "1"}),
            ("POST", "/events", {"event_id": 9, "markets": {"1": {"token_ids": ["a", "b"]}}}),
        ):
            problem = await running.refused(503, "NOT_ACCEPTING", method, path, json=body)
            assert f"{STORE_STREAM} holds {held:,} bytes of the {bytes_max:,}" in problem["detail"]
            assert "Nothing was done" in problem["detail"]
        ready = await running.client.get("/ready")
        assert ready.status_code == 503
        assert STORE_STREAM in ready.json()["detail"]
        assert (await stream.size_bytes(), running.digest()) == (held, digest)
        told = engine.numbers()
        assert (told["accepting"], told["stream_bytes_max"]) == (0, bytes_max)
        text = (await running.client.get("/metrics")).text
        assert "pmengine_accepting 0.0" in text
        assert f"pmengine_{STORE_STREAM}_bytes" in text

        engine.room.bytes_max = int(held / ROOM_AGAIN) + 1
        async with asyncio.timeout(DEADLINE_S):
            while (await running.client.get("/ready")).status_code != 200:
                await asyncio.sleep(0.01)
        await running.done("POST", "/orders", json=order(client_order_id="c3"))
