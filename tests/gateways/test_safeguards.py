"""Groups and sessions end their orders by themselves."""

from __future__ import annotations

import asyncio

from tests.gateways.exchange import Running, order

WITHIN_S = 60


async def ended(running: Running, order_id: str) -> None:
    """Wait until an order was cancelled."""
    async with asyncio.timeout(WITHIN_S):
        while True:
            found = await running.done("GET", f"/orders/{order_id}")
            if found["order"]["status"] == "cancelled":
                return


async def test_a_group_is_filled_to_its_limit_and_no_further(running: Running) -> None:
    limit = {"group": "quotes", "quantity_max": "2", "window_ms": 60_000}
    assert await running.done("POST", "/groups", json=limit) == limit
    first = await running.done("POST", "/orders", json=order(quantity="1.5", group="quotes"))
    assert first["order"]["group"] == "quotes"
    second = await running.done("POST", "/orders", json=order(quantity="3", group="quotes"))
    taker = order(side="sell", quantity="4")
    taken = await running.done("POST", "/orders", user="u2", json=taker)
    assert taken["order"]["filled_quantity"] == "2"
    await ended(running, second["order"]["id"])
    late = order(group="quotes")
    await running.refused(422, "GROUP_TRIGGERED", "POST", "/orders", json=late)
    await running.refused(422, "UNKNOWN_GROUP", "POST", "/orders", json=order(group="other"))
    await running.done("POST", "/groups", json={"group": "quotes", "quantity_max": "0"})
    await running.refused(422, "UNKNOWN_GROUP", "POST", "/orders", json=order(group="quotes"))


async def test_removing_a_group_cancels_its_orders(running: Running) -> None:
    limit = {"group": "g", "quantity_max": "2", "window_ms": 1000}
    await running.done("POST", "/groups", json=limit)
    placed = await running.done("POST", "/orders", json=order(group="g"))
    alone = await running.done("POST", "/orders", json=order())
    await running.done("POST", "/groups", json={"group": "g", "quantity_max": "0"})
    await ended(running, placed["order"]["id"])
    found = await running.done("GET", f"/orders/{alone['order']['id']}")
    assert found["order"]["status"] == "new"


async def test_orders_of_a_silent_session_are_cancelled(running: Running) -> None:
    await running.refused(422, "SESSION_ENDED", "POST", "/orders", json=order(session="bot"))
    await running.done("POST", "/heartbeats", json={"session": "bot", "timeout_ms": 60_000})
    placed = await running.done("POST", "/orders", json=order(session="bot"))
    assert placed["order"]["session"] == "bot"
    await running.done("POST", "/heartbeats", json={"session": "bot", "timeout_ms": 1})
    await ended(running, placed["order"]["id"])
    await running.refused(422, "SESSION_ENDED", "POST", "/orders", json=order(session="bot"))


async def test_a_group_or_session_is_cancelled_alone(running: Running) -> None:
    await running.done("POST", "/heartbeats", json={"session": "s", "timeout_ms": 60_000})
    limit = {"group": "g", "quantity_max": "9", "window_ms": 1000}
    await running.done("POST", "/groups", json=limit)
    ids = []
    for body in (order(group="g"), order(session="s"), order()):
        ids.append((await running.done("POST", "/orders", json=body))["order"]["id"])
    for query, id in (("group=g", ids[0]), ("session=s", ids[1])):
        found = await running.done("DELETE", f"/orders?{query}")
        assert [one["id"] for one in found["items"]] == [id]
    await running.refused(404, "UNKNOWN_ORDER", "DELETE", "/orders?group=g")


async def test_what_cannot_be_set_is_refused_by_its_field(running: Running) -> None:
    digest = running.digest()
    for path, body, status, code, field in (
        (
            "/groups",
            {"group": "g", "quantity_max": "1.001"},
            422,
            "INVALID_QUANTITY",
            "quantity_max",
        ),
        ("/groups", {"group": "a b", "quantity_max": "1"}, 422, "INVALID_ID", "group"),
        ("/groups", {"group": "g", "quantity_max": 1}, 400, "MALFORMED", "quantity_max"),
        (
            "/groups",
            {"group": "g", "quantity_max": "1", "window_ms": -1},
            400,
            "MALFORMED",
            "window_ms",
        ),
        ("/heartbeats", {"session": "s"}, 400, "MALFORMED", "timeout_ms"),
        ("/heartbeats", {"session": "s", "timeout_ms": 2**62}, 400, "MALFORMED", "timeout_ms"),
    ):
        problem = await running.refused(status, code, "POST", path, json=body)
        assert problem.get("field") == field
    await running.refused(
        422, "INVALID_EXPIRY", "POST", "/groups", json={"group": "g", "quantity_max": "1"}
    )
    assert running.digest() == digest
