"""With AUTH=off, a web page elsewhere cannot reach the exchange."""

from __future__ import annotations

import json

import pytest
from starlette.types import Message
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from pmengine.gateways.http import create_app
from pmengine.gateways.loopback import is_loopback
from tests.gateways.exchange import Running, order, venue_of


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "::1", "[::1]"])
def test_names_of_this_machine(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["", "0.0.0.0", "::", "10.0.0.1", "localhost.evil.test", "evil"])
def test_names_of_others(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize(
    "host", ["evil.test", "127.0.0.1.evil.test:80", "10.0.0.1:8080", "localhost:x", "", "[::2]:80"]
)
async def test_a_foreign_host_is_refused(running: Running, host: str) -> None:
    digest = running.digest()
    await running.refused(
        403, "FOREIGN_HOST", "POST", "/orders", json=order(), headers={"Host": host}
    )
    assert running.digest() == digest


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "[::1]", "[::1]:8080", "127.0.0.1"])
async def test_an_own_host_is_let_through(running: Running, host: str) -> None:
    response = await running.ask("GET", "/events", headers={"Host": host})
    assert response.status_code == 200


@pytest.mark.parametrize("origin", ["https://evil.test", "null", "http://127.0.0.1:1", "file://"])
async def test_a_foreign_origin_is_refused(running: Running, origin: str) -> None:
    digest = running.digest()
    await running.refused(
        403, "FOREIGN_ORIGIN", "POST", "/orders", json=order(), headers={"Origin": origin}
    )
    assert running.digest() == digest


async def test_the_own_origin_is_let_through(running: Running) -> None:
    response = await running.ask("GET", "/events", headers={"Origin": running.url})
    assert response.status_code == 200
    assert "access-control-allow-origin" not in response.headers


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize("address", ["192.0.2.1", "10.0.0.1", "2001:db8::1", ""])
async def test_another_machine_is_refused_whatever_it_says(
    running: Running, kind: str, address: str
) -> None:
    app = create_app(venue_of(running.exchange))
    scope = {
        "type": kind,
        "method": "POST",
        "path": "/api/v1/pause",
        "headers": [(b"host", b"localhost"), (b"x-user-id", b"u1")],
        "query_string": b"",
        "client": (address, 4711) if address else None,
    }
    said: list[Message] = []

    async def receive() -> Message:
        raise AssertionError("nothing is read")

    async def send(message: Message) -> None:
        said.append(message)

    await app(scope, receive, send)
    if kind == "http":
        assert said[0]["status"] == 403
        assert json.loads(said[1]["body"])["code"] == "FOREIGN_ADDRESS"
    else:
        assert [one["type"] for one in said] == ["websocket.close"]


async def test_a_page_elsewhere_gets_no_websocket(running: Running) -> None:
    url = running.url.replace("http", "ws") + "/depth"
    with pytest.raises(InvalidStatus) as caught:
        await connect(url, origin="https://evil.test")  # type: ignore[arg-type]
    assert caught.value.response.status_code == 403
