"""No order and no movement is doubled or lost, whatever becomes of requests and answers."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from random import Random

import pytest

from pmengine.client import (
    Client,
    DoneNotShown,
    NewOrder,
    OutcomeUnknown,
    PlacedOrder,
    Refused,
    Unavailable,
)
from pmengine.gateways.auth import Buckets, Limits
from pmengine.gateways.http import create_app, serving
from pmstore.errors import WriteOutcome
from pmstore.testing import FaultProxy, Script
from tests.client.orders import buy
from tests.gateways.exchange import Running, venue_of

FAULTS = [
    Script(lose_request=1),
    Script(lose_answer=1),
    Script(cut_requests_after=60),
    Script(cut_answers_after=30),
    Script(cut_answers_after=200),
    Script(refuse=True),
]


def proxy_to(running: Running) -> FaultProxy:
    return FaultProxy("127.0.0.1", int(running.url.rpartition(":")[2]))


def address(proxy: FaultProxy) -> str:
    return f"http://127.0.0.1:{proxy.port}"


async def assert_each_is_there_once(client: Client, orders: list[NewOrder]) -> None:
    """What the exchange has of u1 is these orders, each once."""
    there = [one.client_order_id async for one in client.orders(page_size=7)]
    assert sorted(map(str, there)) == sorted(one.client_order_id for one in orders)


@pytest.mark.parametrize("fault", FAULTS, ids=str)
async def test_an_order_whose_answer_is_lost_is_placed_once(
    client: Client, running: Running, fault: Script
) -> None:
    orders = [buy(), buy(price="0.4")]
    with proxy_to(running) as proxy:
        for order in orders:
            async with Client(address(proxy), user_id="u1") as through:
                proxy.play_on_next([fault, fault])
                placed = await through.place(order)
                assert placed.order.client_order_id == order.client_order_id
    await assert_each_is_there_once(client, orders)


async def test_an_answer_that_does_not_come_is_asked_for_again(
    client: Client, running: Running
) -> None:
    order = buy()
    with proxy_to(running) as proxy:
        async with Client(address(proxy), user_id="u1", attempt_s=1.0) as through:
            proxy.play_on_next([Script(hold_answers=True), Script(hold_requests=True)])
            placed = await through.place(order)
            proxy.heal()  # copies that were held arrive late
            assert (await through.place(order)).order.id == placed.order.id
    await assert_each_is_there_once(client, [order])


async def test_orders_batches_and_money_over_a_network_that_is_cut_all_the_time(
    client: Client, running: Running
) -> None:
    seed = Random().randrange(2**32)
    print(f"seed {seed}")
    chance = Random(seed)
    before = (await client.account()).cash.available
    placed: list[NewOrder] = []
    moved = 0
    with proxy_to(running) as proxy:

        async def cut() -> None:
            # By what passes, not by time: on a slow machine too something gets through.
            while True:
                fault = chance.choice(["lose_request", "lose_answer"])
                proxy.play(Script(**{fault: chance.randint(1, 6)}))
                while not proxy.fired:
                    await asyncio.sleep(0.001)
                if chance.random() < 0.2:
                    proxy.cut()

        async def trade() -> None:
            nonlocal moved
            for _ in range(4):
                order = buy(price=Decimal(chance.randint(1, 40)) / 100)
                placed.append(order)
                await through.place(order)
                batch = [buy(price="0.1"), buy(price="0.2")]
                placed.extend(batch)
                answers = await through.place_many(batch)
                assert [type(one) for one in answers] == [PlacedOrder, PlacedOrder]
                await through.deposit("u1", 1)
                moved += 1

        async with Client(address(proxy), user_id="u1", deadline_s=90) as through:
            cutting = asyncio.create_task(cut())
            await asyncio.gather(*(trade() for _ in range(5)))
            cutting.cancel()
            proxy.heal()
    await assert_each_is_there_once(client, placed)
    cash = (await client.account()).cash
    assert cash.available + cash.frozen == before + moved


async def test_a_cancel_whose_answer_is_lost_answers_the_cancelled_order(
    client: Client, running: Running
) -> None:
    placed = await client.place(buy())
    with proxy_to(running) as proxy:
        async with Client(address(proxy), user_id="u1") as through:
            proxy.play_on_next([Script(lose_answer=1)])
            assert (await through.cancel(placed.order.id)).status == "cancelled"
            other = await client.place(buy(price="0.4"))
            async with Client(running.url, user_id="u2") as seller:
                await seller.place(buy(side="sell", price="0.4"))
            with pytest.raises(Refused) as refused:
                await through.cancel(other.order.id)
            assert (refused.value.status, refused.value.code) == (409, "UNKNOWN_ORDER")


async def test_a_refusal_after_a_lost_answer_is_the_first_one(
    client: Client, running: Running
) -> None:
    order = buy(quantity="100000000")
    with proxy_to(running) as proxy:
        async with Client(address(proxy), user_id="u1") as through:
            proxy.play_on_next([Script(lose_answer=1)])
            with pytest.raises(Refused) as refused:
                await through.place(order)
    assert refused.value.code == "INSUFFICIENT_BALANCE"


async def test_an_unknown_outcome_has_the_ids_and_the_same_order_again_is_no_second(
    client: Client, running: Running
) -> None:
    order = buy()
    hasty = create_app(venue_of(running.exchange, answer_timeout_s=1e-9))
    async with (
        serving(hasty, "127.0.0.1", 0) as url,
        Client(url, user_id="u1", deadline_s=2) as impatient,
    ):
        with pytest.raises(OutcomeUnknown) as unknown:
            await impatient.place(order)
        assert unknown.value.client_order_id == order.client_order_id
        assert unknown.value.order_id
        assert (unknown.value.retryable, unknown.value.outcome) == (True, WriteOutcome.UNKNOWN)
        with pytest.raises(OutcomeUnknown) as unknown:
            await impatient.deposit("u1", 5, id="d5")
        assert unknown.value.id == "d5"
        (answer,) = await impatient.place_many([order])
        assert isinstance(answer, OutcomeUnknown | DoneNotShown)
    placed = await client.place(order)
    assert placed.order.client_order_id == order.client_order_id
    await assert_each_is_there_once(client, [order])


async def test_a_question_that_is_not_answered_is_no_unknown_outcome(running: Running) -> None:
    with proxy_to(running) as proxy:
        proxy.play(Script(hold_answers=True))
        async with Client(address(proxy), user_id="u1", deadline_s=0.2) as through:
            with pytest.raises(Unavailable) as unavailable:
                await through.account()
    assert unavailable.value.outcome is WriteOutcome.NOT_APPLIED


async def test_retry_after_is_waited_for(running: Running) -> None:
    limits = Limits(users=Buckets(0.25, 1, asyncio.get_running_loop().time))
    app = create_app(venue_of(running.exchange, limits=limits))
    async with serving(app, "127.0.0.1", 0) as url, Client(url, user_id="u1") as client:
        await client.account()
        with pytest.raises(Refused) as refused:
            await client.beat("bot", timeout_ms=0, deadline_s=2)
        assert (refused.value.status, refused.value.retryable) == (429, True)
        assert refused.value.retry_after_s >= 1
        await client.account()
        answer = await running.client.get(f"{url}/metrics")
        assert answer.status_code == 200, answer.text
        metrics = answer.text
    line = 'pmengine_http_requests_total{method="GET",route="/api/v1/account",status="429"} 1.0'
    assert line in metrics.splitlines()


async def test_pages_neither_skip_nor_repeat_while_the_list_grows(client: Client) -> None:
    before = [await client.place(buy(price="0.1")) for _ in range(9)]
    seen: list[str] = []
    async for order in client.orders(page_size=2):
        seen.append(order.id)
        if len(seen) < 9:
            await client.place(buy(price="0.2"))
            await client.cancel(before[len(seen) - 1].order.id)
    assert len(seen) == len(set(seen)) == 17
    assert seen[:9] == [one.order.id for one in before]
    assert len([one async for one in client.orders(limit=5, page_size=2)]) == 5
