"""Whether it lives, whether it takes orders, and its numbers."""

from __future__ import annotations

from pathlib import Path

import attrs
import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from pmengine.gateways.http import create_app, serving
from pmengine.services.history import History
from pmengine.services.recovery import Recovered
from pmengine.services.resuming import Resuming
from pmstore.backends.memory import MemorySnapshotStore
from tests.gateways.depth_client import follow, hear
from tests.gateways.exchange import Running, order, running_exchange, venue_of


async def test_it_lives_and_takes_orders(running: Running) -> None:
    assert (await running.client.get("/health")).json() == {"status": "alive"}
    response = await running.client.get("/ready")
    assert (response.status_code, response.json()["ready"]) == (200, True)
    assert (await running.client.head("/ready")).content == b""


async def test_it_says_why_it_takes_none_and_lives_on(running: Running) -> None:
    running.exchange.ready = False
    response = await running.client.get("/ready")
    assert response.status_code == 503
    assert response.json()["code"] == "NOT_READY"
    assert response.json()["detail"]
    assert (await running.client.get("/health")).status_code == 200


async def test_requests_and_orders_are_counted_without_naming_anybody(running: Running) -> None:
    placed = await running.done("POST", "/orders", json=order(client_order_id="secret-c"))
    await running.done("POST", "/orders", json=order(client_order_id="secret-c"))
    await running.done("GET", f"/orders/{placed['order']['id']}")
    await running.refused(422, "PAUSED", "POST", "/orders", json=await paused(running))
    await running.refused(422, "INVALID_PRICE", "POST", "/orders", json=order(price="7"))
    await running.client.request("PROPFIND", "/api/v1/orders")
    text = (await running.client.get("/metrics")).text
    for line in (
        'pmengine_orders_total{outcome="accepted"} 1.0',
        'pmengine_orders_total{outcome="repeated"} 1.0',
        'pmengine_orders_total{outcome="PAUSED"} 1.0',
        'pmengine_orders_total{outcome="INVALID_PRICE"} 1.0',
        'pmengine_http_requests_total{method="GET",route="/api/v1/orders/{order_id}",status="200"}',
        'pmengine_http_requests_total{method="OTHER",route="/api/v1/orders",status="405"} 1.0',
        'pmengine_http_request_seconds_count{method="POST",route="/api/v1/orders"} 4.0',
    ):
        assert line in text
    for secret in ("secret-c", placed["order"]["id"], 'u1"', "PROPFIND"):
        assert secret not in text


async def paused(running: Running) -> dict[str, object]:
    await running.done("POST", "/pause")
    return order()


async def test_an_own_bug_is_500_and_says_nothing_of_its_inside(running: Running) -> None:
    def broken() -> tuple[bool, str]:
        raise RuntimeError("the inside")

    app = create_app(attrs.evolve(venue_of(running.exchange), readiness=broken))
    async with serving(app, "127.0.0.1", 0) as url:
        response = await running.client.get(f"{url}/ready")
    assert (response.status_code, response.json()["code"]) == (500, "INTERNAL")
    assert "inside" not in response.text


async def never(number: int) -> Recovered:
    raise AssertionError("it never runs")


async def test_stores_that_do_not_follow_are_503_and_never_stale(running: Running) -> None:
    known = running.exchange.history
    standing = History(
        running.exchange.log,
        orders=known.orders,
        trades=known.trades,
        accounts=known.accounts,
        events=known.events,
        resuming=Resuming(
            running.exchange.log, MemorySnapshotStore(), running.exchange.recovered, oldest=never
        ),
    )
    venue = attrs.evolve(
        venue_of(running.exchange, elsewhere_number=lambda: 0),
        history=standing,
        answer_timeout_s=0.5,
    )
    async with serving(create_app(venue), "127.0.0.1", 0) as url:
        headers = {"X-User-Id": "u1"}
        first = await running.client.get(f"{url}/api/v1/orders", headers=headers)
        assert first.status_code == 200
        placed = await running.client.post(f"{url}/api/v1/orders", headers=headers, json=order())
        assert placed.status_code == 201
        behind = await running.client.get(f"{url}/api/v1/orders", headers=headers)
        assert (behind.status_code, behind.json()["code"]) == (503, "HISTORY_BEHIND")
        assert behind.headers["retry-after"] == "1"
        body = {"id": "d", "user_id": "u1", "amount": "1"}
        done = await running.client.post(f"{url}/api/v1/deposits", json=body)
        assert (done.status_code, done.json()["code"]) == (504, "DONE_NOT_SHOWN")
    assert (await running.done("GET", "/account"))["cash"]["available"] == "9000.5"


