"""Every operation of the API is a call of the client, with typed answers and exact errors."""

from __future__ import annotations

import inspect
import subprocess
import sys
from decimal import Decimal
from typing import Any

import pytest

import pmengine.client
from pmengine.client import (
    CancelledOrders,
    Client,
    ClientClosed,
    Fees,
    NewMarket,
    PlacedOrder,
    Refused,
    Unavailable,
)
from pmengine.gateways.http.api import OPERATIONS
from tests.architecture import rooms
from tests.client.orders import buy
from tests.gateways.exchange import Running

CALLS = {
    "addEvent": "add_event",
    "addTopic": "add_topic",
    "amendOrder": "amend",
    "beat": "beat",
    "cancelOrder": "cancel",
    "cancelOrders": "cancel_all",
    "changeTopic": "change_topic",
    "closeEvent": "close_event",
    "convert": "convert",
    "deposit": "deposit",
    "getAccount": "account",
    "getCaller": "caller",
    "getDepth": "depth",
    "getEvent": "event",
    "getOrder": "order",
    "health": "health",
    "listCandles": "candles",
    "listEvents": "events",
    "listFills": "fills",
    "listLedger": "ledger",
    "listOrders": "orders",
    "listPositions": "positions",
    "listTopics": "topics",
    "listTops": "tops",
    "listTrades": "trades",
    "listUserLedger": "ledger",
    "merge": "merge",
    "pause": "pause",
    "pauseMarket": "pause_market",
    "placeOrder": "place",
    "placeOrders": "place_many",
    "ready": "ready",
    "resolveEvent": "resolve_event",
    "resolveMarket": "resolve_market",
    "resume": "resume",
    "resumeMarket": "resume_market",
    "setGroup": "set_group",
    "split": "split",
    "withdraw": "withdraw",
}
"""Operation of the API -> call of the client."""


def test_every_operation_of_the_api_has_a_call() -> None:
    assert {one.name for one in OPERATIONS} == set(CALLS)
    assert [name for name in CALLS.values() if not hasattr(Client, name)] == []


def test_the_client_needs_nothing_of_the_exchange() -> None:
    program = "import sys, pmengine.client; print('\\n'.join(sys.modules))"
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    loaded = set(ran.stdout.split())
    ours = {name for name in loaded if name.startswith("pmengine.")}
    assert {".".join(name.split(".")[:2]) for name in ours} == {"pmengine.client"}
    optional = {name.partition(".")[0] for name in loaded} & set(rooms.OPTIONAL)
    # httpx takes rich along where it finds it.
    assert optional - {"rich"} == {"httpx", "websockets"}


def test_what_is_public_says_what_it_is() -> None:
    assert pmengine.client.__all__ == sorted(set(pmengine.client.__all__))
    silent = [
        f"{name}.{verb}"
        for name in pmengine.client.__all__
        for verb, one in [("", getattr(pmengine.client, name)), *vars(Client).items()]
        if (inspect.isclass(one) or inspect.isfunction(one)) and not verb.startswith("_")
        if not inspect.getdoc(one)
    ]
    assert silent == []


async def test_an_order_is_placed_amended_looked_at_and_cancelled(client: Client) -> None:
    order = buy(quantity=Decimal("2.50"))
    placed = await client.place(order)
    assert placed.trades == ()
    assert placed.order.status == "new"
    assert placed.order.is_open
    assert placed.order.client_order_id == order.client_order_id
    assert (placed.order.price, placed.order.quantity) == (Decimal("0.5"), Decimal("2.5"))
    again = await client.place(order)
    assert again.order == placed.order
    amended = await client.amend(placed.order.id, price="0.51", quantity=2)
    assert (amended.order.price, amended.order.quantity) == (Decimal("0.51"), Decimal(2))
    assert (await client.order(placed.order.id)).price == Decimal("0.51")
    cancelled = await client.cancel(placed.order.id)
    assert (cancelled.status, cancelled.is_open) == ("cancelled", False)
    with pytest.raises(Refused) as refused:
        await client.cancel(placed.order.id)
    assert (refused.value.status, refused.value.code) == (409, "UNKNOWN_ORDER")


