"""Orders over HTTP: every outcome reaches who asked, and later questions see it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from pmengine.commands import SubmitOrder
from pmstore import OrderType, Side, Symbol
from pmstore.clock import system_clock
from tests.gateways.exchange import EVENT, Running, order, running_exchange, venue_of


async def place(running: Running, user: str = "u1", **fields: Any) -> Any:
    response = await running.ask("POST", "/orders", user=user, json=order(**fields))
    assert response.status_code == 201, response.text
    return response.json()


async def test_a_resting_order_is_answered_201_as_it_is(running: Running) -> None:
    placed = await place(running, client_order_id="c1")
    assert placed["trades"] == []
    shown = placed["order"]
    assert shown["client_order_id"] == "c1"
    assert (shown["status"], shown["side"], shown["type"]) == ("new", "buy", "limit")
    assert (shown["price"], shown["quantity"], shown["remaining_quantity"]) == ("0.5", "1", "1")
    assert shown["average_price"] is None
    found = await running.done("GET", f"/orders/{shown['id']}")
    assert found["order"] == shown


async def test_a_crossing_order_is_answered_with_its_trades_at_the_makers_price(
    running: Running,
) -> None:
    await place(running, "u2", side="sell", price="0.41", quantity="0.5")
    await place(running, "u2", side="sell", price="0.44", quantity="1")
    placed = await place(running, price="0.45", quantity="2.5")
    assert [
        (one["price"], one["quantity"], one["match_type"], one["side"]) for one in placed["trades"]
    ] == [("0.41", "0.5", "normal", "buy"), ("0.44", "1", "normal", "buy")]
    shown = placed["order"]
    assert (shown["status"], shown["filled_quantity"], shown["remaining_quantity"]) == (
        "partially_filled",
        "1.5",
        "1",
    )
    assert shown["average_price"] == "0.43"
    trades = await running.done("GET", "/trades?event_id=1&market_id=1", user=None)
    assert trades["items"] == list(reversed(placed["trades"]))
    assert "u1" not in str(trades)


async def test_two_buys_of_both_tokens_mint(running: Running) -> None:
    await place(running, "u2", token_id="n1", price="0.6")
    placed = await place(running, price="0.4")
    assert [one["match_type"] for one in placed["trades"]] == ["mint"]
    assert placed["order"]["status"] == "filled"


async def test_the_average_of_a_maker_and_taker_counts_both_fills(running: Running) -> None:
    await place(running, "u2", side="sell", price="0.4", quantity="1")
    mine = (await place(running, price="0.5", quantity="4"))["order"]
    await place(running, "u2", side="sell", price="0.5", quantity="2")
    found = (await running.done("GET", f"/orders/{mine['id']}"))["order"]
    assert found["filled_quantity"] == "3"
    assert found["average_price"] == "0.466667"


async def test_the_same_client_order_id_again_is_the_same_order_once(running: Running) -> None:
    await place(running, "u2", side="sell", price="0.5", quantity="0.4")
    first = await place(running, client_order_id="again")
    digest = running.digest()
    response = await running.ask("POST", "/orders", json=order(client_order_id="again"))
    assert response.status_code == 200
    assert response.json() == first
    assert running.digest() == digest


async def test_the_same_client_order_id_with_other_content_is_refused(running: Running) -> None:
    await place(running, client_order_id="again")
    body = order(client_order_id="again", price="0.51")
    await running.refused(422, "ID_REUSED", "POST", "/orders", json=body)


async def test_a_refusal_is_remembered_too(running: Running) -> None:
    body = order(client_order_id="poor", quantity="100000")
    await running.refused(422, "INSUFFICIENT_BALANCE", "POST", "/orders", json=body)
    await running.done("POST", "/deposits", json={"id": "d9", "user_id": "u1", "amount": "99999"})
    await running.refused(422, "INSUFFICIENT_BALANCE", "POST", "/orders", json=body)


async def test_market_orders_take_a_volume_or_a_quantity(running: Running) -> None:
    await place(running, "u2", side="sell", price="0.5", quantity="10")
    bought = await place(running, type="market", price=None, quantity=None, volume="3")
    shown = bought["order"]
    assert (shown["status"], shown["filled_quantity"], shown["spent"]) == ("filled", "6", "3")
    await place(running, "u2", price="0.3", quantity="10")
    sold = await place(running, side="sell", type="market", price=None, quantity="4")
    assert (sold["order"]["status"], sold["order"]["average_price"]) == ("filled", "0.3")


async def test_what_an_ioc_order_leaves_is_cancelled(running: Running) -> None:
    placed = await place(running, time_in_force="ioc")
    assert placed["order"]["status"] == "cancelled"


async def test_a_post_only_order_that_would_trade_is_refused(running: Running) -> None:
    await place(running, "u2", side="sell")
    body = order(post_only=True)
    await running.refused(422, "POST_ONLY_WOULD_TRADE", "POST", "/orders", json=body)


async def test_a_time_in_the_past_is_too_late(running: Running) -> None:
    body = order(valid_until_ms=1)
    await running.refused(422, "TOO_LATE", "POST", "/orders", json=body)


async def test_a_cancelled_order_is_shown_as_cancelled_and_not_again(running: Running) -> None:
    placed = (await place(running))["order"]
    path = f"/orders/{placed['id']}"
    cancelled = (await running.done("DELETE", path))["order"]
    assert (cancelled["status"], cancelled["remaining_quantity"]) == ("cancelled", "1")
    assert (await running.done("GET", path))["order"] == cancelled
    await running.refused(409, "UNKNOWN_ORDER", "DELETE", path)
    await running.refused(404, "UNKNOWN_ORDER", "DELETE", "/orders/nobody-knows-it")


async def test_nobody_sees_or_changes_an_order_of_another(running: Running) -> None:
    path = f"/orders/{(await place(running))['order']['id']}"
    digest = running.digest()
    await running.refused(404, "UNKNOWN_ORDER", "GET", path, user="u2")
    await running.refused(404, "NOT_OWNER", "DELETE", path, user="u2")
    await running.refused(404, "NOT_OWNER", "PATCH", path, user="u2", json={"price": "0.4"})
    assert running.digest() == digest
    assert (await running.done("GET", "/orders", user="u2"))["items"] == []


async def test_an_amended_order_has_its_new_price_and_may_trade(running: Running) -> None:
    await place(running, "u2", side="sell", price="0.6", quantity="0.5")
    path = f"/orders/{(await place(running))['order']['id']}"
    smaller = await running.done("PATCH", path, json={"quantity": "0.9"})
    assert smaller["order"]["quantity"] == "0.9"
    amended = await running.done("PATCH", path, json={"price": "0.6"})
    assert [one["quantity"] for one in amended["trades"]] == ["0.5"]
    assert amended["order"]["remaining_quantity"] == "0.4"
    await running.refused(422, "MALFORMED", "PATCH", path, json={})
    await running.refused(422, "INSUFFICIENT_BALANCE", "PATCH", path, json={"quantity": "1000000"})


async def test_own_orders_come_by_status_market_and_page(running: Running) -> None:
    placed = [(await place(running, price=f"0.{n}"))["order"]["id"] for n in range(11, 18)]
    for id in placed[:3]:
        await running.done("DELETE", f"/orders/{id}")
    active = await running.done("GET", "/orders?status=active")
    assert [one["id"] for one in active["items"]] == placed[3:]
    closed = await running.done("GET", "/orders?status=closed&event_id=1&market_id=1")
    assert [one["id"] for one in closed["items"]] == placed[:3]
    assert (await running.done("GET", "/orders?market_id=2"))["items"] == []
    seen: list[str] = []
    query = "/orders?limit=2"
    while True:
        page = await running.done("GET", query)
        seen += [one["id"] for one in page["items"]]
        if page["next"] is None:
            break
        query = f"/orders?limit=2&after={page['next']}"
    assert seen == placed


async def test_whoever_was_answered_reads_it_everywhere_at_once(running: Running) -> None:
    async def write_then_read(number: int) -> None:
        user = f"reader-{number}"
        deposit = {"id": "d", "user_id": user, "amount": "10"}
        shown = await running.done("POST", "/deposits", json=deposit)
        assert shown["cash"]["available"] == "10"
        placed = await place(running, user, price=f"0.1{number:02}")
        depth = await running.done("GET", "/depth?event_id=1&market_id=1", user=user)
        assert f"0.1{number:02}".rstrip("0") in str(depth["depths"]["y1"]["bids"])
        order_id = placed["order"]["id"]
        listed = await running.done("GET", "/orders?status=active", user=user)
        assert [one["id"] for one in listed["items"]] == [order_id]
        account = await running.done("GET", "/account", user=user)
        assert account["cash"]["frozen"] == f"0.1{number:02}".rstrip("0")
        await running.done("DELETE", f"/orders/{order_id}", user=user)
        assert (await running.done("GET", "/orders?status=active", user=user))["items"] == []

    await asyncio.gather(*[write_then_read(number) for number in range(50)])


async def test_paused_orders_are_refused_and_cancels_go_on(running: Running) -> None:
    path = f"/orders/{(await place(running))['order']['id']}"
    assert await running.done("POST", "/pause") == {"paused": True, "post_only_ms": 0}
    await running.refused(422, "PAUSED", "POST", "/orders", json=order())
    await running.done("DELETE", path)
    assert await running.done("POST", "/resume") == {"paused": False, "post_only_ms": 0}
    await place(running)


@pytest.mark.parametrize("path", ["/orders", "/account"])
async def test_who_does_not_say_who_asks_is_told_how(running: Running, path: str) -> None:
    problem = await running.refused(401, "NO_USER", "GET", path, user=None)
    assert "X-User-Id" in problem["detail"]
    await running.refused(422, "INVALID_ID", "GET", path, user="no spaces")


async def test_an_outcome_that_does_not_come_is_504_with_both_ids_and_done_once(
    tmp_path: Path,
) -> None:
    async with running_exchange(tmp_path, answer_timeout_s=0.0) as hasty:
        problem = await hasty.refused(
            504, "OUTCOME_UNKNOWN", "POST", "/orders", json=order(client_order_id="c1")
        )
        assert problem["client_order_id"] == "c1"
        assert problem["type"].endswith(":outcome-unknown")
        order_id = problem["order_id"]
        assert len(order_id) == 36
    async with running_exchange(tmp_path) as patient:
        # It was refused before (there was no event), and the same ids get the same answer.
        await patient.done("POST", "/events", json=EVENT)
        body = order(client_order_id="c1")
        await patient.refused(422, "UNKNOWN_EVENT", "POST", "/orders", json=body)


async def test_an_exchange_that_closed_its_input_says_503_and_does_nothing(
    running: Running,
) -> None:
    for stream in running.exchange.inputs.values():
        await stream.__aexit__(None, None, None)
    digest = running.digest()
    problem = await running.refused(503, "NOT_TAKEN", "POST", "/orders", json=order())
    assert "nothing was done" in problem["detail"]
    assert running.digest() == digest


async def test_all_own_orders_are_cancelled_at_once_or_those_of_a_market(running: Running) -> None:
    first = (await place(running))["order"]["id"]
    second = (await place(running, price="0.4"))["order"]["id"]
    other = (await place(running, market_id=2, token_id="y2"))["order"]["id"]
    theirs = (await running.done("POST", "/orders", user="u2", json=order(price="0.3")))["order"]
    done = await running.done("DELETE", "/orders?event_id=1&market_id=1")
    assert [(one["id"], one["status"]) for one in done["items"]] == [
        (first, "cancelled"),
        (second, "cancelled"),
    ]
    assert done["more"] is False
    await running.refused(404, "UNKNOWN_ORDER", "DELETE", "/orders?event_id=1&market_id=1")
    done = await running.done("DELETE", "/orders")
    assert [one["id"] for one in done["items"]] == [other]
    shown = await running.done("GET", f"/orders/{theirs['id']}", user="u2")
    assert shown["order"]["status"] == "new"


async def test_of_very_many_orders_the_answer_has_the_first_and_says_so(tmp_path: Path) -> None:
    async with running_exchange(tmp_path, told={"ENGINE_STEP_MAX": "2"}) as running:
        await running.open_market()
        placed = [await place(running, price=f"0.{cents}") for cents in range(40, 46)]
        done = await running.done("DELETE", "/orders")
        assert done["more"] is True
        assert 1 <= len(done["items"]) < 6
        depth = await running.done("GET", "/depth?event_id=1&market_id=1")
        assert [side["bids"] + side["asks"] for side in depth["depths"].values()] == [[], []]
        async with asyncio.timeout(30):
            while (await running.done("GET", "/orders?status=active"))["items"]:
                await asyncio.sleep(0.01)
        closed = await running.done("GET", "/orders?status=closed")
        assert {one["id"] for one in closed["items"]} == {one["order"]["id"] for one in placed}


async def test_of_a_group_or_session_no_more_are_left_though_other_orders_are(
    running: Running,
) -> None:
    await place(running, price="0.4")
    limit = {"group": "g", "quantity_max": "100", "window_ms": 1000}
    await running.done("POST", "/groups", json=limit)
    await running.done("POST", "/heartbeats", json={"session": "s", "timeout_ms": 600_000})
    for named, query in (({"group": "g"}, "group=g"), ({"session": "s"}, "session=s")):
        last = await place(running, **named)
        done = await running.done("DELETE", f"/orders?{query}")
        assert [one["id"] for one in done["items"]] == [last["order"]["id"]]
        assert done["more"] is False


async def test_of_very_many_orders_of_a_group_the_answer_says_that_more_are_left(
    tmp_path: Path,
) -> None:
    async with running_exchange(tmp_path, told={"ENGINE_STEP_MAX": "2"}) as running:
        await running.open_market()
        limit = {"group": "g", "quantity_max": "100", "window_ms": 1000}
        await running.done("POST", "/groups", json=limit)
        await place(running, price="0.3")
        for cents in range(40, 46):
            await place(running, price=f"0.{cents}", group="g")
        assert (await running.done("DELETE", "/orders?group=g"))["more"] is True


async def test_more_orders_than_a_store_is_asked_for_at_once_are_cancelled_and_shown(
    tmp_path: Path,
) -> None:
    async with running_exchange(tmp_path, told={"ENGINE_STEP_MAX": "100000"}) as running:
        await running.open_market()
        venue = venue_of(running.exchange)
        count = venue.history.orders.limits.batch_size_max + 1  # 10,001
        commands = [
            SubmitOrder(
                order_id=f"o{number}",
                symbol=Symbol(1, 1, "y1"),
                side=Side.BUY,
                order_type=OrderType.LIMIT,
                user_id="u1",
                quantity=1,
                price=4000,
                client_order_id=f"c{number}",
                valid_until_ms=system_clock() + 3_600_000,
            )
            for number in range(count)
        ]
        for some in (commands[:5000], commands[5000:]):
            await venue.front.send_all(some, 120.0)
        done = await running.done("DELETE", "/orders")
        assert [one["id"] for one in done["items"]] == [f"o{one}" for one in range(count)]


async def test_orders_that_end_after_what_is_left_to_do_are_cancelled_all_the_same(
    tmp_path: Path,
) -> None:
    told = {"ENGINE_STEP_MAX": "1", "ENGINE_TICK_MS": "60000"}
    async with running_exchange(tmp_path, told=told) as running:
        await running.open_market()
        for cents in range(30, 40):
            await place(running, price=f"0.{cents}")
        theirs = await place(running, "u2", price="0.2")
        assert (await running.done("DELETE", "/orders"))["more"] is True
        done = await running.done("DELETE", "/orders", user="u2")
        assert done == {"items": [], "more": True}
        depth = await running.done("GET", "/depth?event_id=1&market_id=1")
        assert depth["depths"]["y1"]["bids"] == []  # nobody can trade with it any more
        path = f"/orders/{theirs['order']['id']}"
        ended = await running.refused(409, "UNKNOWN_ORDER", "DELETE", path, user="u2")
        assert "about to end" in ended["detail"]
        assert (await running.done("DELETE", "/orders"))["more"] is True  # of the first request
        async with asyncio.timeout(30):
            while (await running.done("GET", path, user="u2"))["order"]["status"] == "new":
                await running.ask("DELETE", "/orders", user="u3")  # each command is a step
        assert (await running.done("GET", path, user="u2"))["order"]["status"] == "cancelled"
