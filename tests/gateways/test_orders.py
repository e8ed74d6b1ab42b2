"""Orders over HTTP: every outcome reaches who asked, and later questions see it."""

from __future__ import annotations

from tests.gateways.exchange import Running, order


async def test_a_resting_order_is_answered_201_as_it_is(running: Running) -> None:
    response = await running.ask("POST", "/orders", json=order(client_order_id="c1"))
    assert response.status_code == 201
    placed = response.json()
    assert placed["trades"] == []
    shown = placed["order"]
    assert shown["client_order_id"] == "c1"
    assert shown["status"] == "new"
    assert (shown["price"], shown["quantity"], shown["remaining_quantity"]) == ("0.5", "1", "1")
    assert shown["average_price"] is None
    found = await running.done("GET", f"/orders/{shown['id']}")
    assert found["order"] == shown
