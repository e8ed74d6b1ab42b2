"""Connections that wait or trickle cost a bounded number of places, and nobody else anything."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from starlette.types import Receive, Scope, Send
from websockets.asyncio.client import connect

from pmengine.gateways.http import serving
from pmengine.gateways.http.connections import HEAD_BYTES_MAX, Crowd, connections_max
from pmengine.gateways.http.turn import Turn
from tests.gateways.raw import Wire, get, wire_to, wired

HASTY_S = 0.3
UNHURRIED_S = 600.0


async def small_app(scope: Scope, receive: Receive, send: Send) -> None:
    """Reads the whole body and answers `ok`; echoes over a WebSocket."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": message["text"]})
        return
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        if not message.get("more_body"):
            break
    length = [(b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": length})
    await send({"type": "http.response.body", "body": b"ok"})


@asynccontextmanager
async def served(**bounds: float) -> AsyncIterator[tuple[str, Crowd]]:
    crowd = Crowd(**bounds)  # type: ignore[arg-type]
    async with serving(small_app, "127.0.0.1", 0, crowd=crowd) as url:
        yield url, crowd


async def asks(wire: Wire) -> None:
    await wire.say(get("/"))
    assert await wire.answer() == (200, b"ok")


SLOW = [
    b"\r\n",
    b"GET / HTTP/1.1\r\nhost: x\r\nx-slow: ",
    b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nabc",
    b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n",
]


@pytest.mark.parametrize("begin", SLOW)
@pytest.mark.parametrize("is_first", [True, False])
async def test_a_request_that_does_not_arrive_in_time_ends_its_connection(
    begin: bytes, is_first: bool
) -> None:
    async with served(request_s_max=HASTY_S) as (url, crowd), wired(url) as wire:
        if not is_first:
            await asks(wire)
        await wire.say(begin)
        answer = await wire.rest()
        assert answer == b"" or answer.startswith(b"HTTP/1.1 408 ")
        assert not crowd.fresh


async def test_a_connection_that_never_says_anything_is_ended() -> None:
    async with served(request_s_max=HASTY_S) as (url, _), wired(url) as wire:
        assert (await wire.rest()).startswith(b"HTTP/1.1 408 ")


async def test_a_connection_between_two_requests_may_be_silent_for_longer() -> None:
    async with served(request_s_max=HASTY_S) as (url, _), wired(url) as wire:
        await asks(wire)
        async with wired(url) as late:
            await late.rest()
        await asks(wire)


async def test_a_client_that_trickles_is_not_waited_for_longer() -> None:
    async with served(request_s_max=HASTY_S) as (url, _), wired(url) as wire:
        await wire.say(b"GET / HTTP/1.1\r\n")
        ended = asyncio.create_task(wire.rest())
        while not ended.done():
            await wire.say(b"x-more: y\r\n")
            await asyncio.wait({ended}, timeout=HASTY_S / 10)
        assert ended.result().startswith(b"HTTP/1.1 408 ")


async def test_a_websocket_may_be_silent_for_longer_than_a_request() -> None:
    async with served(request_s_max=HASTY_S) as (url, crowd):
        async with connect(url.replace("http", "ws")) as socket, wired(url) as late:
            assert await late.rest() is not None  # a later connection ran out of time
            await socket.send("still here")
            assert await socket.recv() == "still here"
        assert not crowd.idle


@pytest.mark.parametrize("line", [b"GET /%s HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nx-much: %s\r\n"])
async def test_a_head_without_end_is_refused(line: bytes) -> None:
    async with served(request_s_max=UNHURRIED_S) as (url, _), wired(url) as wire:
        await wire.say((line % (b"a" * HEAD_BYTES_MAX))[:-2])
        assert (await wire.rest()).startswith(b"HTTP/1.1 431 ")


async def test_many_headers_are_refused_as_one_long_one() -> None:
    async with served(request_s_max=UNHURRIED_S) as (url, _), wired(url) as wire:
        await wire.say(b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * (HEAD_BYTES_MAX // 6))
        assert (await wire.rest()).startswith(b"HTTP/1.1 431 ")


async def test_who_says_nothing_gives_way_to_who_asks() -> None:
    async with (
        served(fresh_max=20, request_s_max=UNHURRIED_S) as (url, crowd),
        AsyncExitStack() as closing,
    ):
        silent = []
        for _ in range(60):
            silent.append(await wire_to(url))
            closing.callback(silent[-1].writer.transport.abort)
            async with wired(url) as wire:
                await asks(wire)
        assert len(crowd.fresh) <= 20
        assert await silent[0].rest() == b""


async def test_beyond_the_most_connections_the_one_idle_for_longest_gives_way() -> None:
    async with (
        served(connections_max=10, request_s_max=UNHURRIED_S) as (url, crowd),
        AsyncExitStack() as closing,
    ):
        wires = []
        for _ in range(15):
            wire = await closing.enter_async_context(wired(url))
            await asks(wire)
            wires.append(wire)
        for wire in wires[:5]:
            assert await wire.rest() == b""
        for wire in wires[5:]:
            await asks(wire)
        assert len(crowd.idle) <= 10


async def test_a_place_that_was_given_up_is_free_again() -> None:
    async with served(request_s_max=UNHURRIED_S) as (url, crowd):
        for _ in range(5):
            async with wired(url) as wire:
                await asks(wire)
        async with wired(url) as wire:
            await asks(wire)
            async with asyncio.timeout(60):
                while len(crowd.idle) != 1 or crowd.fresh:
                    await asyncio.sleep(0.01)


def test_files_bound_connections() -> None:
    assert 1 <= connections_max() <= 10_000


async def test_of_requests_sent_at_once_few_wait_here_and_all_are_answered() -> None:
    requests, waiting = 20_000, []

    async def counted(scope: Scope, receive: Receive, send: Send) -> None:
        number = scope["path"].encode()
        if number.endswith(b"000"):
            waiting.append(sum(type(one) is Turn for one in gc.get_objects()))
        await receive()
        headers = [(b"content-length", b"%d" % len(number))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": number})

    async with serving(counted, "127.0.0.1", 0) as url, wired(url) as wire:
        asking = b"".join(b"GET /%d HTTP/1.1\r\nhost: x\r\n\r\n" % n for n in range(requests))
        saying = asyncio.create_task(wire.say(asking))
        for number in range(requests):
            assert await wire.answer() == (200, b"/%d" % number)
        await saying
    assert max(waiting) < 1000


@pytest.mark.parametrize("headers", [{"cookie": "c" * 9000}, {f"x-{n}": "y" for n in range(130)}])
async def test_a_websocket_whose_head_is_too_large_is_refused_and_does_not_stay(
    headers: dict[str, str],
) -> None:
    opening = get(
        "/",
        connection="Upgrade",
        upgrade="websocket",
        sec_websocket_version="13",
        sec_websocket_key="dGhlIHNhbXBsZSBub25jZQ==",
        **headers,
    )
    async with served() as (url, _), wired(url) as wire:
        await wire.say(opening)
        assert (await wire.rest()).startswith(b"HTTP/1.1 431 ")
