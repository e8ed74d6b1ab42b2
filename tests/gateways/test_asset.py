"""The asset service does over gRPC what the API does over HTTP, on the same ledger."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from decimal import Decimal
from pathlib import Path

import pytest
from grpc import StatusCode, aio

from pmengine.gateways.grpc import AssetService, asset_pb2, serving_asset
from pmengine.gateways.grpc.messages import fill
from pmengine.gateways.http.answers import AccountView, CashView
from tests.gateways.asset_client import (
    ANSWER_S_MAX,
    Asset,
    User,
    asset_of,
    ending_of,
    messages,
    order,
    refused,
)
from tests.gateways.exchange import Running, running_exchange, venue_of


@pytest.fixture
async def asset(running: Running) -> AsyncIterator[Asset]:
    async with asset_of(running) as asset:
        yield asset


@pytest.fixture
def u1(asset: Asset) -> User:
    return asset.user("u1")


async def test_money_comes_and_goes_once_by_its_id(asset: Asset, u1: User) -> None:
    for _ in range(2):
        account = await u1.deposit("d1", "u3", "12.345678")
        assert (account.user_id, account.cash.available) == ("u3", "12.345678")
    u3 = asset.user("u3")
    for _ in range(2):
        account = await u3.withdraw("w1", "0.345678")
        assert (account.cash.available, account.cash.frozen) == ("12", "0")
    assert (await asset.running.done("GET", "/account", user="u3"))["cash"]["available"] == "12"


async def test_an_id_with_other_content_is_refused_and_changes_nothing(u1: User) -> None:
    await u1.withdraw("w1", "1")
    await u1.create("c1")
    before = await u1.balance()
    await refused(u1.withdraw("w1", "2"), StatusCode.FAILED_PRECONDITION, "ID_REUSED")
    await refused(u1.create("c1", price="0.4"), StatusCode.FAILED_PRECONDITION, "ID_REUSED")
    assert await u1.balance() == before
    assert (before.cash.available, before.cash.frozen) == ("8998.5", "0.5")


async def test_pairs_are_split_and_merged_once_by_their_ids(u1: User) -> None:
    for _ in range(2):
        account = await u1.split("s1", "2.5", market_id=2)
        held = {one.token_id: one.available for one in account.positions}
        assert (held["y2"], held["n2"], account.cash.available) == ("2.5", "2.5", "8997.5")
    for _ in range(2):
        account = await u1.merge("m1", "2.5", market_id=2)
        assert "y2" not in {one.token_id for one in account.positions}
        assert account.cash.available == "9000"


async def test_an_order_is_answered_with_its_trades_and_known_when_it_comes_again(
    asset: Asset, u1: User
) -> None:
    resting = await asset.user("u2").create("c1", side=messages.SIDE_SELL, price="0.45")
    assert resting.order.status == messages.ORDER_STATUS_NEW
    assert not resting.order.HasField("average_price")
    assert not resting.known
    first = await u1.create(
        "c1",
        quantity="3",
        time_in_force=messages.TIME_IN_FORCE_GTC,
        self_trade=messages.SELF_TRADE_CANCEL_BOTH,
    )
    assert first.order.status == messages.ORDER_STATUS_PARTIALLY_FILLED
    assert (first.order.filled_quantity, first.order.remaining_quantity) == ("1", "2")
    assert first.order.average_price == "0.45"
    [trade] = first.trades
    assert (trade.price, trade.quantity, trade.match_type) == (
        "0.45",
        "1",
        messages.MATCH_TYPE_NORMAL,
    )
    again = await u1.create(
        "c1",
        quantity="3",
        time_in_force=messages.TIME_IN_FORCE_GTC,
        self_trade=messages.SELF_TRADE_CANCEL_BOTH,
    )
    assert again.known
    assert (again.order, list(again.trades)) == (first.order, list(first.trades))
    over_http = await asset.running.done("GET", f"/orders/{first.order.id}")
    assert over_http["order"]["client_order_id"] == "c1"


async def test_a_market_buy_by_volume_spends_no_more(asset: Asset, u1: User) -> None:
    await asset.user("u2").create("c1", side=messages.SIDE_SELL, price="0.4", quantity="10")
    market = messages.ORDER_TYPE_MARKET
    bought = await u1.create("m1", type=market, price=None, quantity=None, volume="2")
    assert (bought.order.volume, bought.order.spent) == ("2", "2")
    assert bought.order.status == messages.ORDER_STATUS_FILLED
    assert bought.order.filled_quantity == "5"


async def test_a_cancel_frees_what_was_frozen_and_again_is_told_that_it_ended(u1: User) -> None:
    placed = await u1.create("c1")
    assert (await u1.balance()).cash.frozen == "0.5"
    cancelled = await u1.cancel(placed.order.id)
    assert cancelled.order.status == messages.ORDER_STATUS_CANCELLED
    assert (await u1.balance()).cash.frozen == "0"
    await refused(u1.cancel(placed.order.id), StatusCode.FAILED_PRECONDITION, "UNKNOWN_ORDER")
    await refused(u1.cancel("nobody's"), StatusCode.INVALID_ARGUMENT, "INVALID_ID")
    await refused(u1.cancel("nobody"), StatusCode.NOT_FOUND, "UNKNOWN_ORDER")


async def test_an_order_of_another_user_can_be_neither_cancelled_nor_seen(
    asset: Asset, u1: User
) -> None:
    placed = await asset.user("u2").create("c1")
    await refused(u1.cancel(placed.order.id), StatusCode.NOT_FOUND, "NOT_OWNER")
    # Ids of different users are different ones.
    own = await u1.create("c1", price="0.3")
    assert own.order.id != placed.order.id
    assert not own.known
    await u1.cancel(own.order.id)
    assert (await asset.user("u2").balance()).cash.frozen == "0.5"


async def test_holders_of_a_resolved_market_are_paid_without_redeeming(
    asset: Asset, u1: User
) -> None:
    no = StatusCode.FAILED_PRECONDITION
    await refused(u1.redeem(), no, "MARKET_NOT_RESOLVED")
    path = "/events/1/markets/1/resolve"
    await asset.running.done("POST", path, json={"payouts": ["0.75", "0.25"]})
    reply = await u1.redeem()
    while not reply.paid:
        reply = await u1.redeem()
    assert reply.state == messages.MARKET_STATE_RESOLVED
    assert [(one.token_id, one.payout) for one in reply.payouts] == [
        ("y1", "0.75"),
        ("n1", "0.25"),
    ]
    assert reply.account.cash.available == "10000"
    digest = asset.running.digest()
    assert await u1.redeem() == reply
    assert asset.running.digest() == digest
    await refused(u1.redeem(market_id=9), StatusCode.NOT_FOUND, "UNKNOWN_MARKET")
    await refused(u1.redeem(event_id=9), StatusCode.NOT_FOUND, "UNKNOWN_EVENT")


async def test_the_balance_is_what_http_shows(asset: Asset, u1: User) -> None:
    await u1.create("c1", price="0.1234", quantity="0.37")
    account = await u1.balance()
    shown = await asset.running.done("GET", "/account")
    assert (account.cash.available, account.cash.frozen) == (
        shown["cash"]["available"],
        shown["cash"]["frozen"],
    )
    assert Decimal(account.cash.frozen) == Decimal("0.1234") * Decimal("0.37")
    assert [(one.token_id, one.available, one.frozen) for one in account.positions] == [
        (one["token_id"], one["available"], one["frozen"]) for one in shown["positions"]
    ]


async def test_what_is_answered_is_on_the_log(tmp_path: Path) -> None:
    async with running_exchange(tmp_path) as running:
        await running.open_market()
        async with asset_of(running) as asset:
            placed = await asset.user("u1").create("c1")
            before = await asset.user("u1").balance()
    async with running_exchange(tmp_path) as running, asset_of(running) as asset:
        again = await asset.user("u1").create("c1")
        assert again.known
        assert again.order == placed.order
        assert await asset.user("u1").balance() == before


@pytest.mark.parametrize(
    ("fields", "reason", "field"),
    [
        ({"client_order_id": ""}, "MALFORMED", "client_order_id"),
        ({"client_order_id": "no spaces"}, "INVALID_ID", "client_order_id"),
        ({"event_id": 0}, "MALFORMED", "event_id"),
        ({"event_id": -1}, "MALFORMED", "event_id"),
        ({"token_id": ""}, "INVALID_ID", "token_id"),
        ({"side": None}, "MALFORMED", "side"),
        ({"side": 7}, "MALFORMED", "side"),
        ({"type": None}, "MALFORMED", "type"),
        ({"price": None}, "MALFORMED", "price"),
        ({"price": "0.50000"}, "INVALID_PRICE", "price"),
        ({"price": "1"}, "INVALID_PRICE", "price"),
        ({"price": ""}, "INVALID_PRICE", "price"),
        ({"price": "NaN"}, "INVALID_PRICE", "price"),
        ({"quantity": "1e3"}, "INVALID_QUANTITY", "quantity"),
        ({"quantity": "-1"}, "INVALID_QUANTITY", "quantity"),
        ({"quantity": "0"}, "INVALID_QUANTITY", "quantity"),
        ({"volume": "1"}, "MALFORMED", "volume"),
        ({"expires_at_ms": 1}, "INVALID_EXPIRY", "expires_at_ms"),
        ({"valid_until_ms": -1}, "MALFORMED", "valid_until_ms"),
    ],
)
async def test_an_order_that_cannot_be_read_is_refused_with_its_field_and_changes_nothing(
    asset: Asset, u1: User, fields: dict[str, object], reason: str, field: str
) -> None:
    digest = asset.running.digest()
    said = {"client_order_id": "c1", **fields}
    ending = await refused(u1.create(**said), StatusCode.INVALID_ARGUMENT, reason)
    assert ending.metadata["field"] == field
    assert asset.running.digest() == digest


async def test_refusals_of_the_engine_say_whether_the_input_or_the_state_is_to_blame(
    asset: Asset, u1: User
) -> None:
    condition, absent = StatusCode.FAILED_PRECONDITION, StatusCode.NOT_FOUND
    await refused(u1.withdraw("w1", "1000000"), condition, "INSUFFICIENT_BALANCE")
    await refused(u1.withdraw("w2", "0.0000001"), StatusCode.INVALID_ARGUMENT, "INVALID_VOLUME")
    await refused(u1.split("s1", "1", market_id=9), absent, "UNKNOWN_MARKET")
    await refused(u1.merge("m1", "5000"), condition, "INSUFFICIENT_BALANCE")
    await refused(u1.create("c1", token_id="y2"), absent, "UNKNOWN_TOKEN")
    await refused(u1.create("c2", event_id=9), absent, "UNKNOWN_EVENT")
    await refused(u1.create("c3", valid_until_ms=1), condition, "TOO_LATE")
    await refused(u1.deposit("d1", "", "1"), StatusCode.INVALID_ARGUMENT, "INVALID_ID")
    await asset.running.done("POST", "/pause")
    await refused(u1.create("c4"), condition, "PAUSED")


async def test_a_message_that_is_too_long_is_refused_and_the_next_is_answered(u1: User) -> None:
    await refused(u1.withdraw("w" * 70_000, "1"), StatusCode.RESOURCE_EXHAUSTED, "")
    assert (await u1.balance()).user_id == "u1"


async def test_an_outcome_that_does_not_come_is_a_deadline_with_both_ids(running: Running) -> None:
    async with asset_of(running, answer_timeout_s=0.0) as hasty:
        call = hasty.user("u1").create("c1")
        ending = await refused(call, StatusCode.DEADLINE_EXCEEDED, "OUTCOME_UNKNOWN")
        assert ending.metadata["client_order_id"] == "c1"
    async with asset_of(running) as patient:
        again = await patient.user("u1").create("c1")
        assert again.order.id == ending.metadata["order_id"]
        assert again.known
    assert len((await running.done("GET", "/orders"))["items"]) == 1


async def test_what_the_input_does_not_take_is_unavailable_and_not_done(
    asset: Asset, u1: User
) -> None:
    for stream in asset.running.exchange.inputs.values():
        await stream.__aexit__(None, None, None)
    digest = asset.running.digest()
    ending = await refused(u1.create("c1"), StatusCode.UNAVAILABLE, "NOT_TAKEN")
    assert ending.wait_s == 1
    assert asset.running.digest() == digest


async def test_what_was_done_and_cannot_be_shown_is_not_called_unavailable(
    tmp_path: Path,
) -> None:
    async with running_exchange(tmp_path) as running:
        await running.open_market()
        async with asset_of(running, answer_timeout_s=2.0) as asset:
            u1 = asset.user("u1")
            placed = await u1.create("c1")
            await running.exchange.history.orders.__aexit__(None, None, None)
            await refused(u1.cancel(placed.order.id), StatusCode.ABORTED, "DONE_NOT_SHOWN")
            assert placed.order.id not in running.exchange.engine.engine.state.orders


async def test_who_did_not_wait_for_the_answer_asks_again_and_it_is_done_once(
    asset: Asset, u1: User
) -> None:
    calls = [u1.ask("CreateOrder", order(f"c{number}"), timeout_s=0.002) for number in range(50)]
    for outcome in await asyncio.gather(*calls, return_exceptions=True):
        if isinstance(outcome, aio.AioRpcError):
            # Said by the client's own library, which knows nothing of what became of it.
            assert outcome.code() is StatusCode.DEADLINE_EXCEEDED
            assert ending_of(outcome).reason == ""
    await asyncio.gather(*[u1.create(f"c{number}") for number in range(50)])
    found = await asset.running.done("GET", "/orders?limit=1000")
    assert len(found["items"]) == len({one["client_order_id"] for one in found["items"]}) == 50
    assert (await u1.balance()).cash.frozen == "25"


async def test_a_stop_leaves_no_call_undone_that_it_did_not_refuse(running: Running) -> None:
    service = AssetService(venue_of(running.exchange))
    async with AsyncExitStack() as serving:
        target = await serving.enter_async_context(serving_asset(service, "127.0.0.1", 0))
        async with aio.insecure_channel(target) as channel:
            u1 = User(channel, x_user_id="u1")
            await u1.balance()
            asked = [asyncio.create_task(u1.create(f"c{number}")) for number in range(20)]
            async with asyncio.timeout(ANSWER_S_MAX):
                while not running.exchange.front.waiting:
                    await asyncio.sleep(0)
            await serving.aclose()
            outcomes = await asyncio.gather(*asked, return_exceptions=True)
    lost = [one for one in outcomes if isinstance(one, aio.AioRpcError)]
    assert {ending_of(one).code for one in lost} <= {StatusCode.UNAVAILABLE, StatusCode.CANCELLED}
    assert {ending_of(one).reason for one in lost} <= {""}
    answered = {one.order.id for one in outcomes if not isinstance(one, BaseException)}
    assert answered
    assert {one["id"] for one in (await running.done("GET", "/orders"))["items"]} == answered


async def test_what_is_no_grpc_disturbs_nobody(asset: Asset, u1: User) -> None:
    port = int(asset.target.rpartition(":")[2])
    for said in (b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n", b"\0" * 10_000):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(said)
        async with asyncio.timeout(ANSWER_S_MAX):
            await reader.read()
        writer.close()
    assert (await u1.balance()).user_id == "u1"


async def test_a_shard_that_is_not_there_is_refused(u1: User) -> None:
    request = messages.WithdrawRequest(id="w1", amount="1", shard=3)
    ending = await refused(u1.ask("Withdraw", request), StatusCode.INVALID_ARGUMENT, "MALFORMED")
    assert ending.metadata["field"] == "shard"


def test_an_account_over_several_shards_says_what_is_on_each() -> None:
    cash = [CashView(available=str(number), frozen="0") for number in (5, 0, 2)]
    view = AccountView(user_id="u1", cash=cash[0], positions=[], cash_by_shard=cash)
    message = asset_pb2.Account()
    fill(message, view)
    assert [one.available for one in message.cash_by_shard] == ["5", "0", "2"]


async def test_calls_are_counted_by_their_status(asset: Asset, u1: User) -> None:
    await u1.balance()
    await refused(u1.cancel("nobody"), StatusCode.NOT_FOUND, "UNKNOWN_ORDER")
    assert asset.service.numbers() == {"asset_answers_ok": 1, "asset_answers_not_found": 1}


async def test_a_port_that_is_taken_is_said(asset: Asset) -> None:
    service = AssetService(venue_of(asset.running.exchange))
    async with serving_asset(service, "127.0.0.1", 0) as target:
        port = int(target.rpartition(":")[2])
        with pytest.raises(OSError, match=f"port {port}"):
            async with serving_asset(service, "127.0.0.1", port):
                pass