async def test_after_a_restart_nobody_reads_less_than_before(tmp_path: Path) -> None:
    async with running_exchange(tmp_path) as running:
        await running.open_market()
        for _ in range(30):
            await running.done("POST", "/orders", json=order())
        orders = await running.done("GET", "/orders")
        account = await running.done("GET", "/account")
        depth = await running.done("GET", "/depth?event_id=1&market_id=1")
    async with running_exchange(tmp_path) as again:
        assert await again.done("GET", "/orders") == orders
        assert await again.done("GET", "/account") == account
        after = await again.done("GET", "/depth?event_id=1&market_id=1")
        assert (after["update_id"], after["depths"]) == (depth["update_id"], depth["depths"])


async def test_questions_wait_for_what_the_life_before_was_told(running: Running) -> None:
    ahead = running.exchange.history.place.number + 1
    venue = attrs.evolve(venue_of(running.exchange), recovered_number=ahead, answer_timeout_s=0.5)
    async with serving(create_app(venue), "127.0.0.1", 0) as url:
        response = await running.client.get(f"{url}/api/v1/events")
        assert response.json()["code"] == "HISTORY_BEHIND"
        await running.done("POST", "/orders", json=order())
        response = await running.client.get(f"{url}/api/v1/events")
        assert response.status_code == 200


async def test_a_store_that_does_not_answer_is_503(running: Running) -> None:
    await running.exchange.history.orders.__aexit__(None, None, None)
    await running.refused(503, "STORE_UNAVAILABLE", "GET", "/orders")


async def test_a_store_that_fails_after_an_acceptance_is_no_503(tmp_path: Path) -> None:
    async with running_exchange(tmp_path, answer_timeout_s=2.0) as running:
        await running.open_market()
        placed = await running.done("POST", "/orders", json=order())
        await running.exchange.history.orders.__aexit__(None, None, None)
        path = f"/orders/{placed['order']['id']}"
        await running.refused(504, "DONE_NOT_SHOWN", "DELETE", path)
        assert placed["order"]["id"] not in running.exchange.engine.engine.state.orders


async def test_a_stop_ends_with_clients_that_listen_and_one_that_does_not_read(
    tmp_path: Path,
) -> None:
    async with running_exchange(tmp_path) as running:
        await running.open_market()
        url = running.url.replace("http", "ws") + "/depth"
        reading, deaf = await connect(url), await connect(url)
        await follow(reading, 1, 1)
        await follow(deaf, 1, 1)
        deaf.transport.pause_reading()
    with pytest.raises(ConnectionClosed):
        await hear(reading)
    assert reading.close_code == 1012
    deaf.transport.abort()


async def test_a_port_that_is_taken_is_named(running: Running) -> None:
    port = int(running.url.rpartition(":")[2])

    async def nothing(*_: object) -> None:
        raise AssertionError

    with pytest.raises(OSError, match=f"127.0.0.1 port {port}"):
        async with serving(nothing, "127.0.0.1", port):
            pass


async def test_leaving_the_block_ends_the_listening(tmp_path: Path) -> None:
    async with running_exchange(tmp_path) as running:
        url = running.url
        await running.client.get("/health")
    async with httpx.AsyncClient(timeout=60) as client:
        with pytest.raises(httpx.ConnectError):
            await client.get(f"{url}/health")
