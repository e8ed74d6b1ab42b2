"""Who asks too much, too long, too slowly or too often is refused, and nobody else."""

from __future__ import annotations

import asyncio
import json
import resource
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.gateways.depth_client import hear
from tests.gateways.exchange import order
from tests.gateways.guarded import (
    HEARD_S_MAX,
    Guarded,
    bearer,
    guarded_exchange,
    problem,
    until_closed,
    user_feed,
)
from tests.gateways.raw import get, wire_to, wired

OPENING = get(
    "/depth",
    connection="Upgrade",
    upgrade="websocket",
    sec_websocket_version="13",
    sec_websocket_key="dGhlIHNhbXBsZSBub25jZQ==",
)


@pytest.fixture
async def guarded(tmp_path: Path) -> AsyncIterator[Guarded]:
    async with guarded_exchange(tmp_path) as guarded:
        yield guarded


async def test_a_user_who_asks_too_much_is_told_when_to_come_back(tmp_path: Path) -> None:
    slow = {"API_RATE_PER_USER": "1", "API_BURST_PER_USER": "3"}
    async with guarded_exchange(tmp_path, **slow) as guarded:
        answers = [await guarded.as_user("u1", "GET", "/account") for _ in range(30)]
        codes = [one.status_code for one in answers]
        assert codes[:3] == [200] * 3
        refused = next(one for one in answers if one.status_code == 429)
        assert problem(refused) == (429, "TOO_MANY_REQUESTS")
        assert int(refused.headers["retry-after"]) >= 1
        assert (await guarded.as_user("u2", "GET", "/account")).status_code == 200
        async with asyncio.timeout(HEARD_S_MAX):
            while (await guarded.as_user("u1", "GET", "/account")).status_code == 429:
                await asyncio.sleep(0.1)


async def test_each_order_of_a_batch_counts(tmp_path: Path) -> None:
    slow = {"API_RATE_PER_USER": "1", "API_BURST_PER_USER": "10"}
    async with guarded_exchange(tmp_path, **slow) as guarded:
        batch = {"orders": [order() for _ in range(8)]}
        codes = []
        for _ in range(2):
            answer = await guarded.as_user("u1", "POST", "/orders/batch", json=batch)
            codes.append(answer.status_code)
        assert codes == [200, 429]


async def test_an_address_that_asks_too_much_can_still_ask_for_health(tmp_path: Path) -> None:
    slow = {"API_RATE_PER_ADDRESS": "1", "API_BURST_PER_ADDRESS": "5"}
    async with guarded_exchange(tmp_path, **slow) as guarded:
        codes = set()
        for number in range(40):
            shown = {"X-API-Key": f"guess-{number}", "X-Forwarded-For": f"192.0.2.{number}"}
            codes.add((await guarded.ask("GET", "/account", shown)).status_code)
            assert (await guarded.client.get("/health")).status_code == 200
        assert codes == {401, 429}
        refused = await guarded.client.get("/metrics")
        assert refused.status_code == 429
        with pytest.raises(InvalidStatus) as caught:
            await connect_often(guarded)
        assert caught.value.response.status_code == 429
        assert int(caught.value.response.headers["retry-after"]) >= 1
        async with wired(guarded.url, local="127.0.0.2") as wire:
            await wire.say(get("/api/v1/events"))
            assert (await wire.answer())[0] == 200


async def connect_often(guarded: Guarded) -> None:
    for _ in range(40):
        async with connect(user_feed(guarded)):
            pass


async def test_behind_a_trusted_proxy_the_client_is_counted(tmp_path: Path) -> None:
    slow = {
        "API_RATE_PER_ADDRESS": "1",
        "API_BURST_PER_ADDRESS": "2",
        "API_TRUSTED_PROXIES": "127.0.0.1",
    }
    async with guarded_exchange(tmp_path, **slow) as guarded:
        for number in range(20):
            shown = {"X-Forwarded-For": f"192.0.2.{number}"}
            assert (await guarded.ask("GET", "/events", shown)).status_code == 200
        same = {"X-Forwarded-For": "203.0.113.1, 198.51.100.7"}
        codes = [(await guarded.ask("GET", "/events", same)).status_code for _ in range(20)]
        assert 429 in codes


async def test_one_address_has_only_so_many_websockets(tmp_path: Path) -> None:
    async with guarded_exchange(tmp_path, API_SOCKETS_PER_ADDRESS="2") as guarded:
        depth = guarded.url.replace("http", "ws") + "/depth"
        async with connect(depth), connect(user_feed(guarded)) as second:
            with pytest.raises(InvalidStatus) as caught:
                await connect(depth)
            assert caught.value.response.status_code == 429
            await second.close()
            async with asyncio.timeout(HEARD_S_MAX):
                while True:
                    try:
                        async with connect(depth) as third:
                            assert (await hear(third))["type"] == "connected"
                            break
                    except InvalidStatus:
                        await asyncio.sleep(0.02)


