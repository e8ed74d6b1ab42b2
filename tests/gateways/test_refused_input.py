"""What cannot be read or is out of range gets a clear problem and changes nothing."""

from __future__ import annotations

import asyncio
import gc
import json
import re
from typing import Any

import httpx
import pytest

from pmengine.gateways.http import create_depth_app, serving
from pmengine.gateways.http.problems import Problem
from tests.gateways.exchange import Running, order, venue_of

JSON = {"Content-Type": "application/json"}

FIELDS: list[tuple[dict[str, Any], int, str, str]] = [
    ({"price": "0.50000"}, 422, "INVALID_PRICE", "price"),
    ({"price": "1e-1"}, 422, "INVALID_PRICE", "price"),
    ({"price": "-0.5"}, 422, "INVALID_PRICE", "price"),
    ({"price": "0.0009"}, 422, "INVALID_PRICE", "price"),
    ({"price": "0.9991"}, 422, "INVALID_PRICE", "price"),
    ({"price": "NaN"}, 422, "INVALID_PRICE", "price"),
    ({"price": "٠.٥"}, 422, "INVALID_PRICE", "price"),
    ({"price": ".5"}, 422, "INVALID_PRICE", "price"),
    ({"price": ""}, 422, "INVALID_PRICE", "price"),
    ({"price": 0.5}, 400, "MALFORMED", "price"),
    ({"quantity": "0"}, 422, "INVALID_QUANTITY", "quantity"),
    ({"quantity": "0.001"}, 422, "INVALID_QUANTITY", "quantity"),
    ({"quantity": "10000000000.01"}, 422, "INVALID_QUANTITY", "quantity"),
    ({"quantity": "9" * 400}, 422, "INVALID_QUANTITY", "quantity"),
    ({"quantity": 1}, 400, "MALFORMED", "quantity"),
    ({"type": "market", "price": None}, 422, "MALFORMED", "volume"),
    ({"volume": "3"}, 422, "MALFORMED", "volume"),
    (
        {"type": "market", "quantity": None, "volume": "9000000000001"},
        422,
        "INVALID_VOLUME",
        "volume",
    ),
    ({"type": "market", "volume": "1"}, 422, "MALFORMED", "quantity"),
    ({"post_only": True, "time_in_force": "ioc"}, 422, "MALFORMED", "post_only"),
    ({"post_only": "yes"}, 400, "MALFORMED", "post_only"),
    ({"time_in_force": "day"}, 400, "MALFORMED", "time_in_force"),
    ({"side": "Buy"}, 400, "MALFORMED", "side"),
    ({"token_id": "y 1"}, 422, "INVALID_ID", "token_id"),
    ({"token_id": "y" * 65}, 422, "INVALID_ID", "token_id"),
    ({"client_order_id": ""}, 422, "INVALID_ID", "client_order_id"),
    ({"client_order_id": "é"}, 422, "INVALID_ID", "client_order_id"),
    ({"event_id": 0}, 400, "MALFORMED", "event_id"),
    ({"event_id": 2**63}, 400, "MALFORMED", "event_id"),
    ({"event_id": "1"}, 400, "MALFORMED", "event_id"),
    ({"valid_until_ms": -1}, 400, "MALFORMED", "valid_until_ms"),
    ({"valid_until_ms": 2**62}, 422, "INVALID_EXPIRY", ""),
    ({"self_trade": "ignore"}, 400, "MALFORMED", "self_trade"),
    ({"order_id": "mine"}, 400, "MALFORMED", "order_id"),
]


@pytest.mark.parametrize(("fields", "status", "code", "field"), FIELDS)
async def test_a_wrong_field_is_named_and_changes_nothing(
    running: Running, fields: dict[str, Any], status: int, code: str, field: str
) -> None:
    digest = running.digest()
    problem = await running.refused(status, code, "POST", "/orders", json=order(**fields))
    assert problem.get("field", "") == field
    assert field in problem["detail"]
    if code == "INVALID_EXPIRY":
        return  # the engine's refusal is remembered, and nothing else
    assert running.digest() == digest


BODIES = [
    b"",
    b"{",
    b"null",
    b"[]",
    b'"text"',
    b"{}",
    b"{} {}",
    b"[" * 60_000,
    b'{"x":' * 10_000,
    b'{"x":' + b"[" * 30_000 + b"]" * 30_000 + b"}",
    b'{"event_id":1.0,"markets":' + b"[" * 30_000 + b"]" * 30_000 + b"}",
    b'{"event_id":1e400}',
    b'{"event_id":1.5}',
    b'{"event_id":1,"event_id":2}',
    b'{"token_id":"\xff"}',
    b'{"token_id":"\\ud800"}',
    b"\xef\xbb\xbf{}",
    b"\x00",
    json.dumps(order()).encode("utf-16"),
]


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
@pytest.mark.parametrize("path", ["/orders", "/events", "/deposits"])
async def test_a_body_that_is_none_is_malformed(running: Running, path: str, body: bytes) -> None:
    digest = running.digest()
    await running.refused(400, "MALFORMED", "POST", path, content=body, headers=JSON)
    assert running.digest() == digest