async def test_trades_and_fills_are_exact(client: Client, running: Running) -> None:
    placed = await client.place(buy(price="0.49", quantity="3"))
    async with Client(running.url, user_id="u2") as other:
        taken = await other.place(buy(side="sell", price="0.48", quantity="1.25"))
    (trade,) = taken.trades
    assert (trade.price, trade.quantity) == (Decimal("0.49"), Decimal("1.25"))
    assert taken.order.average_price == Decimal("0.49")
    assert [one async for one in client.trades(event_id=1, market_id=1)] == [trade]
    (candle,) = [one async for one in client.candles(1, 1, interval="1d")]
    assert (candle.open, candle.close) == (Decimal("0.49"), Decimal("0.49"))
    assert (candle.volume, candle.turnover) == (Decimal("1.25"), Decimal("0.6125"))
    (fill,) = [one async for one in client.fills()]
    assert (fill.order_id, fill.role, fill.side) == (placed.order.id, "maker", "buy")
    assert (fill.price, fill.quantity, fill.fee) == (Decimal("0.49"), Decimal("1.25"), 0)
    positions = {one.token_id: one async for one in client.positions(market_id=1)}
    assert positions["y1"].quantity == 1000 + Decimal("1.25")
    assert positions["y1"].mark_price == Decimal("0.49")
    (top,) = [one async for one in client.tops(1, market_id=1)]
    bid = top.tokens["y1"].bid
    assert bid is not None
    assert (bid.price, bid.quantity) == (Decimal("0.49"), Decimal("1.75"))
    (open_order,) = [one async for one in client.orders(status="active")]
    assert open_order.id == placed.order.id
    everything = await client.cancel_all(event_id=1)
    assert isinstance(everything, CancelledOrders)
    assert [one.id for one in everything.items] == [placed.order.id]


async def test_money_and_shares_move_once_by_their_id(client: Client) -> None:
    before = (await client.account()).cash.available
    for _ in range(2):
        account = await client.deposit("u1", "100.5", id="twice")
    assert account.cash.available == before + Decimal("100.5")
    account = await client.withdraw(Decimal("0.5"))
    assert account.cash.available == before + 100
    account = await client.split(10, event_id=1, market_id=2)
    held = {one.token_id: one.available for one in account.positions}
    assert (held["y2"], held["n2"]) == (10, 10)
    account = await client.merge(10, event_id=1, market_id=2)
    assert "y2" not in {one.token_id for one in account.positions}
    with pytest.raises(Refused) as refused:
        await client.withdraw("1000000")
    assert refused.value.code == "INSUFFICIENT_BALANCE"


async def test_events_are_listed_paused_and_resolved(client: Client) -> None:
    fees = Fees(kind="quadratic", maker_ppm=0, taker_ppm=10_000)
    market = NewMarket(token_ids=("a", "b"), outcomes=("Rain", "Sun"), fees=fees)
    event = await client.add_event(7, {1: market}, end_date="2100-01-01T00:00:00Z")
    assert event.markets[1].fees == fees
    assert [one.outcome for one in event.markets[1].tokens] == ["Rain", "Sun"]
    assert await client.event(7) == event
    assert [one.event_id async for one in client.events(text="rain")] == [7]
    assert (await client.pause_market(7, 1)).state == "paused"
    assert (await client.resume_market(7, 1)).state == "open"
    assert (await client.pause()).paused
    with pytest.raises(Refused) as refused:
        await client.place(buy())
    assert refused.value.code == "PAUSED"
    assert not (await client.resume()).paused
    resolved = await client.resolve_market(7, 1, payouts=("0.25", "0.75"))
    assert [one.payout for one in resolved.tokens] == [Decimal("0.25"), Decimal("0.75")]


async def test_events_have_titles_and_topics_and_are_closed(client: Client) -> None:
    assert await client.topics() == ()
    topic = await client.add_topic("weather", "Weather")
    event = await client.add_event(
        None,
        {1: NewMarket(token_ids=("a", "b"))},
        title="Will it rain?",
        topic="weather",
        description="Anywhere.",
        image_url="/images/rain.png",
    )
    assert (event.title, event.slug, event.description) == (
        "Will it rain?",
        "will-it-rain",
        "Anywhere.",
    )
    assert await client.event(event.event_id) == event
    (found,) = [one async for one in client.events(topic="weather", slug="will-it-rain")]
    assert (found.event_id, found.image_url, found.description) == (
        event.event_id,
        "/images/rain.png",
        None,
    )
    renamed = await client.change_topic("weather", name="The weather", active=False)
    assert await client.topics() == (renamed,)
    assert (topic.active, renamed.active) == (True, False)
    with pytest.raises(Refused) as refused:
        await client.add_event(
            None, {1: NewMarket(token_ids=("c", "d"))}, title="Will it snow?", topic="weather"
        )
    assert (refused.value.code, refused.value.field) == ("INACTIVE_TOPIC", "topic")
    assert (await client.close_event(event.event_id)).closed


