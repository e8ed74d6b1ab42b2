"""Own orders and fills: what a user did, in its own terms, and nobody else's."""

from __future__ import annotations

from typing import Any

from tests.gateways.exchange import Running, order


async def pages(running: Running, path: str, user: str = "u1") -> list[Any]:
    """Every item of a list, page by page."""
    items: list[Any] = []
    after = ""
    while True:
        page = await running.done("GET", f"{path}{after}", user=user)
        items += page["items"]
        if page["next"] is None:
            return items
        after = f"&after={page['next']}"


async def test_a_fill_is_told_to_each_side_in_its_own_terms(running: Running) -> None:
    bought = await running.done("POST", "/orders", json=order(price="0.6", quantity="2"))
    other = order(token_id="n1", price="0.4", quantity="1.5")
    taken = await running.done("POST", "/orders", user="u2", json=other)
    mine = await pages(running, "/fills?limit=10")
    theirs = await pages(running, "/fills?limit=10", user="u2")
    assert [len(mine), len(theirs)] == [1, 1]
    same = {"trade_id", "match_type", "timestamp", "event_id", "market_id", "quantity"}
    assert {name: mine[0][name] for name in same} == {name: theirs[0][name] for name in same}
    assert mine[0]["match_type"] == "mint"
    own = ("order_id", "role", "token_id", "side", "price", "quantity")
    assert [mine[0][name] for name in own] == [
        bought["order"]["id"],
        "maker",
        "y1",
        "buy",
        "0.6",
        "1.5",
    ]
    assert [theirs[0][name] for name in own] == [
        taken["order"]["id"],
        "taker",
        "n1",
        "buy",
        "0.4",
        "1.5",
    ]
    assert await pages(running, "/fills?limit=10", user="u3") == []


async def test_fills_are_newest_first_without_gap_or_repeat(running: Running) -> None:
    for _ in range(7):
        await running.done("POST", "/orders", json=order(quantity="0.1"))
        await running.done("POST", "/orders", user="u2", json=order(side="sell", quantity="0.1"))
    ids = [one["trade_id"] for one in await pages(running, "/fills?limit=3")]
    assert ids == sorted(ids, reverse=True)
    assert len(set(ids)) == 7


async def test_a_trade_with_oneself_is_one_fill_of_both_orders(running: Running) -> None:
    first = await running.done("POST", "/orders", json=order())
    second = order(side="sell", self_trade="none")
    taken = await running.done("POST", "/orders", json=second)
    fill = (await pages(running, "/fills?limit=10"))[0]
    assert fill["role"] == "both"
    assert [fill["order_id"], fill["maker_order_id"]] == [
        taken["order"]["id"],
        first["order"]["id"],
    ]


async def test_a_fee_is_that_of_the_own_side(running: Running) -> None:
    fees = {"kind": "linear", "maker_ppm": 10_000, "taker_ppm": 20_000}
    markets = {"1": {"token_ids": ["ya", "na"], "fees": fees}}
    await running.done("POST", "/events", json={"event_id": 3, "markets": markets})
    resting = order(event_id=3, token_id="ya", quantity="10")
    await running.done("POST", "/orders", json=resting)
    meeting = order(event_id=3, token_id="na", quantity="10")
    await running.done("POST", "/orders", user="u2", json=meeting)
    assert (await pages(running, "/fills?event_id=3"))[0]["fee"] == "0.05"
    assert (await pages(running, "/fills?event_id=3", user="u2"))[0]["fee"] == "0.1"


async def test_own_orders_open_and_ended_come_page_by_page(running: Running) -> None:
    placed = []
    for number in range(6):
        body = order(client_order_id=f"c{number}", price="0.3")
        placed.append((await running.done("POST", "/orders", json=body))["order"]["id"])
    for id in placed[::2]:
        await running.done("DELETE", f"/orders/{id}")
    active = [one["id"] for one in await pages(running, "/orders?status=active&limit=2")]
    closed = [one["id"] for one in await pages(running, "/orders?status=closed&limit=2")]
    assert [active, closed] == [placed[1::2], placed[::2]]
    found = await pages(running, "/orders?client_order_id=c3&limit=5")
    assert [one["id"] for one in found] == [placed[3]]
    assert await pages(running, "/orders?side=sell&limit=5") == []
    assert len(await pages(running, "/orders?token_id=y1&limit=5")) == 6


async def test_fills_of_before_a_walk_come_once_while_new_ones_are_made(running: Running) -> None:
    async def fill() -> None:
        await running.done("POST", "/orders", json=order(quantity="0.1"))
        await running.done("POST", "/orders", user="u2", json=order(side="sell", quantity="0.1"))

    for _ in range(9):
        await fill()
    there = [one["trade_id"] for one in await pages(running, "/fills?limit=100")]
    for path in ("/fills", "/trades"):
        seen: list[int] = []
        after = ""
        while True:
            page = await running.done("GET", f"{path}?limit=2{after}")
            seen += [one["trade_id"] for one in page["items"]]
            if page["next"] is None:
                break
            after = f"&after={page['next']}"
            await fill()
        assert [one for one in seen if one in there] == there
        assert seen == sorted(set(seen), reverse=True)
