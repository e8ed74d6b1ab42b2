"""With AUTH on everybody is who its token or key says, and sees and changes only its own."""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from pmengine.gateways.auth import Scope
from pmengine.gateways.http.api import OPERATIONS
from pmengine.gateways.http.operations import Operation
from pmengine.processes.key_desk import revoke_key
from tests.gateways.depth_client import hear
from tests.gateways.exchange import order
from tests.gateways.guarded import (
    ALL,
    Guarded,
    Issuer,
    bearer,
    becomes,
    guarded_exchange,
    problem,
    told,
    until_closed,
    user_feed,
)

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/reference/http-api.md").read_text(encoding="utf-8")
INSIDE = [one for one in OPERATIONS if not one.outside]
GUARDED = [one for one in INSIDE if one.scope is not None]
OWN_QUESTIONS = [one for one in INSIDE if one.user and one.method == "GET"]


@pytest.fixture
async def guarded(tmp_path: Path) -> AsyncIterator[Guarded]:
    async with guarded_exchange(tmp_path) as guarded:
        await guarded.open_market("u1", "u2")
        yield guarded


def path_of(one: Operation) -> str:
    return (
        one.path.replace("{order_id}", "x")
        .replace("{event_id}", "1")
        .replace("{", "")
        .replace("}", "")
        .replace("market_id", "1")
    )


def options_of(one: Operation) -> dict[str, Any]:
    return {} if one.body is None else {"json": one.body_example}


async def place(guarded: Guarded, user: str, **fields: Any) -> str:
    response = await guarded.as_user(user, "POST", "/orders", json=order(**fields))
    assert response.status_code == 201, response.text
    order_id: str = response.json()["order"]["id"]
    return order_id


# Who is nobody.


async def test_nobody_may_only_look_at_what_is_public(guarded: Guarded) -> None:
    digest = guarded.exchange.engine.engine.state_digest()
    for one, shown in itertools.product(INSIDE, ({}, {"X-User-Id": "u1"})):
        response = await guarded.ask(one.method, path_of(one), shown, **options_of(one))
        if one.scope is None:
            assert response.status_code not in (401, 403), one.name
        else:
            assert problem(response) == (401, "NO_USER"), one.name
            assert response.headers["www-authenticate"].startswith("Bearer ")
    assert guarded.exchange.engine.engine.state_digest() == digest


def test_what_the_page_marks_as_admin_takes_that_scope_and_nothing_else_does() -> None:
    rows = re.findall(r"^\| `([A-Z]+) /api/v1(/[^`]+)` \| (admin:)?", PAGE, re.MULTILINE)
    shown = {(method, path): bool(admin) for method, path, admin in rows}
    assert any(shown.values())
    assert shown == {(one.method, one.path): one.scope is Scope.ADMIN for one in INSIDE}
    assert {one.scope for one in INSIDE if one.user} == {Scope.READ, Scope.TRADE}


async def test_each_operation_takes_its_scope_and_no_other(guarded: Guarded) -> None:
    enough = {Scope.READ: {"read", "trade"}, Scope.TRADE: {"trade"}, Scope.ADMIN: {"admin"}}
    digest = guarded.exchange.engine.engine.state_digest()
    for one in GUARDED:
        assert one.scope is not None
        others = [scope for scope in ALL if scope not in enough[one.scope]]
        for scopes in (others, []):
            response = await guarded.as_user(
                "u1", one.method, path_of(one), scopes=scopes, **options_of(one)
            )
            assert problem(response) == (403, "SCOPE_MISSING"), one.name
            assert f'scope="{one.scope}"' in response.headers["www-authenticate"]
    assert guarded.exchange.engine.engine.state_digest() == digest


async def test_a_key_may_what_it_was_made_for(guarded: Guarded) -> None:
    _, key = await guarded.key("u1", Scope.READ)
    by_key = {"X-API-Key": key}
    await becomes(guarded, by_key, 200)
    for method, path, body in (("POST", "/orders", order()), ("POST", "/pause", None)):
        refused = await guarded.ask(method, path, by_key, json=body)
        assert problem(refused) == (403, "SCOPE_MISSING")


def bad_tokens(issuer: Issuer) -> dict[str, str]:
    now = int(time.time())
    public = issuer.public_pem()
    return {
        "forged": Issuer().token("u1"),
        "expired": issuer.token("u1", exp=now - 1),
        "not yet valid": issuer.token("u1", nbf=now + 600),
        "of another issuer": issuer.token("u1", iss="https://evil.test"),
        "for another audience": issuer.token("u1", aud="else"),
        "of no algorithm": jwt.encode(told("u1"), "", algorithm="none"),
        "signed with the public key": _signed_with(public),
        "cut": issuer.token("u1")[:-4],
    }


def _signed_with(secret: bytes) -> str:
    """HS256 by hand: the library refuses to use a public key so."""
    head = _part(b'{"alg":"HS256","typ":"JWT"}')
    signed = f"{head}.{_part(json.dumps(told('u1')).encode())}"
    return f"{signed}.{_part(hmac.new(secret, signed.encode(), hashlib.sha256).digest())}"


