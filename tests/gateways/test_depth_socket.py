"""The depth WebSocket tells every client the same book that the exchange has."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.gateways.depth_client import Mirror, follow, hear, say
from tests.gateways.exchange import Running, order

MARKET = {"event_id": 1, "market_id": 1}


def url(running: Running) -> str:
    return running.url.replace("http", "ws") + "/depth"


async def test_a_newcomer_gets_the_whole_depth_and_then_each_change(running: Running) -> None:
    await running.done("POST", "/orders", json=order(price="0.4", quantity="3"))
    async with connect(url(running)) as socket:
        mirror = await follow(socket, 1, 1)
        assert mirror.depths()["n1"]["asks"] == [
            {"price": "0.6", "total_quantity": "3", "total_size": "1.8"}
        ]
        sold = order(side="sell", price="0.4", quantity="1")
        placed = await running.done("POST", "/orders", user="u2", json=sold)
        delta = await hear(socket)
        assert (delta["prev_update_id"], delta["update_id"]) == (1, 2)
        assert delta["trades"] == placed["trades"]
        assert delta["changes"] == {
            "y1": {
                "latest_trade_price": "0.4",
                "bids": [{"price": "0.4", "total_quantity": "2", "total_size": "0.8"}],
                "asks": [],
            },
            "n1": {
                "latest_trade_price": "0.6",
                "bids": [],
                "asks": [{"price": "0.6", "total_quantity": "2", "total_size": "1.2"}],
            },
        }


async def test_a_level_that_goes_is_told_as_zero(running: Running) -> None:
    placed = await running.done("POST", "/orders", json=order())
    async with connect(url(running)) as socket:
        await follow(socket, 1, 1)
        await running.done("DELETE", f"/orders/{placed['order']['id']}")
        gone = {"price": "0.5", "total_quantity": "0", "total_size": "0"}
        assert (await hear(socket))["changes"]["y1"]["bids"] == [gone]


async def test_a_market_that_closes_takes_every_level_away(running: Running) -> None:
    for price in ("0.4", "0.41"):
        await running.done("POST", "/orders", json=order(price=price))
    await running.done("POST", "/orders", json=order(side="sell", price="0.6"))
    async with connect(url(running)) as socket:
        mirror = await follow(socket, 1, 1)
        path = "/events/1/markets/1/resolve"
        await running.done("POST", path, json={"payouts": ["1", "0"]})
        mirror.hear(await hear(socket))
        assert mirror.snapshots == 1
        depth = await running.done("GET", "/depth?event_id=1&market_id=1")
        assert (mirror.update_id, mirror.depths()) == (depth["update_id"], depth["depths"])
        assert mirror.depths()["y1"]["bids"] == mirror.depths()["n1"]["asks"] == []


async def random_orders(running: Running, seed: int, count: int) -> None:
    """So many orders and cancels of both users over both tokens, some at once."""
    chance = random.Random(seed)
    placed: list[tuple[str, str]] = []

    async def one() -> None:
        if placed and chance.random() < 0.3:
            user, order_id = placed.pop(chance.randrange(len(placed)))
            await running.ask("DELETE", f"/orders/{order_id}", user=user)
            return
        user = chance.choice(["u1", "u2"])
        body = order(
            token_id=chance.choice(["y1", "n1"]),
            side=chance.choice(["buy", "sell"]),
            price=f"0.{chance.randrange(40, 61)}",
            quantity=f"{chance.randrange(1, 5)}",
        )
        response = await running.ask("POST", "/orders", user=user, json=body)
        if response.status_code == 201:
            placed.append((user, response.json()["order"]["id"]))

    for _ in range(count // 10):
        await asyncio.gather(*[one() for _ in range(10)])


@pytest.mark.parametrize("seed", [1, 2])
async def test_a_mirror_kept_from_the_feed_equals_the_depth_at_the_same_update(
    running: Running, seed: int
) -> None:
    print(f"seed {seed}")
    # They do not listen while orders are placed, and so hear no pong.
    async with (
        connect(url(running), ping_interval=None) as early,
        connect(url(running), ping_interval=None) as late,
    ):
        mirrors = [await follow(early, 1, 1)]
        await random_orders(running, seed, 150)
        mirrors.append(await follow(late, 1, 1))
        await random_orders(running, seed + 100, 250)
        depth = await running.done("GET", "/depth?event_id=1&market_id=1")
        for mirror, socket in zip(mirrors, (early, late), strict=True):
            while mirror.update_id < depth["update_id"]:
                mirror.hear(await hear(socket))
            assert mirror.update_id == depth["update_id"]
            assert mirror.depths() == depth["depths"]
            assert mirror.snapshots == 1
    trades = await running.done("GET", "/trades?limit=1000")
    assert mirrors[0].trades == list(reversed(trades["items"]))
    assert len(mirrors[0].trades) > 20


async def test_a_snapshot_can_be_asked_for_again(running: Running) -> None:
    async with connect(url(running)) as socket:
        mirror = await follow(socket, 1, 1)
        await running.done("POST", "/orders", json=order())
        mirror.hear(await hear(socket))
        await say(socket, "snapshot", **MARKET)
        again = Mirror()
        again.hear(await hear(socket))
        assert (again.update_id, again.depths()) == (mirror.update_id, mirror.depths())
        await running.done("POST", "/orders", json=order(price="0.3"))
        again.hear(await hear(socket))


async def test_nothing_comes_after_unsubscribed(running: Running) -> None:
    async with connect(url(running)) as socket:
        await follow(socket, 1, 1)
        await say(socket, "unsubscribe", **MARKET)
        assert await hear(socket) == {"type": "unsubscribed", **MARKET}
        await running.done("POST", "/orders", json=order())
        await say(socket, "ping")
        assert await hear(socket) == {"type": "pong"}
        await say(socket, "unsubscribe", **MARKET)
        assert (await hear(socket))["type"] == "unsubscribe_error"
        await say(socket, "subscribe", **MARKET)
        assert (await hear(socket))["type"] == "subscribed"
        assert (await hear(socket))["update_id"] == 1


SAID: list[tuple[str, str, str]] = [
    ("{", "error", "MALFORMED"),
    ("[]", "error", "MALFORMED"),
    ("{}", "error", "MALFORMED"),
    ('{"action":"dance"}', "error", "MALFORMED"),
    ('{"action":7}', "error", "MALFORMED"),
    ('{"action":"ping","x":1}', "error", "MALFORMED"),
    ('{"action":"subscribe"}', "subscribe_error", "MALFORMED"),
    ('{"action":"subscribe","event_id":"1","market_id":1}', "subscribe_error", "MALFORMED"),
    ('{"action":"subscribe","event_id":8,"market_id":1}', "subscribe_error", "UNKNOWN_EVENT"),
    ('{"action":"subscribe","event_id":1,"market_id":8}', "subscribe_error", "UNKNOWN_MARKET"),
    ('{"action":"unsubscribe","event_id":1}', "unsubscribe_error", "MALFORMED"),
    ('{"action":"snapshot","event_id":1,"market_id":1}', "error", "NOT_SUBSCRIBED"),
]


async def test_what_cannot_be_followed_is_answered_and_the_connection_goes_on(
    running: Running,
) -> None:
    async with connect(url(running)) as socket:
        assert (await hear(socket))["type"] == "connected"
        for text, kind, code in SAID:
            await socket.send(text)
            answer = await hear(socket)
            assert (answer["type"], answer["code"]) == (kind, code), text
            assert answer["detail"]
        await socket.send(b"\xff\xfe")
        assert (await hear(socket))["code"] == "MALFORMED"
        await say(socket, "ping")
        assert await hear(socket) == {"type": "pong"}


async def test_a_message_beyond_4_kib_ends_the_connection(running: Running) -> None:
    async with connect(url(running)) as socket:
        await hear(socket)
        await socket.send("x" * 5000)
        with pytest.raises(ConnectionClosed):
            await hear(socket)
    assert socket.close_code == 1009


async def test_a_connection_follows_at_most_100_markets(running: Running) -> None:
    markets = {str(id): {"token_ids": [f"a{id}", f"b{id}"]} for id in range(1, 102)}
    await running.done("POST", "/events", json={"event_id": 2, "markets": markets})
    async with connect(url(running)) as socket:
        await hear(socket)
        for market_id in range(1, 101):
            await say(socket, "subscribe", event_id=2, market_id=market_id)
            assert (await hear(socket))["type"] == "subscribed"
            assert (await hear(socket))["type"] == "snapshot"
        await say(socket, "subscribe", event_id=2, market_id=101)
        assert (await hear(socket))["code"] == "TOO_MANY_SUBSCRIPTIONS"
        await say(socket, "subscribe", event_id=2, market_id=100)
        assert (await hear(socket))["code"] == "ALREADY_SUBSCRIBED"
        await say(socket, "unsubscribe", event_id=2, market_id=1)
        assert (await hear(socket))["type"] == "unsubscribed"
        await say(socket, "subscribe", event_id=2, market_id=101)
        assert (await hear(socket))["type"] == "subscribed"


async def test_who_leaves_leaves_nothing_behind(running: Running) -> None:
    async def open_connections() -> Any:
        text = (await running.client.get("/metrics")).text
        lines = [line for line in text.splitlines() if line.startswith("pmengine_websocket")]
        return float(lines[0].split()[1])

    async with connect(url(running)) as socket:
        await follow(socket, 1, 1)
        assert await open_connections() == 1
        socket.transport.abort()
    while await open_connections():
        await running.done("POST", "/orders", json=order(price="0.01"))
    await running.done("POST", "/orders", json=order())
