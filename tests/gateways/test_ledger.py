"""What moved a user's money and shares is shown line by line, and to nobody else."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

from pmengine.client import Client
from tests.gateways.exchange import Running, order, running_exchange
from tests.gateways.test_own_lists import pages


async def test_lines_say_what_moved_and_what_there_was_afterwards(running: Running) -> None:
    before = await running.done("GET", "/account")
    bought = await running.done("POST", "/orders", json=order(price="0.6", quantity="2"))
    other = order(token_id="n1", price="0.4", quantity="1.5")
    taken = await running.done("POST", "/orders", user="u2", json=other)
    trade = str(taken["trades"][0]["trade_id"])
    lines = await pages(running, "/ledger?limit=100")
    newest = [
        (one["kind"], one["reference"], one["asset"], one["available"], one["frozen"])
        for one in lines[:3]
    ]
    assert newest == [
        ("trade", trade, "y1", "1.5", "0"),
        ("trade", trade, "cash", "0", "-0.9"),
        ("hold", bought["order"]["id"], "cash", "-1.2", "1.2"),
    ]
    account = await running.done("GET", "/account")
    assert account["cash"] == {
        "available": lines[1]["available_after"],
        "frozen": lines[1]["frozen_after"],
    }
    assert Decimal(before["cash"]["available"]) - Decimal("1.2") == Decimal(
        account["cash"]["available"]
    )
    assert lines[-1]["kind"] == "deposit"


async def test_pages_and_filters_show_every_line_once(running: Running) -> None:
    for number in range(4):
        await running.done("POST", "/orders", json=order(quantity="0.1"))
        side = order(side="sell", quantity="0.1", token_id="y1")
        await running.done("POST", "/splits", user="u2", json=split(number))
        await running.done("POST", "/orders", user="u2", json=side)
    whole = await pages(running, "/ledger?limit=1000")
    for limit in (1, 3):
        assert await pages(running, f"/ledger?limit={limit}") == whole
    for name in ("asset", "kind"):
        for value in {one[name] for one in whole}:
            wanted = [one for one in whole if one[name] == value]
            assert await pages(running, f"/ledger?limit=2&{name}={value}") == wanted
    at = whole[3]["timestamp"]
    assert await pages(running, f"/ledger?limit=5&start_ms={at}") == [
        one for one in whole if one["timestamp"] >= at
    ]
    assert await pages(running, f"/ledger?limit=5&end_ms={at}") == [
        one for one in whole if one["timestamp"] < at
    ]
    await running.refused(400, "MALFORMED", "GET", "/ledger?kind=theft")
    await running.refused(400, "MALFORMED", "GET", "/ledger?after=nonsense")


def split(number: int) -> dict[str, Any]:
    return {"id": f"s{number}", "event_id": 1, "market_id": 1, "amount": "1"}


async def test_a_user_sees_own_lines_alone_and_an_admin_anybodys(running: Running) -> None:
    await running.done("POST", "/orders", json=order(quantity="0.1"))
    assert await pages(running, "/ledger?limit=10", user="u9") == []
    mine = await pages(running, "/ledger?limit=1000")
    assert mine
    assert await pages(running, "/users/u1/ledger?limit=1000", user="u9") == mine
    async with Client(running.url, user_id="u1") as client:
        told = [line async for line in client.ledger(kind="hold")]
        assert [str(line.available) for line in told] == [
            one["available"] for one in mine if one["kind"] == "hold"
        ]
        assert [line async for line in client.ledger(user_id="u9")] == []


async def test_where_no_ledger_is_kept_that_is_said(tmp_path: Path) -> None:
    async with running_exchange(tmp_path, told={"ENGINE_LEDGER": "off"}) as running:
        await running.refused(501, "NO_LEDGER", "GET", "/ledger")