async def test_a_whole_number_is_one_however_it_is_written(running: Running) -> None:
    body = json.dumps(order()).encode().replace(b'"event_id": 1', b'"event_id": 1.0')
    assert (await running.ask("POST", "/orders", content=body, headers=JSON)).status_code == 201
    for written in (b"1.5", b"1e30", b"9007199254740994.0"):
        wrong = body.replace(b"1.0", written)
        problem = await running.refused(
            400, "MALFORMED", "POST", "/orders", content=wrong, headers=JSON
        )
        assert problem["field"] == "event_id"


async def test_an_unknown_field_is_named_with_the_nearest_right_one(running: Running) -> None:
    body = order(client_orderid="c1")
    problem = await running.refused(400, "MALFORMED", "POST", "/orders", json=body)
    assert problem["field"] == "client_orderid"
    assert "did you mean client_order_id?" in problem["detail"]
    event = {"event_id": 9, "markets": {"1": {"tokens": ["a", "b"]}}}
    problem = await running.refused(400, "MALFORMED", "POST", "/events", json=event)
    assert "token_ids" in problem["detail"]


async def test_a_body_beyond_64_kib_is_413_however_it_is_sent(running: Running) -> None:
    digest = running.digest()
    body = json.dumps(order()).encode().ljust(64 * 1024 + 1)
    await running.refused(413, "BODY_TOO_LARGE", "POST", "/orders", content=body, headers=JSON)

    async def pieces() -> Any:
        for start in range(0, len(body), 1000):
            yield body[start : start + 1000]

    await running.refused(413, "BODY_TOO_LARGE", "POST", "/orders", content=pieces(), headers=JSON)
    assert running.digest() == digest
    fits = json.dumps(order()).encode().ljust(64 * 1024)
    assert (await running.ask("POST", "/orders", content=fits, headers=JSON)).status_code == 201


@pytest.mark.parametrize("content_type", ["text/plain", "application/json; charset=latin-1", None])
async def test_another_content_type_is_415(running: Running, content_type: str | None) -> None:
    headers = {} if content_type is None else {"Content-Type": content_type}
    body = json.dumps(order()).encode()
    await running.refused(
        415, "UNSUPPORTED_MEDIA_TYPE", "POST", "/orders", content=body, headers=headers
    )


async def test_json_with_its_charset_is_taken(running: Running) -> None:
    headers = {"Content-Type": "application/json; charset=utf-8"}
    body = json.dumps(order()).encode()
    assert (await running.ask("POST", "/orders", content=body, headers=headers)).status_code == 201


@pytest.mark.parametrize("method", ["PUT", "PATCH", "OPTIONS", "TRACE"])
async def test_a_wrong_method_is_405_and_says_the_right_ones(running: Running, method: str) -> None:
    response = await running.ask(method, "/orders")
    assert response.status_code == 405
    assert response.headers["allow"] == "DELETE, GET, HEAD, POST"
    assert response.json()["code"] == "METHOD_NOT_ALLOWED"


@pytest.mark.parametrize("path", ["/nowhere", "/orders/", "/orders/1/2", "/../health"])
async def test_an_unknown_path_is_404(running: Running, path: str) -> None:
    problem = await running.refused(404, "NOT_FOUND", "GET", path)
    advised = problem["detail"].partition("; ")[2].split()[0]
    assert (await running.client.get(advised)).status_code == 200


async def test_where_only_the_depth_is_served_an_unknown_path_is_told_what_there_is(
    running: Running,
) -> None:
    app = create_depth_app(venue_of(running.exchange))
    async with serving(app, "127.0.0.1", 0) as url, httpx.AsyncClient(base_url=url) as client:
        lost = await client.get("/api/v1/openapi.json")
        assert (lost.status_code, lost.json()["code"]) == (404, "NOT_FOUND")
        offered = re.findall(r"/\w+", lost.json()["detail"].partition("; ")[2])
        assert offered == ["/depth", "/health", "/ready", "/metrics"]
        for path in offered[1:]:
            assert (await client.get(path)).status_code == 200


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=x", "limit"),
        ("limit=" + "9" * 5000, "limit"),
        ("limit=1&limit=2", "limit"),
        ("status=open", "status"),
        ("event_id=-1", "event_id"),
        ("stauts=active", "stauts"),
    ],
)
async def test_a_wrong_query_parameter_is_named(running: Running, query: str, field: str) -> None:
    problem = await running.refused(400, "MALFORMED", "GET", f"/orders?{query}")
    assert problem["field"] == field