async def test_a_websocket_that_is_refused_is_no_error_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with guarded_exchange(tmp_path, API_SOCKETS_PER_ADDRESS="1") as guarded:
        guessed = {"X-API-Key": "guess"}
        with pytest.raises(InvalidStatus) as caught:
            await connect(user_feed(guarded), additional_headers=guessed)
        assert caught.value.response.status_code == 401
        async with connect(user_feed(guarded)):
            with pytest.raises(InvalidStatus) as caught:
                await connect(user_feed(guarded))
        assert caught.value.response.status_code == 429
    assert caplog.records == []


async def test_who_sends_pings_and_reads_no_pongs_is_owed_the_newest_alone(
    guarded: Guarded,
) -> None:
    pings, size = 200_000, 125  # more than sockets hold by themselves
    async with wired(guarded.url) as wire:
        await wire.say(OPENING)
        assert b" 101 " in await wire.head()
        for number in range(0, pings, 1000):
            some = range(number, number + 1000)
            await wire.say(b"".join(b"\x89\xfd\0\0\0\0%0125d" % one for one in some))
        heard, end = 0, b""
        async with asyncio.timeout(HEARD_S_MAX):
            while not end.endswith(b"%0125d" % (pings - 1)):
                part = await wire.reader.read(65_536)
                heard, end = heard + len(part), end[-size:] + part
        assert heard < pings * size


async def test_a_long_body_is_refused_without_being_read(guarded: Guarded) -> None:
    huge = 10**12
    head = (
        "POST /api/v1/orders HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        f"authorization: Bearer {guarded.issuer.token('u1')}\r\ncontent-length: {huge}\r\n\r\n"
    )
    async with wired(guarded.url) as wire:
        await wire.say(head.encode())
        status, body = await wire.answer()
        assert (status, json.loads(body)["code"]) == (413, "BODY_TOO_LARGE")
    async with wired(guarded.url) as wire:
        chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
        await wire.say(
            head.replace(f"content-length: {huge}", "transfer-encoding: chunked").encode()
        )
        await wire.say(chunk * 3)
        status, body = await wire.answer()
        assert (status, json.loads(body)["code"]) == (413, "BODY_TOO_LARGE")


async def test_a_long_frame_ends_its_connection_and_no_other(guarded: Guarded) -> None:
    depth, user = guarded.url.replace("http", "ws") + "/depth", user_feed(guarded)
    async with connect(depth) as other, connect(depth) as first, connect(user) as second:
        assert (await hear(other))["type"] == (await hear(first))["type"] == "connected"
        await send_too_much(first)
        await send_too_much(second)
        await other.send('{"action":"ping"}')
        assert (await hear(other))["type"] == "pong"


async def send_too_much(socket: ClientConnection) -> None:
    await socket.send('{"auth":"' + "a" * 100_000 + '"}')
    with pytest.raises(ConnectionClosed) as caught:
        await until_closed(socket)
    assert caught.value.rcvd is None or caught.value.rcvd.code == 1009


async def test_a_head_without_end_is_not_kept(guarded: Guarded) -> None:
    async with wired(guarded.url) as wire:
        await wire.say(b"GET /api/v1/account HTTP/1.1\r\nauthorization: Bearer " + b"a" * 33_000)
        assert (await wire.rest()).startswith(b"HTTP/1.1 431 ")


async def test_thousands_of_half_open_connections_leave_the_gateway_answering(
    guarded: Guarded,
) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 3000 if hard == resource.RLIM_INFINITY else min(3000, hard // 3)
    begun = b"POST /api/v1/orders HTTP/1.1\r\nhost: x\r\nx-sl"
    async with AsyncExitStack() as closing:
        waiting = []
        for number in range(wanted):
            wire = await wire_to(guarded.url, local="127.0.0.3")
            closing.callback(wire.writer.transport.abort)
            waiting.append(wire)
            if number % 2:
                await wire.say(begun)
            if number % 500 == 0:
                assert (await guarded.as_user("u1", "GET", "/account")).status_code == 200
        async with httpx.AsyncClient(base_url=guarded.url, trust_env=False, timeout=60) as newcomer:
            shown = bearer(guarded.issuer.token("u1"))
            answer = await newcomer.get("/api/v1/account", headers=shown, timeout=HEARD_S_MAX)
            assert answer.status_code == 200
        if wanted == 3000:
            assert await waiting[0].rest() == b""
