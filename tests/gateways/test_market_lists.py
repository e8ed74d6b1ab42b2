"""Lists about markets: every page goes on where the one before ended, and says what is so now."""

from __future__ import annotations

from tests.gateways.exchange import Running, order


async def test_the_top_is_the_best_of_each_side_in_both_tokens_terms(running: Running) -> None:
    for price, quantity in (("0.4", "1"), ("0.45", "2"), ("0.45", "0.5")):
        await running.done("POST", "/orders", json=order(price=price, quantity=quantity))
    sell = order(side="sell", price="0.6", quantity="3")
    await running.done("POST", "/orders", user="u2", json=sell)
    found = (await running.done("GET", "/top?event_id=1&market_id=1"))["items"]
    assert len(found) == 1
    assert found[0]["tokens"] == {
        "y1": {
            "bid": {"price": "0.45", "quantity": "2.5"},
            "ask": {"price": "0.6", "quantity": "3"},
            "last_price": None,
        },
        "n1": {
            "bid": {"price": "0.4", "quantity": "3"},
            "ask": {"price": "0.55", "quantity": "2.5"},
            "last_price": None,
        },
    }
    depth = await running.done("GET", "/depth?event_id=1&market_id=1&levels=1")
    assert found[0]["update_id"] == depth["update_id"]


async def test_tops_of_an_event_come_page_by_page(running: Running) -> None:
    markets = {str(id): {"token_ids": [f"y5{id}", f"n5{id}"]} for id in (9, 3, 27, 1, 4)}
    await running.done("POST", "/events", json={"event_id": 5, "markets": markets})
    seen, after = [], ""
    while True:
        page = await running.done("GET", f"/top?event_id=5&limit=2{after}")
        seen += [one["market_id"] for one in page["items"]]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert seen == [1, 3, 4, 9, 27]
    await running.refused(404, "UNKNOWN_MARKET", "GET", "/top?event_id=5&market_id=2")
    await running.refused(404, "UNKNOWN_EVENT", "GET", "/top?event_id=6")
    await running.refused(400, "MALFORMED", "GET", "/top?event_id=5&after=abc")