def _part(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


async def test_a_token_that_does_not_count_opens_nothing(guarded: Guarded) -> None:
    digest = guarded.exchange.engine.engine.state_digest()
    for name, token in bad_tokens(guarded.issuer).items():
        for method, path, body in (
            ("GET", "/account", None),
            ("POST", "/orders", order()),
            ("POST", "/pause", None),
            ("GET", "/events", None),
        ):
            response = await guarded.ask(method, path, bearer(token), json=body)
            assert problem(response) == (401, "BAD_CREDENTIALS"), name
            assert 'error="invalid_token"' in response.headers["www-authenticate"]
            assert token not in response.text
    assert guarded.exchange.engine.engine.state_digest() == digest


SHOWN: list[tuple[list[tuple[str, str]], tuple[int, str]]] = [
    ([("Authorization", "Basic dTE6cA==")], (401, "BAD_CREDENTIALS")),
    ([("Authorization", "Bearer")], (401, "BAD_CREDENTIALS")),
    ([("Authorization", "Bearer " + "a" * 5000)], (401, "BAD_CREDENTIALS")),
    ([("Authorization", "")], (401, "NO_USER")),
    ([("X-API-Key", "pmk_0000000000000000_" + "A" * 43)], (401, "BAD_CREDENTIALS")),
    ([("X-API-Key", "x"), ("Authorization", "Bearer y")], (401, "BAD_CREDENTIALS")),
    ([("Authorization", "Bearer x"), ("Authorization", "Bearer y")], (400, "MALFORMED")),
    ([("X-API-Key", "x"), ("X-API-Key", "y")], (400, "MALFORMED")),
]


async def test_what_is_shown_must_be_one_thing_and_count(guarded: Guarded) -> None:
    for headers, code in SHOWN:
        response = await guarded.client.get("/api/v1/account", headers=headers)
        assert problem(response) == code, headers


# Whose things are whose.


async def test_another_ones_orders_can_be_neither_seen_nor_touched(guarded: Guarded) -> None:
    order_id = await place(guarded, "u1", client_order_id="mine")
    for scopes in (ALL, ("trade",)):
        for method, body in (("GET", None), ("PATCH", {"price": "0.4"}), ("DELETE", None)):
            response = await guarded.as_user(
                "u2", method, f"/orders/{order_id}", scopes=scopes, json=body
            )
            assert response.status_code == 404, response.text
        response = await guarded.as_user("u2", "DELETE", "/orders", scopes=scopes)
        assert response.status_code == 404
    kept = (await guarded.as_user("u1", "GET", f"/orders/{order_id}")).json()["order"]
    assert (kept["status"], kept["price"]) == ("new", "0.5")


async def test_another_ones_id_makes_a_new_order_and_shows_no_old_one(guarded: Guarded) -> None:
    first = await place(guarded, "u1", client_order_id="c1")
    second = await place(guarded, "u2", client_order_id="c1", price="0.4")
    assert first != second


async def test_questions_about_oneself_show_nothing_of_others(guarded: Guarded) -> None:
    resting = await place(guarded, "u1", client_order_id="secret-of-u1")
    await place(guarded, "u1", price="0.7", quantity="3.33")
    await place(guarded, "u2", token_id="n1", price="0.4", quantity="1")
    shown = {**bearer(guarded.issuer.token("u2")), "X-User-Id": "u1"}
    for one in OWN_QUESTIONS:
        response = await guarded.ask(one.method, path_of(one), shown)
        for secret in (resting, "secret-of-u1", '"u1"', "3.33"):
            assert secret not in response.text, one.name


async def test_the_header_that_names_users_counts_only_with_auth_off(guarded: Guarded) -> None:
    shown = {**bearer(guarded.issuer.token("u2")), "X-User-Id": "u1"}
    assert (await guarded.ask("GET", "/account", shown)).json()["user_id"] == "u2"
    response = await guarded.ask("POST", "/withdrawals", shown, json={"id": "w", "amount": "1"})
    assert response.json()["user_id"] == "u2"
    mine = (await guarded.as_user("u1", "GET", "/account")).json()
    assert mine["cash"]["available"] == "1000"


async def let_in(socket: ClientConnection, first: dict[str, str]) -> Any:
    await socket.send(json.dumps(first))
    return await hear(socket)


async def test_another_ones_feed_tells_nothing(guarded: Guarded) -> None:
    async with connect(user_feed(guarded), additional_headers={"X-User-Id": "u1"}) as socket:
        said = await let_in(socket, {"auth": guarded.issuer.token("u2")})
        assert (said["type"], said["user_id"]) == ("auth", "u2")
        theirs = await place(guarded, "u1", quantity="7.77")
        await guarded.as_user("u1", "DELETE", f"/orders/{theirs}")
        mine = await place(guarded, "u2", quantity="1")
        first = await hear(socket)
        assert first["order"]["id"] == mine


async def test_the_feed_lets_in_who_shows_something_that_counts(guarded: Guarded) -> None:
    for token in bad_tokens(guarded.issuer).values():
        await sent_away(guarded, {"auth": token})
    _, key = await guarded.key("u1", Scope.ADMIN)
    await sent_away(guarded, {"auth": guarded.issuer.token("u1", ["admin"])})
    for first in ({"user_id": "u1"}, {"api_key": key + "A"}, {"auth": key}, {}):
        await sent_away(guarded, first)


async def sent_away(guarded: Guarded, first: dict[str, str]) -> None:
    async with connect(user_feed(guarded)) as socket:
        said = await let_in(socket, first)
        assert said["type"] != "auth"
        for secret in first.values():
            assert not secret or secret not in json.dumps(said)
        with pytest.raises(ConnectionClosed):
            await until_closed(socket)


# Keys while the gateway runs.


async def test_a_new_key_counts_soon_and_a_revoked_one_soon_no_more(guarded: Guarded) -> None:
    key_id, key = await guarded.key("u1", Scope.TRADE)
    by_key = {"X-API-Key": key}
    await becomes(guarded, by_key, 200)
    assert (await guarded.ask("GET", "/account", bearer(key))).json()["user_id"] == "u1"
    placed = await guarded.ask("POST", "/orders", by_key, json=order())
    assert placed.status_code == 201
    async with connect(user_feed(guarded)) as socket:
        assert (await let_in(socket, {"api_key": key}))["type"] == "auth"
        await revoke_key(guarded.settings, key_id)
        await becomes(guarded, by_key, 401)
        with pytest.raises(ConnectionClosed):
            await until_closed(socket)
    assert problem(await guarded.ask("DELETE", "/orders", by_key)) == (401, "BAD_CREDENTIALS")


@pytest.mark.parametrize(("ways", "taken"), [("jwt", "jwt"), ("keys", "keys")])
async def test_only_what_auth_names_is_taken(tmp_path: Path, ways: str, taken: str) -> None:
    async with guarded_exchange(tmp_path, AUTH=ways) as guarded:
        _, key = await guarded.key("u1", Scope.READ)
        shown = {"keys": {"X-API-Key": key}, "jwt": bearer(guarded.issuer.token("u1"))}
        await becomes(guarded, shown.pop(taken), 200)
        (other,) = shown.values()
        assert problem(await guarded.ask("GET", "/account", other)) == (401, "BAD_CREDENTIALS")


async def test_a_shared_secret_counts_in_its_one_algorithm(tmp_path: Path) -> None:
    secret = "0123456789abcdef" * 4
    chosen = {"JWT_SECRET": secret, "JWT_PUBLIC_KEY": "", "AUTH": "jwt"}
    async with guarded_exchange(tmp_path, **chosen) as guarded:
        for algorithm, status in (("HS256", 200), ("HS512", 401)):
            token = jwt.encode(told("u1"), secret, algorithm=algorithm)
            response = await guarded.ask("GET", "/account", bearer(token))
            assert response.status_code == status
        response = await guarded.ask("GET", "/account", bearer(guarded.issuer.token("u1")))
        assert response.status_code == 401


# What is told to nobody.


async def test_nothing_secret_is_in_answers_and_metrics(guarded: Guarded) -> None:
    _, key = await guarded.key("u1", Scope.READ)
    token = guarded.issuer.token("u1")
    await becomes(guarded, {"X-API-Key": key}, 200)
    said = []
    for shown in (
        {"X-API-Key": key},
        {"X-API-Key": key + "A"},
        {"X-API-Key": key, "Authorization": f"Bearer {token}"},
        {"Authorization": key},
        {"Authorization": token},
        bearer(token),
        bearer(token + "A"),
        bearer(token[:-8]),
    ):
        for path in ("/account", "/orders/x", "/nothing", "/depth", "/openapi.json"):
            response = await guarded.ask("GET", path, shown)
            said.append(response.text + str(response.headers))
    metrics = await guarded.client.get("/metrics", headers=bearer(token))
    assert metrics.status_code == 200
    said.append(metrics.text)
    everything = "\n".join(said)
    for secret in (key, key.rpartition("_")[2], token, token.rpartition(".")[2]):
        assert secret not in everything
    assert "u1" not in metrics.text


async def test_the_metrics_are_for_callers_and_health_is_for_all(guarded: Guarded) -> None:
    assert (await guarded.client.get("/health")).status_code == 200
    assert (await guarded.client.get("/ready")).status_code == 200
    assert (await guarded.client.get("/metrics")).status_code == 401
    trader = bearer(guarded.issuer.token("u1", ["trade"]))
    assert (await guarded.client.get("/metrics", headers=trader)).status_code == 200


async def test_the_description_says_what_to_show(guarded: Guarded) -> None:
    document = (await guarded.client.get("/api/v1/openapi.json")).json()
    assert set(document["components"]["securitySchemes"]) == {"token", "key"}
    for one in INSIDE:
        described = document["paths"]["/api/v1" + one.path][one.method.lower()]
        needed = None if one.scope is None else [{"token": [one.scope]}, {"key": [one.scope]}]
        assert described.get("security") == needed
        assert {"401", "403", "429"} <= set(described["responses"])
