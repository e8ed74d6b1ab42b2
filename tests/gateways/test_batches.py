"""Several orders in one request are taken in their order and answered one by one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import pytest

from pmengine.gateways.http import create_app, serving
from tests.gateways.exchange import Running, order, running_exchange, venue_of


async def placed(running: Running, *orders: Any) -> list[Any]:
    """The answers to a batch."""
    items: list[Any] = (await running.done("POST", "/orders/batch", json={"orders": list(orders)}))[
        "items"
    ]
    assert len(items) == len(orders)
    return items


async def test_each_order_is_answered_as_if_it_had_come_alone(running: Running) -> None:
    before = await running.done("POST", "/orders", json=order(client_order_id="known"))
    resting = order(side="sell", price="0.6", quantity="2")
    await running.done("POST", "/orders", user="u2", json=resting)
    items = await placed(
        running,
        order(price="0.6", quantity="0.5"),
        order(price="2"),
        order(client_order_id="known"),
        order(token_id="nobody"),
        order(client_order_id="known", price="0.4"),
        order(price="0.6", quantity="0.25", client_order_id="last"),
    )
    assert [one["status"] for one in items] == [201, 422, 200, 422, 422, 201]
    codes = [one["problem"]["code"] for one in items if "problem" in one]
    assert codes == ["INVALID_PRICE", "UNKNOWN_TOKEN", "ID_REUSED"]
    assert items[1]["problem"]["field"] == "price"
    assert items[2]["order"]["id"] == before["order"]["id"]
    assert [one["quantity"] for one in items[0]["trades"]] == ["0.5"]
    assert (
        items[5]["order"]
        == (await running.done("GET", f"/orders/{items[5]['order']['id']}"))["order"]
    )


async def test_orders_of_a_batch_queue_in_its_order(running: Running) -> None:
    items = await placed(running, *[order(client_order_id=f"b{one}") for one in range(100)])
    listed = await running.done("GET", "/orders?limit=1000")
    assert [one["client_order_id"] for one in listed["items"]] == [f"b{one}" for one in range(100)]
    taker = order(side="sell", quantity="1.5")
    await running.done("POST", "/orders", user="u2", json=taker)
    states = (await running.done("GET", "/orders?limit=3"))["items"]
    assert [one["status"] for one in states] == ["filled", "partially_filled", "new"]
    assert states[0]["id"] == items[0]["order"]["id"]


async def test_the_same_id_twice_in_a_batch_makes_one_order(running: Running) -> None:
    items = await placed(running, order(client_order_id="c"), order(client_order_id="c"))
    assert [one["status"] for one in items] == [201, 200]
    assert items[0]["order"]["id"] == items[1]["order"]["id"]


@pytest.mark.parametrize(
    ("orders", "field"),
    [
        ([], "orders"),
        ([order()] * 101, "orders"),
        ([order(), order(price=1)], "orders[1].price"),
        ([order(prise="0.5")], "orders[0].prise"),
        ([order(side=None)], "orders[0].side"),
        (None, "orders"),
    ],
)
async def test_a_batch_that_is_none_is_refused_whole(
    running: Running, orders: Any, field: str
) -> None:
    digest = running.digest()
    body = {"orders": orders}
    problem = await running.refused(400, "MALFORMED", "POST", "/orders/batch", json=body)
    assert problem["field"] == field
    assert running.digest() == digest


async def test_a_batch_of_nothing_but_unreadable_orders_changes_nothing(running: Running) -> None:
    digest = running.digest()
    items = await placed(running, order(price="0.50000"), order(quantity="x"))
    assert [one["problem"]["field"] for one in items] == ["price", "quantity"]
    assert running.digest() == digest


async def test_outcomes_that_do_not_come_have_their_ids_and_are_found_by_them(
    running: Running,
) -> None:
    hasty = attrs.evolve(venue_of(running.exchange), answer_timeout_s=0.0)
    orders = [order(client_order_id="c1"), order(price="9"), order()]
    async with serving(create_app(hasty), "127.0.0.1", 0) as url:
        response = await running.client.post(
            f"{url}/api/v1/orders/batch", json={"orders": orders}, headers={"X-User-Id": "u1"}
        )
    items = response.json()["items"]
    codes = [one["problem"]["code"] for one in items]
    assert codes == ["OUTCOME_UNKNOWN", "INVALID_PRICE", "OUTCOME_UNKNOWN"]
    assert [one["status"] for one in items] == [504, 422, 504]
    unknown = [items[0]["problem"], items[2]["problem"]]
    assert unknown[0]["client_order_id"] == "c1"
    again = await placed(
        running, *[order(client_order_id=one["client_order_id"]) for one in unknown]
    )
    assert [one["status"] for one in again] == [200, 200]
    assert [one["order"]["id"] for one in again] == [one["order_id"] for one in unknown]


async def test_an_input_that_took_nothing_refuses_the_batch_whole(running: Running) -> None:
    for stream in running.exchange.inputs.values():
        await stream.__aexit__(None, None, None)
    digest = running.digest()
    body = {"orders": [order(), order()]}
    await running.refused(503, "NOT_TAKEN", "POST", "/orders/batch", json=body)
    items = await placed(running, order(price="9"), order())
    assert [one["status"] for one in items] == [422, 503]
    assert running.digest() == digest


async def test_what_was_done_before_and_cannot_be_shown_is_no_503_of_a_batch(
    tmp_path: Path,
) -> None:
    async with running_exchange(tmp_path, answer_timeout_s=2.0) as running:
        await running.open_market()
        body = {"orders": [order(client_order_id="c1"), order(client_order_id="c2", price="0.4")]}
        await running.done("POST", "/orders/batch", json={"orders": body["orders"][:1]})
        await running.exchange.history.orders.__aexit__(None, None, None)
        first, second = await placed(running, *body["orders"])
        assert (first["status"], first["problem"]["code"]) == (504, "DONE_NOT_SHOWN")
        assert (second["status"], second["order"]["status"]) == (201, "new")
