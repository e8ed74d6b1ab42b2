"""Exclusive events, voids, pauses and fees over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from tests.gateways.exchange import Running, order

CANDIDATES = {
    "event_id": 2,
    "exclusive": True,
    "markets": {str(number): {"token_ids": [f"Y{number}", f"N{number}"]} for number in (1, 2, 3)},
}


def held(account: Any) -> dict[str, str]:
    return {one["token_id"]: one["available"] for one in account["positions"]}


@pytest.fixture
async def election(running: Running) -> Running:
    shown = await running.done("POST", "/events", json=CANDIDATES)
    assert shown["exclusive"] is True
    for user in ("a", "b"):
        body = {"id": f"e-{user}", "user_id": user, "amount": "1000"}
        await running.done("POST", "/deposits", json=body)
    return running


async def test_a_set_is_split_and_merged_at_one(election: Running) -> None:
    sets = {"id": "s1", "event_id": 2, "amount": "10"}
    account = await election.done("POST", "/splits", user="a", json=sets)
    assert held(account) == {"Y1": "10", "Y2": "10", "Y3": "10"}
    assert account["cash"]["available"] == "990"
    assert await election.done("POST", "/splits", user="a", json=sets) == account
    account = await election.done("POST", "/merges", user="a", json=sets)
    assert (held(account), account["cash"]["available"]) == ({}, "1000")
    plain = {**sets, "id": "s2", "event_id": 1}
    await election.refused(422, "MALFORMED", "POST", "/splits", user="a", json=plain)


async def test_no_of_some_markets_becomes_money_and_yes_of_the_others(election: Running) -> None:
    for number in (1, 2):
        pairs = {"id": f"p{number}", "event_id": 2, "market_id": number, "amount": "4"}
        await election.done("POST", "/splits", user="a", json=pairs)
    body = {"id": "c1", "event_id": 2, "market_ids": [1, 2], "amount": "3"}
    account = await election.done("POST", "/converts", user="a", json=body)
    assert held(account) == {"N1": "1", "N2": "1", "Y1": "4", "Y2": "4", "Y3": "3"}
    assert account["cash"]["available"] == "995"
    assert await election.done("POST", "/converts", user="a", json=body) == account
    more = {**body, "id": "c2"}
    ask = ("POST", "/converts")
    await election.refused(422, "INSUFFICIENT_BALANCE", *ask, user="a", json=more)
    nowhere = {**body, "id": "c3", "market_ids": [1, 7]}
    await election.refused(422, "UNKNOWN_MARKET", *ask, user="a", json=nowhere)
    twice = {**body, "id": "c4", "market_ids": [1, 1]}
    await election.refused(422, "MALFORMED", *ask, user="a", json=twice)
    none = {**body, "id": "c5", "market_ids": []}
    await election.refused(400, "MALFORMED", *ask, user="a", json=none)


async def test_an_exclusive_event_is_resolved_as_a_whole(election: Running) -> None:
    await election.done("POST", "/splits", user="a", json={"id": "s", "event_id": 2, "amount": "8"})
    alone = "/events/2/markets/1/resolve"
    await election.refused(422, "MALFORMED", "POST", alone, json={"payouts": ["1", "0"]})
    answer = {"1": ["0", "1"], "2": ["0.25", "0.75"], "3": ["0.75", "0.25"]}
    path = "/events/2/resolve"
    digest = election.digest()
    two = {**answer, "1": ["0.5", "0.5"]}
    problem = await election.refused(422, "MALFORMED", "POST", path, json={"payouts": two})
    assert "add up to 1.5" in problem["detail"]
    both: dict[str, Any] = {"payouts": answer, "void": True}
    await election.refused(422, "MALFORMED", "POST", path, json=both)
    await election.refused(422, "MALFORMED", "POST", path, json={})
    missing = {"payouts": {"1": ["1", "0"]}}
    await election.refused(422, "MALFORMED", "POST", path, json=missing)
    assert election.digest() == digest
    body = {"payouts": answer}
    await election.refused(404, "UNKNOWN_EVENT", "POST", "/events/9/resolve", json=body)
    event = await election.done("POST", path, json=body)
    assert {one["state"] for one in event["markets"].values()} == {"resolved"}
    assert [one["payout"] for one in event["markets"]["2"]["tokens"]] == ["0.25", "0.75"]
    account = await election.done("GET", "/account", user="a")
    assert (held(account), account["cash"]["available"]) == ({}, "1000")


async def test_what_has_no_answer_is_void(election: Running) -> None:
    await election.done("POST", "/splits", user="a", json={"id": "s", "event_id": 2, "amount": "3"})
    event = await election.done("POST", "/events/2/resolve", json={"void": True})
    assert {one["state"] for one in event["markets"].values()} == {"void"}
    paid = [one["tokens"][0]["payout"] for one in event["markets"].values()]
    assert paid == ["0.3334", "0.3333", "0.3333"]
    market = await election.done("POST", "/events/1/markets/1/resolve", json={"void": True})
    assert market["state"] == "void"
    assert [one["payout"] for one in market["tokens"]] == ["0.5", "0.5"]
    account = await election.done("GET", "/account")
    assert account["cash"]["available"] == "10000"


async def test_one_market_is_paused_and_resumed(running: Running) -> None:
    placed = await running.done("POST", "/orders", json=order())
    paused = await running.done("POST", "/events/1/markets/1/pause")
    assert paused["state"] == "paused"
    assert paused["tokens"][0]["best_bid"] == "0.5"
    await running.refused(422, "PAUSED", "POST", "/orders", json=order())
    await running.done("DELETE", f"/orders/{placed['order']['id']}")
    await running.refused(404, "UNKNOWN_MARKET", "POST", "/events/1/markets/9/pause")
    opened = await running.done("POST", "/events/1/markets/1/resume")
    assert opened["state"] == "open"
    await running.done("POST", "/orders", json=order())
    await running.done("POST", "/events/1/markets/1/resolve", json={"payouts": ["1", "0"]})
    await running.refused(422, "MARKET_CLOSED", "POST", "/events/1/markets/1/pause")


async def test_after_a_resume_makers_may_come_first(running: Running) -> None:
    await running.done("POST", "/pause")
    state = await running.done("POST", "/resume?post_only_ms=3600000")
    assert state == {"paused": False, "post_only_ms": 3_600_000}
    await running.refused(422, "PAUSED", "POST", "/orders", json=order())
    await running.done("POST", "/orders", json=order(post_only=True))
    await running.refused(400, "MALFORMED", "POST", "/resume?post_only_ms=-1")
    await running.done("POST", "/resume")
    await running.done("POST", "/orders", json=order())


async def test_a_market_charges_the_fees_that_it_was_listed_with(running: Running) -> None:
    fees = {"kind": "linear", "maker_ppm": 0, "taker_ppm": 10_000}
    event = {"event_id": 3, "markets": {"1": {"token_ids": ["f1", "f2"], "fees": fees}}}
    shown = await running.done("POST", "/events", json=event)
    assert shown["markets"]["1"]["fees"] == fees
    pairs = {"id": "f", "event_id": 3, "market_id": 1, "amount": "10"}
    await running.done("POST", "/splits", user="u2", json=pairs)
    sold = order(event_id=3, token_id="f1", side="sell", quantity="10")
    await running.done("POST", "/orders", user="u2", json=sold)
    await running.done("POST", "/orders", json=order(event_id=3, token_id="f1", quantity="10"))
    account = await running.done("GET", "/account")
    assert account["cash"]["available"] == "8994.95"
    house = await running.done("GET", "/account", user="fees")
    assert house["cash"]["available"] == "0.05"
    wrong = {**fees, "taker_ppm": 100_001}
    event = {"event_id": 4, "markets": {"1": {"token_ids": ["g1", "g2"], "fees": wrong}}}
    await running.refused(400, "MALFORMED", "POST", "/events", json=event)


async def test_an_order_is_filled_as_a_whole_or_refused(running: Running) -> None:
    await running.done("POST", "/orders", user="u2", json=order(side="sell", quantity="5"))
    much = order(quantity="6", time_in_force="fok")
    await running.refused(422, "FOK_NOT_FILLABLE", "POST", "/orders", json=much)
    placed = await running.done("POST", "/orders", json=order(quantity="5", time_in_force="fok"))
    assert (placed["order"]["status"], placed["order"]["time_in_force"]) == ("filled", "fok")


async def test_times_in_force_that_do_not_fit_are_named(running: Running) -> None:
    for fields in (
        {"time_in_force": "gtd"},
        {"expires_at_ms": 4_000_000_000_000},
        {"time_in_force": "gtd", "expires_at_ms": 1},
    ):
        await running.refused(422, "INVALID_EXPIRY", "POST", "/orders", json=order(**fields))
    market: dict[str, Any] = {"type": "market", "side": "sell", "price": None}
    fok = order(**market, time_in_force="fok")
    problem = await running.refused(422, "MALFORMED", "POST", "/orders", json=fok)
    assert problem["field"] == "time_in_force"
    placed = order(time_in_force="gtd", expires_at_ms=4_000_000_000_000, post_only=True)
    shown = await running.done("POST", "/orders", json=placed)
    assert shown["order"]["expires_at_ms"] == 4_000_000_000_000