async def test_an_exclusive_event_is_split_converted_and_resolved(client: Client) -> None:
    markets = {id: NewMarket(token_ids=(f"y8{id}", f"n8{id}")) for id in (1, 2, 3)}
    await client.add_event(8, markets, exclusive=True)
    await client.split(5, event_id=8)
    await client.split(5, event_id=8, market_id=1)
    account = await client.convert(2, event_id=8, market_ids=[1])
    held = {one.token_id: one.available for one in account.positions}
    assert held["y82"] == 7
    event = await client.resolve_event(8, payouts={1: (1, 0), 2: (0, 1), 3: (0, 1)})
    assert event.markets[1].state == "resolved"


async def test_groups_and_sessions_are_set(client: Client) -> None:
    group = await client.set_group("quotes", quantity_max="500", window_ms=1000)
    assert (group.quantity_max, group.window_ms) == (500, 1000)
    assert (await client.beat("bot", timeout_ms=60_000)).session == "bot"
    placed = await client.place(buy(group="quotes", session="bot"))
    assert (placed.order.group, placed.order.session) == ("quotes", "bot")
    await client.beat("bot", timeout_ms=0)
    assert (await client.order(placed.order.id)).status == "cancelled"


async def test_a_batch_answers_each_order_on_its_own(client: Client) -> None:
    good, wrong, last = await client.place_many(
        [buy(), buy(price="0.00001"), buy(side="sell", price="0.6")]
    )
    assert isinstance(good, PlacedOrder)
    assert isinstance(wrong, Refused)
    assert (wrong.code, wrong.status) == ("INVALID_PRICE", 422)
    assert isinstance(last, PlacedOrder)
    with pytest.raises(ValueError, match="1 to 100"):
        await client.place_many([])


async def test_health_and_readiness_are_asked(client: Client) -> None:
    caller = await client.caller()
    assert (caller.auth, caller.user_id) == ("off", "u1")
    assert set(caller.scopes) == {"read", "trade", "admin"}
    await client.health()
    assert "orders are taken" in await client.ready()


async def test_a_refusal_says_its_code_and_the_field(client: Client) -> None:
    with pytest.raises(Refused) as refused:
        await client.place(buy(price="0.50001"))
    assert (refused.value.code, refused.value.field) == ("INVALID_PRICE", "price")
    assert not refused.value.retryable
    with pytest.raises(Refused) as refused:
        await client.event(99)
    assert (refused.value.status, refused.value.code) == (404, "UNKNOWN_EVENT")


def test_a_float_is_no_amount() -> None:
    with pytest.raises(TypeError, match="exact"):
        buy(price=0.5)
    with pytest.raises(ValueError, match="finite"):
        buy(price="NaN")


async def test_what_is_no_id_never_becomes_a_path(client: Client) -> None:
    for wrong in ("../account", "a/b", "", "..", "x" * 65):
        with pytest.raises(ValueError, match="takes"):
            await client.cancel(wrong)


async def test_outside_of_async_with_the_client_is_closed(running: Running) -> None:
    client = Client(running.url, user_id="u1")
    with pytest.raises(ClientClosed):
        await client.account()


async def test_where_nobody_listens_nothing_was_done(running: Running) -> None:
    async with Client("http://127.0.0.1:1", user_id="u1", deadline_s=0.2) as client:
        with pytest.raises(Unavailable) as unavailable:
            await client.place(buy())
    assert unavailable.value.retryable


def test_secrets_are_not_shown_and_only_one_counts() -> None:
    assert "hidden" not in repr(Client("http://x", api_key="hidden"))
    with pytest.raises(ValueError, match="one of"):
        Client("http://x", api_key="a", user_id="b")


@pytest.mark.parametrize("text", ["", "hidden\n", " hidden", "hid den", "hiddén"])
@pytest.mark.parametrize("way", ["user_id", "token", "api_key"])
def test_what_can_name_nobody_is_said_at_once_and_not_shown(way: Any, text: str) -> None:
    with pytest.raises(ValueError, match=way) as raised:
        Client("http://x", **{way: text})
    assert "hid" not in str(raised.value)


async def test_an_order_that_is_given_no_id_is_one_order_all_the_same(client: Client) -> None:
    order = buy(client_order_id=None)
    first, second = await client.place(order), await client.place(order)
    assert first.order.id == second.order.id
