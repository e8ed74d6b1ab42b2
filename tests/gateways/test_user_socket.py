"""The user WebSocket tells a user every change of its own, in order, and nobody else's."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import attrs
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from pmengine.gateways.auth import EVERYTHING, Caller, NotAdmitted, OpenDoor, Scope, Shown
from pmengine.gateways.http import create_app, serving
from pmengine.gateways.websocket import user_connection, user_subscription
from tests.gateways.depth_client import hear
from tests.gateways.exchange import Running, order, running_exchange, venue_of
from tests.gateways.user_client import Mine, admitted, assert_right, let_in

U1 = {"user_id": "u1"}


def address(url: str) -> str:
    return url.replace("http", "ws") + "/user"


@asynccontextmanager
async def following(running: Running, user_id: str = "u1", **first: Any) -> AsyncIterator[Mine]:
    """A client of *user_id*."""
    async with connect(address(running.url)) as socket:
        yield await let_in(socket, {"user_id": user_id, **first}, user_id)


async def test_an_order_is_told_from_its_beginning_to_its_end(running: Running) -> None:
    async with following(running) as mine:
        placed = await running.done("POST", "/orders", json=order(quantity="2"))
        told = await mine.hear()
        assert told["event"] == "open_order_created"
        assert told["order"]["id"] == placed["order"]["id"]
        assert (told["order"]["price"], told["order"]["quantity"]) == ("0.5", "2")
        cash = await mine.hear()
        assert (cash["type"], cash["event"]) == ("position_change", "position_updated")
        assert (cash["asset"], cash["available"], cash["frozen"]) == ("cash", "8999", "1")
        sold = order(side="sell", quantity="1")
        await running.done("POST", "/orders", user="u2", json=sold)
        await mine.reached(running.exchange.users.update_id("u1"))
        assert mine.orders[placed["order"]["id"]]["remaining_quantity"] == "1"
        await running.done("DELETE", f"/orders/{placed['order']['id']}")
        await mine.reached(running.exchange.users.update_id("u1"))
        assert mine.orders == {}
        kinds = {"open_order_created", "open_order_updated", "open_order_cancelled"}
        assert kinds <= set(mine.events)


async def test_an_order_that_is_filled_says_so_and_a_position_that_goes_is_removed(
    running: Running,
) -> None:
    async with following(running) as mine:
        await mine.snapshot()
        assert mine.holdings == {"cash": ("9000", "0"), "y1": ("1000", "0"), "n1": ("1000", "0")}
        await running.done("POST", "/orders", json=order(side="sell", quantity="1000"))
        await running.done("POST", "/orders", user="u2", json=order(quantity="1000"))
        await mine.reached(running.exchange.users.update_id("u1"))
        assert mine.events[-1] == "position_removed" or "position_removed" in mine.events
        assert "open_order_filled" in mine.events
        assert "y1" not in mine.holdings
        await running.done("POST", "/orders", json=order(quantity="1", price="0.6"))
        await running.done("POST", "/orders", user="u2", json=order(side="sell", price="0.6"))
        await mine.reached(running.exchange.users.update_id("u1"))
        assert "position_created" in mine.events
        await assert_right(mine, running)


async def test_the_header_names_the_user_too(running: Running) -> None:
    async with connect(address(running.url), additional_headers={"X-User-Id": "u2"}) as socket:
        mine = await admitted(socket, "u2")
        await mine.snapshot()
        await assert_right(mine, running)


async def random_orders(running: Running, seed: int, count: int) -> None:
    """So many orders and cancels of both users."""
    chance = random.Random(seed)
    placed: list[tuple[str, str]] = []

    async def one() -> None:
        if placed and chance.random() < 0.3:
            user, order_id = placed.pop(chance.randrange(len(placed)))
            await running.ask("DELETE", f"/orders/{order_id}", user=user)
            return
        user = chance.choice(("u1", "u2"))
        body = order(
            side=chance.choice(("buy", "sell")),
            token_id=chance.choice(("y1", "n1")),
            price=chance.choice(("0.48", "0.49", "0.5", "0.51", "0.52")),
            quantity=str(chance.randint(1, 5)),
        )
        answer = await running.ask("POST", "/orders", user=user, json=body)
        if answer.status_code == 201:
            placed.append((user, answer.json()["order"]["id"]))

    for _ in range(count // 5):
        await asyncio.gather(*[one() for _ in range(5)])


@pytest.mark.parametrize("seed", [1, 2])
async def test_everyone_has_what_the_api_shows_and_nothing_of_another(
    running: Running, seed: int
) -> None:
    async with (
        following(running) as early,
        following(running) as twin,
        following(running, "u2") as other,
    ):
        for mine in (early, twin, other):
            await mine.snapshot()
        await random_orders(running, seed, 120)
        async with following(running) as late:
            await late.snapshot()
            await random_orders(running, seed + 10, 60)
            for mine in (early, twin, other, late):
                await assert_right(mine, running)
        assert early.events == twin.events
        assert early.reasons == ["asked"]
        ids = {one.user_id: set(one.orders) for one in (early, other)}
        assert not ids["u1"] & ids["u2"]


async def test_a_client_that_comes_back_goes_on_without_loss(running: Running) -> None:
    async with following(running) as mine:
        await mine.snapshot()
        await random_orders(running, 3, 30)
        await mine.reached(running.exchange.users.update_id("u1") - 2)
    await random_orders(running, 4, 60)
    # Said with the first message, or by itself.
    async with following(running, resume_after=mine.update_id) as again:
        message = await hear(again.socket)
        assert message == {"type": "resumed", "update_id": mine.update_id}
        both = [attrs.evolve(mine, socket=again.socket, orders=dict(mine.orders))]
        both[0].holdings = dict(mine.holdings)
        await assert_right(both[0], running)
        assert both[0].reasons == ["asked"]
    async with following(running) as third:
        await third.socket.send(json.dumps({"resume_after": mine.update_id}))
        assert (await hear(third.socket))["type"] == "resumed"
        mine.socket = third.socket
        await random_orders(running, 5, 10)
        await assert_right(mine, running)
        assert mine.reasons == ["asked"]


async def test_who_is_too_far_behind_or_ahead_gets_everything(tmp_path: Path) -> None:
    async with running_exchange(tmp_path) as running:
        await running.open_market()
        await random_orders(running, 6, 30)
        newest = running.exchange.users.update_id("u1")
    # What was told before the restart is in the log, and no more among the newest changes.
    async with running_exchange(tmp_path) as running:
        assert running.exchange.users.update_id("u1") == newest
        for update_id, reason in ((newest - 1, "too_old"), (newest + 7, "ahead")):
            async with following(running, resume_after=update_id) as mine:
                await mine.hear()
                assert mine.reasons == [reason]
                await assert_right(mine, running)
        async with following(running, resume_after=newest) as mine:
            assert (await hear(mine.socket))["type"] == "resumed"
            await running.done("POST", "/orders", json=order())
            assert (await mine.hear())["update_id"] == newest + 1


async def test_a_snapshot_of_many_rows_comes_in_parts_of_one_moment(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(user_subscription, "PART_ROWS_MAX", 7)
    for _ in range(20):
        await running.done("POST", "/orders", json=order(price="0.1"))
    async with following(running) as mine:
        await mine.snapshot()
        assert mine.reasons == ["asked"] * 3
        assert len(mine.orders) == 20
        await assert_right(mine, running)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("no JSON", "MALFORMED"),
        ("[]", "MALFORMED"),
        ('{"user_id":"u1","resume_after":-1}', "MALFORMED"),
        ('{"user_id":"u1","resume_after":"7"}', "MALFORMED"),
        (b"\xff", "MALFORMED"),
    ],
)
async def test_a_first_message_that_cannot_be_read_may_be_said_again(
    running: Running, said: str | bytes, code: str
) -> None:
    async with connect(address(running.url)) as socket:
        await socket.send(said)
        error = await hear(socket)
        assert (error["type"], error["code"]) == ("error", code)
        assert error["detail"]
        await let_in(socket, U1, "u1")


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ('{"action":"snapshot"}', "NO_USER"),
        ('{"user_id":7}', "NO_USER"),
        ('{"user_id":"no user"}', "INVALID_ID"),
    ],
)
async def test_who_does_not_say_who_it_is_is_sent_away(
    running: Running, said: str, code: str
) -> None:
    async with connect(address(running.url)) as socket:
        await socket.send(said)
        error = await hear(socket)
        assert (error["type"], error["code"]) == ("auth_error", code)
        with pytest.raises(ConnectionClosed) as closed:
            await hear(socket)
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1008, code)


async def test_who_says_nothing_is_sent_away(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(user_connection, "AUTH_S_MAX", 0.01)
    async with connect(address(running.url)) as socket:
        error = await hear(socket)
        assert (error["type"], error["code"]) == ("auth_error", "AUTH_TIMEOUT")
        with pytest.raises(ConnectionClosed):
            await hear(socket)


@pytest.mark.parametrize(
    "said",
    [
        "no JSON",
        "{}",
        '{"action":"dance"}',
        '{"action":"ping","resume_after":1}',
        '{"resume_after":-1}',
        '{"user_id":"u2"}',
        '{"auth":"token"}',
    ],
)
async def test_what_cannot_be_followed_is_said_and_the_connection_goes_on(
    running: Running, said: str
) -> None:
    async with following(running) as mine:
        await mine.socket.send(said)
        error = await hear(mine.socket)
        assert (error["type"], error["code"]) == ("error", "MALFORMED")
        await mine.socket.send('{"action":"ping"}')
        assert await hear(mine.socket) == {"type": "pong"}
        await running.done("POST", "/orders", user="u2", json=order())
        await running.done("POST", "/orders", json=order(price="0.1"))
        assert (await mine.hear())["order"]["price"] == "0.1"


class Keys(OpenDoor):
    """Lets in who says one of its keys; a key may be taken away."""

    is_open = True

    def __init__(self, **keys: Caller) -> None:
        self.keys = keys

    def identify_message(self, message: Any, /) -> Caller:
        caller = self.keys.get(str(message.get("api_key")))
        if caller is None:
            raise NotAdmitted(401, "BAD_CREDENTIALS", "the API key is not known, or was revoked")
        return caller

    def is_valid(self, caller: Caller, /) -> bool:
        return caller in self.keys.values()


@asynccontextmanager
async def guarded(running: Running, door: Keys) -> AsyncIterator[str]:
    venue = attrs.evolve(venue_of(running.exchange), door=door)
    async with serving(create_app(venue), "127.0.0.1", 0) as url:
        yield address(url)


async def refused(socket: ClientConnection, first: dict[str, Any]) -> str:
    await socket.send(json.dumps(first))
    message = await hear(socket)
    assert message["type"] == "auth_error"
    with pytest.raises(ConnectionClosed):
        await hear(socket)
    return str(message["code"])


async def test_a_key_lets_in_as_its_user_alone_and_no_longer_than_it_counts(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(user_connection, "VALID_S", 0.01)
    one = Caller(user_id="u1", scopes=EVERYTHING, key_id="a")
    two = Caller(user_id="u2", scopes=frozenset({Scope.READ}), key_id="b")
    three = Caller(user_id="u3", scopes=frozenset({Scope.ADMIN}), key_id="c")
    door = Keys(first=one, second=two, third=three)
    async with guarded(running, door) as url:
        async with connect(url) as socket:
            assert await refused(socket, {"api_key": "nobody's"}) == "BAD_CREDENTIALS"
        async with connect(url) as socket:
            assert await refused(socket, {"api_key": "third"}) == "SCOPE_MISSING"
        async with connect(url) as first, connect(url) as second:
            mine = await let_in(first, {"api_key": "first", "resume_after": 0}, "u1")
            assert (await hear(first))["type"] in ("resumed", "snapshot")
            theirs = await let_in(second, {"api_key": "second"}, "u2")
            await running.done("POST", "/orders", user="u2", json=order())
            told = await theirs.hear()
            assert told["event"] == "open_order_created"
            del door.keys["second"]
            assert (await last_of(second))["code"] == "NOT_VALID"
            del door.keys["first"]
            assert (await last_of(first))["code"] == "NOT_VALID"
            assert mine.user_id == "u1"


async def test_what_a_header_shows_and_does_not_count_is_refused_as_a_request_is(
    running: Running,
) -> None:
    class Shut(Keys):
        def identify(self, shown: Shown, /) -> Caller:
            raise NotAdmitted(401, "BAD_CREDENTIALS", "the token is forged")

    async with guarded(running, Shut()) as url:
        with pytest.raises(InvalidStatus) as refused:
            async with connect(url, additional_headers={"Authorization": "Bearer forged"}):
                pass
        assert refused.value.response.status_code == 401
        assert b"BAD_CREDENTIALS" in refused.value.response.body


async def last_of(socket: ClientConnection) -> Any:
    """What is said last before the connection is closed."""
    message = None
    with suppress(ConnectionClosed):
        async with asyncio.timeout(30):
            async for text in socket:
                message = json.loads(text)
    return message
