"""The API's description says what the API does."""

from __future__ import annotations

import json
from typing import Any

import httpx
import msgspec
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from pmengine.gateways.http import create_app
from pmengine.gateways.http.api import OPERATIONS, PREFIX
from pmengine.gateways.http.operations import Operation
from tests.gateways.exchange import Running, order, venue_of


async def described(running: Running) -> Any:
    return (await running.client.get("/api/v1/openapi.json")).json()


@pytest.mark.parametrize("one", OPERATIONS, ids=lambda one: one.name)
def test_every_example_is_of_its_schema(one: Operation) -> None:
    for answer in one.answers.values():
        read = msgspec.json.decode(json.dumps(answer.example), type=answer.body, strict=True)
        assert msgspec.to_builtins(read, str_keys=True) == answer.example
    if one.body is not None:
        msgspec.json.decode(json.dumps(one.body_example), type=one.body, strict=True)


def test_operations_have_names_of_their_own_and_say_what_they_do() -> None:
    names = [one.name for one in OPERATIONS]
    assert len(set(names)) == len(names)
    assert all(one.says.endswith(".") for one in OPERATIONS)


async def test_every_route_is_described_and_every_described_one_routed(running: Running) -> None:
    paths = (await described(running))["paths"]
    app: Starlette = create_app(venue_of(running.exchange))
    routed = {route.path for route in app.routes if isinstance(route, Route)}
    assert routed - {"/metrics", f"{PREFIX}/openapi.json"} == set(paths)
    described_methods = {
        (path, method.upper()) for path, methods in paths.items() for method in methods
    }
    assert described_methods == {
        (one.path if one.outside else PREFIX + one.path, one.method) for one in OPERATIONS
    }


async def test_references_lead_somewhere_and_nothing_is_left_over(running: Running) -> None:
    document = await described(running)
    schemas = document["components"]["schemas"]
    referred = set()

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            if "$ref" in node:
                referred.add(node["$ref"].removeprefix("#/components/schemas/"))
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(document)
    assert referred == set(schemas)
    for path, methods in document["paths"].items():
        for one in methods.values():
            in_path = {p["name"] for p in one.get("parameters", ()) if p["in"] == "path"}
            assert in_path == {part[1:-1] for part in path.split("/") if part.startswith("{")}


class Recorder:
    """Sees every answer, and compares it with what is described for it."""

    def __init__(self, document: Any) -> None:
        self._document = document
        self.seen: set[tuple[str, int]] = set()

    async def __call__(self, response: httpx.Response) -> None:
        path = response.request.url.path
        found = [
            (route, methods[response.request.method.lower()])
            for route, methods in self._document["paths"].items()
            if response.request.method.lower() in methods
            and len(route.split("/")) == len(path.split("/"))
            and all(
                ours.startswith("{") or ours == theirs
                for ours, theirs in zip(route.split("/"), path.split("/"), strict=True)
            )
        ]
        assert len(found) == 1, path
        one = found[0][1]
        described = one["responses"][str(response.status_code)]
        content_type = response.headers["content-type"]
        assert list(described["content"]) == [content_type]
        self.seen.add((one["operationId"], response.status_code))
        await response.aread()
        operation = next(known for known in OPERATIONS if known.name == one["operationId"])
        answer = operation.answers.get(response.status_code)
        if answer is not None and content_type == "application/json":
            read = msgspec.json.decode(response.content, type=answer.body, strict=True)
            assert msgspec.to_builtins(read, str_keys=True) == response.json()


async def test_what_is_answered_is_what_is_described(running: Running) -> None:
    recorder = Recorder(await described(running))
    running.client.event_hooks["response"].append(recorder)
    await running.client.get("/health")
    await running.client.get("/ready")
    placed = await running.done("POST", "/orders", json=order(client_order_id="c1"))
    await running.done("POST", "/orders", json=order(client_order_id="c1"))
    await running.done("POST", "/orders", user="u2", json=order(side="sell", quantity="0.5"))
    path = f"/orders/{placed['order']['id']}"
    await running.done("GET", path)
    await running.done("PATCH", path, json={"price": "0.4"})
    await running.done("GET", "/orders")
    await running.done("GET", "/trades")
    await running.done("GET", "/depth?event_id=1&market_id=1")
    await running.done("GET", "/fills")
    await running.done("GET", "/positions")
    await running.done("GET", "/ledger")
    await running.done("GET", "/users/u1/ledger")
    await running.done("POST", "/orders/batch", json={"orders": [order(), order(price="2")]})
    await running.done("POST", "/groups", json={"group": "g", "quantity_max": "1", "window_ms": 1})
    await running.done("POST", "/heartbeats", json={"session": "s", "timeout_ms": 60_000})
    await running.done("GET", "/top?event_id=1")
    await running.done("GET", "/candles?event_id=1&market_id=1")
    await running.done("GET", "/account")
    await running.done("DELETE", path)
    await running.refused(409, "UNKNOWN_ORDER", "DELETE", path)
    await running.refused(404, "UNKNOWN_ORDER", "GET", "/orders/x")
    await running.refused(422, "INVALID_PRICE", "POST", "/orders", json=order(price="2"))
    await running.refused(400, "MALFORMED", "POST", "/orders", json=order(price=2))
    await running.refused(401, "NO_USER", "POST", "/orders", json=order(), user=None)
    await running.done("POST", "/orders", json=order())
    await running.done("DELETE", "/orders?event_id=1&market_id=1")
    market = (1, 1)
    await running.done("POST", "/deposits", json={"id": "d", "user_id": "u", "amount": "1"})
    await running.done("POST", "/withdrawals", json={"id": "w", "amount": "1"})
    pair = {"id": "p", "event_id": market[0], "market_id": market[1], "amount": "1"}
    await running.done("POST", "/splits", json=pair)
    await running.done("POST", "/merges", json=pair)
    await running.done("POST", "/events", json={"event_id": 7, "markets": {}})
    await running.done("POST", "/topics", json={"topic": "sport", "name": "Sport"})
    await running.done("PATCH", "/topics/sport", json={"name": "Sports"})
    await running.done("GET", "/topics")
    titled = {"title": "Who?", "topic": "sport", "markets": {"1": {"token_ids": ["t1", "t2"]}}}
    event = await running.done("POST", "/events", json=titled)
    await running.done("POST", f"/events/{event['event_id']}/close")
    await running.done("GET", "/events")
    await running.done("GET", "/events/1")
    await running.done("GET", "/caller")
    await running.done("POST", "/pause")
    await running.done("POST", "/resume")
    body = {"payouts": ["0.5", "0.5"]}
    await running.done("POST", "/events/1/markets/1/pause")
    await running.done("POST", "/events/1/markets/1/resume")
    await running.done("POST", "/events/1/markets/1/resolve", json=body)
    sets = {"event_id": 8, "exclusive": True, "markets": {"1": {"token_ids": ["a", "b"]}}}
    await running.done("POST", "/events", json=sets)
    await running.done("POST", "/splits", json={**pair, "id": "q", "event_id": 8})
    conversion = {"id": "c", "event_id": 8, "market_ids": [1], "amount": "1"}
    await running.done("POST", "/converts", json=conversion)
    await running.done("POST", "/events/8/resolve", json={"payouts": {"1": ["1", "0"]}})
    done = {name for name, status in recorder.seen if status in (200, 201)}
    assert done == {one.name for one in OPERATIONS}