@pytest.mark.parametrize("path", ["/orders", "/trades", "/events"])
@pytest.mark.parametrize("cursor", ["x", "", "%00", "0.0.0", "é", "[1,2]"])
async def test_a_cursor_that_is_none_is_400(running: Running, path: str, cursor: str) -> None:
    await running.refused(400, "MALFORMED", "GET", f"{path}?after={cursor}")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/events/2", 404),
        ("/events/0", 400),
        ("/events/x", 400),
        (f"/events/{'9' * 5000}", 400),
        ("/depth?event_id=1&market_id=9", 404),
        ("/depth?event_id=1", 400),
        ("/orders/" + "x" * 65, 422),
        ("/orders/%00", 422),
    ],
)
async def test_what_is_not_there_or_no_id_is_said(running: Running, path: str, status: int) -> None:
    response = await running.ask("GET", path)
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"


EVENTS: list[tuple[dict[str, Any], int, str]] = [
    ({"event_id": 9, "markets": {"0": {"token_ids": ["a", "b"]}}}, 400, "MALFORMED"),
    ({"event_id": 9, "markets": {"x": {"token_ids": ["a", "b"]}}}, 400, "MALFORMED"),
    ({"event_id": 9, "markets": {"1": {"token_ids": ["a"]}}}, 400, "MALFORMED"),
    ({"event_id": 9, "markets": {"1": {"token_ids": ["a", "a"]}}}, 422, "MALFORMED"),
    ({"event_id": 9, "markets": {"1": {"token_ids": ["a", "y1"]}}}, 422, "MALFORMED"),
    ({"event_id": 9, "markets": {"1": {"token_ids": ["a", "b c"]}}}, 422, "INVALID_ID"),
    ({"event_id": 9, "markets": {}, "end_date": "tomorrow"}, 422, "INVALID_EXPIRY"),
    ({"event_id": 9, "markets": {}, "end_date": "2031-01-01T00:00:00"}, 422, "INVALID_EXPIRY"),
    ({"event_id": 9, "markets": {}, "end_date": "2001-01-01T00:00:00Z"}, 422, "INVALID_EXPIRY"),
    ({"event_id": 1, "markets": {}}, 422, "MALFORMED"),
]


@pytest.mark.parametrize(("body", "status", "code"), EVENTS)
async def test_an_event_that_cannot_be_is_refused(
    running: Running, body: dict[str, Any], status: int, code: str
) -> None:
    digest = running.digest()
    await running.refused(status, code, "POST", "/events", json=body)
    assert running.digest() == digest


async def test_bytes_that_are_no_http_change_nothing(running: Running) -> None:
    digest = running.digest()
    host, _, port = running.url.removeprefix("http://").partition(":")
    for sent in (b"\x00\xff\x00\r\n\r\n", b"POST /api/v1/orders HTTP/1.1\r\n\r\n", b"G" * 70_000):
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(sent)
        writer.write_eof()
        answered = await reader.read(12)
        assert answered in (b"", b"HTTP/1.1 400", b"HTTP/1.1 403")
        writer.close()
        await writer.wait_closed()
    assert running.digest() == digest
    await running.done("GET", "/account")


def every_object() -> list[Any]:
    gc.unfreeze()  # those that the exchange has told to be permanent, too
    return gc.get_objects()


async def test_a_refused_request_leaves_nothing_to_the_garbage_collector(running: Running) -> None:
    gc.collect()
    gc.disable()
    try:
        for _ in range(3):
            await running.refused(404, "UNKNOWN_ORDER", "DELETE", "/orders/none")
            await running.refused(404, "UNKNOWN_ORDER", "GET", "/orders/none")
            body = order(price="0.00001")
            await running.refused(422, "INVALID_PRICE", "POST", "/orders", json=body)
            poor = order(quantity="1000000")
            await running.refused(422, "INSUFFICIENT_BALANCE", "POST", "/orders", json=poor)
            batch = {"orders": [body, poor]}
            answers = await running.done("POST", "/orders/batch", json=batch)
            assert [one["status"] for one in answers["items"]] == [422, 422]
        async with asyncio.timeout(30):
            # The last request ends when its answer was read already.
            while any(type(one) is Problem for one in every_object()):
                await asyncio.sleep(0.001)
    finally:
        gc.enable()


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("DELETE", "/orders", {"event_id": 1, "market_id": 2}),
        ("DELETE", "/orders/{order_id}", {"reason": "risk"}),
        ("POST", "/resume", {"post_only_ms": 5000}),
        ("POST", "/pause", {"event_id": 1}),
        ("POST", "/events/1/close", [1]),
        ("POST", "/events/1/markets/1/pause", {"until_ms": 5}),
    ],
)
async def test_what_takes_no_body_does_nothing_on_the_word_of_one(
    running: Running, method: str, path: str, body: Any
) -> None:
    placed = await running.done("POST", "/orders", json=order())
    path = path.format(order_id=placed["order"]["id"])
    digest = running.digest()
    problem = await running.refused(400, "MALFORMED", method, path, json=body)
    assert "query" in problem["detail"]
    assert running.digest() == digest
    await running.done(method, path, json={})
