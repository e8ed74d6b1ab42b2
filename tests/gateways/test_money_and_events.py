"""Money and events over HTTP."""

from __future__ import annotations

from tests.gateways.exchange import EVENT, Running, order


async def test_the_same_deposit_again_changes_nothing(running: Running) -> None:
    body = {"id": "d1", "user_id": "u9", "amount": "1.000001"}
    first = await running.done("POST", "/deposits", json=body)
    assert first == {
        "user_id": "u9",
        "cash": {"available": "1.000001", "frozen": "0"},
        "positions": [],
    }
    digest = running.digest()
    assert await running.done("POST", "/deposits", json=body) == first
    assert running.digest() == digest
    other = {**body, "amount": "2"}
    await running.refused(422, "ID_REUSED", "POST", "/deposits", json=other)


async def test_money_leaves_only_as_far_as_it_is_available(running: Running) -> None:
    await running.done("POST", "/orders", json=order(quantity="1000"))
    account = await running.done("GET", "/account")
    assert account["cash"] == {"available": "8500", "frozen": "500"}
    body = {"id": "w1", "amount": "8500.000001"}
    await running.refused(422, "INSUFFICIENT_BALANCE", "POST", "/withdrawals", json=body)
    left = await running.done("POST", "/withdrawals", json={"id": "w2", "amount": "8500"})
    assert left["cash"] == {"available": "0", "frozen": "500"}


async def test_pairs_are_split_and_merged(running: Running) -> None:
    pairs = {"id": "p1", "event_id": 1, "market_id": 2, "amount": "2.5"}
    split = await running.done("POST", "/splits", json=pairs)
    held = {one["token_id"]: one["available"] for one in split["positions"]}
    assert held == {"n1": "1000", "n2": "2.5", "y1": "1000", "y2": "2.5"}
    merged = await running.done("POST", "/merges", json=pairs)
    assert {one["token_id"] for one in merged["positions"]} == {"n1", "y1"}
    assert merged["cash"]["available"] == "9000"
    more = {**pairs, "id": "p2"}
    await running.refused(422, "INSUFFICIENT_BALANCE", "POST", "/merges", json=more)
    nowhere = {**pairs, "id": "p3", "market_id": 7}
    await running.refused(422, "UNKNOWN_MARKET", "POST", "/splits", json=nowhere)


async def test_an_event_shows_the_best_prices_of_both_outcomes(running: Running) -> None:
    await running.done("POST", "/orders", json=order(price="0.4"))
    await running.done("POST", "/orders", user="u2", json=order(side="sell", price="0.45"))
    await running.done("POST", "/orders", json=order(price="0.45", quantity="0.3"))
    event = await running.done("GET", "/events/1", user=None)
    yes, no = event["markets"]["1"]["tokens"]
    assert (yes["best_bid"], yes["best_ask"], yes["last_price"]) == ("0.4", "0.45", "0.45")
    assert (no["best_bid"], no["best_ask"], no["last_price"]) == ("0.55", "0.6", "0.55")
    quiet = event["markets"]["2"]["tokens"][0]
    assert (quiet["best_bid"], quiet["best_ask"], quiet["last_price"]) == (None, None, None)


async def test_events_come_in_pages_and_adding_one_again_changes_nothing(running: Running) -> None:
    for number in range(2, 7):
        body = {
            "event_id": number,
            "end_date": "2090-01-02T03:04:05.006Z",
            "markets": {"1": {"token_ids": [f"a{number}", f"b{number}"], "tick_size": 100}},
        }
        shown = await running.done("POST", "/events", json=body)
        assert shown["end_date"] == "2090-01-02T03:04:05.006Z"
        assert shown["markets"]["1"]["tick_size"] == 100
    digest = running.digest()
    assert (await running.done("POST", "/events", json=EVENT))["event_id"] == 1
    assert running.digest() == digest
    seen: list[int] = []
    query = "/events?limit=2"
    while True:
        page = await running.done("GET", query)
        seen += [one["event_id"] for one in page["items"]]
        if page["next"] is None:
            break
        query = f"/events?limit=2&after={page['next']}"
    assert seen == [1, 2, 3, 4, 5, 6]
    body = order(event_id=2, token_id="a2", price="0.5001")
    await running.refused(422, "INVALID_TICK", "POST", "/orders", json=body)


async def test_a_resolved_market_pays_and_takes_no_more_orders(running: Running) -> None:
    placed = await running.done("POST", "/orders", json=order())
    path = "/events/1/markets/1/resolve"
    market = await running.done("POST", path, json={"payouts": ["1", "0"]})
    assert market["state"] == "resolved"
    assert [one["payout"] for one in market["tokens"]] == ["1", "0"]
    found = await running.done("GET", f"/orders/{placed['order']['id']}")
    assert found["order"]["status"] == "cancelled"
    account = await running.done("GET", "/account")
    assert account["cash"] == {"available": "10000", "frozen": "0"}
    assert account["positions"] == []
    await running.refused(422, "MARKET_CLOSED", "POST", "/orders", json=order())
    depth = await running.done("GET", "/depth?event_id=1&market_id=1")
    assert [side["bids"] + side["asks"] for side in depth["depths"].values()] == [[], []]


async def test_payouts_add_up_to_one(running: Running) -> None:
    path = "/events/1/markets/1/resolve"
    digest = running.digest()
    await running.refused(422, "MALFORMED", "POST", path, json={"payouts": ["0.5", "0.4999"]})
    await running.refused(422, "MALFORMED", "POST", path, json={"payouts": ["2", "0"]})
    assert running.digest() == digest
    nowhere = "/events/1/markets/9/resolve"
    body = {"payouts": ["1", "0"]}
    await running.refused(404, "UNKNOWN_MARKET", "POST", nowhere, json=body)


async def test_depth_shows_both_tokens_and_so_many_levels(running: Running) -> None:
    for price in ("0.4", "0.41", "0.42"):
        await running.done("POST", "/orders", json=order(price=price, quantity="2"))
    depth = await running.done("GET", "/depth?event_id=1&market_id=1&levels=2", user=None)
    assert depth["update_id"] == 3
    assert depth["depths"]["y1"] == {
        "latest_trade_price": None,
        "bids": [
            {"price": "0.42", "total_quantity": "2", "total_size": "0.84"},
            {"price": "0.41", "total_quantity": "2", "total_size": "0.82"},
        ],
        "asks": [],
    }
    assert [one["price"] for one in depth["depths"]["n1"]["asks"]] == ["0.58", "0.59"]


async def test_trades_come_by_market_time_and_page(running: Running) -> None:
    await running.done("POST", "/orders", user="u2", json=order(side="sell", quantity="9"))
    for _ in range(5):
        await running.done("POST", "/orders", json=order())
    every = (await running.done("GET", "/trades"))["items"]
    assert len(every) == 5
    ids = [one["trade_id"] for one in every]
    assert ids == sorted(ids, reverse=True)
    first = await running.done("GET", "/trades?event_id=1&market_id=1&limit=3")
    rest = await running.done("GET", f"/trades?event_id=1&market_id=1&after={first['next']}")
    assert first["items"] + rest["items"] == every
    assert (await running.done("GET", "/trades?market_id=2"))["items"] == []
    start = every[-1]["timestamp"]
    assert (await running.done("GET", f"/trades?end_ms={start}"))["items"] == []
