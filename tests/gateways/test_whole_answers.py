"""However an application gives its answer, the client gets one answer that HTTP allows."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from pmengine.gateways.http import serving
from tests.gateways.raw import wired

TWO = [(b"content-length", b"2")]


async def asked(app: ASGIApp, method: bytes = b"GET", version: bytes = b"1.1") -> bytes:
    """Everything that comes for two requests, the second of which is the last."""
    first = b"%b / HTTP/%b\r\nhost: x\r\n" % (method, version)
    async with serving(app, "127.0.0.1", 0) as url, wired(url) as wire:
        await wire.say(first + b"\r\n" + first + b"connection: close\r\n\r\n")
        return await wire.rest()


async def whole(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": TWO})
    await send({"type": "http.response.body", "body": b"ok"})


async def test_a_head_alone_is_answered_by_a_head_alone() -> None:
    answer = await asked(whole, b"HEAD")
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"\r\n\r\n")
    assert answer.count(b"HTTP/1.1 200 OK\r\n") == answer.count(b"content-length: 2\r\n") == 2
    assert b"ok" not in answer


async def test_an_answer_follows_the_other() -> None:
    answer = await asked(whole)
    assert answer.count(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n") == 2
    assert answer.count(b"\r\n\r\nok") == 2


async def test_an_old_client_gets_the_answer_and_the_end() -> None:
    assert (await asked(whole, version=b"1.0")).endswith(b"\r\n\r\nok")


async def test_an_answer_in_pieces_comes_in_pieces() -> None:
    async def pieces(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"one", "more_body": True})
        await send({"type": "http.response.body", "body": b"two"})

    answer = await asked(pieces)
    assert answer.count(b"transfer-encoding: chunked\r\n") == 2
    assert answer.count(b"\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n") == 2


async def test_who_fails_between_head_and_body_answers_that_it_failed() -> None:
    async def failing(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": TWO})
        raise RuntimeError("in between")

    assert (await asked(failing)).startswith(b"HTTP/1.1 500 ")


async def test_a_length_that_is_not_the_bodys_is_never_told() -> None:
    async def longer(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": TWO})
        await send({"type": "http.response.body", "body": b"longer"})

    assert b"longer" not in await asked(longer)


async def test_a_header_cannot_be_made_to_end_early() -> None:
    async def split(scope: Scope, receive: Receive, send: Send) -> None:
        headers = [*TWO, (b"x-told", b"a\r\nset-cookie: b")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"ok"})

    assert b"set-cookie" not in await asked(split)
