"""Positions say what shares cost and brought, by fills, balances and answers alone."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import attrs
import pytest

from pmengine.gateways.http import create_app, serving
from pmengine.gateways.http.profits import Holding, par_of
from pmstore import Event, Market, StoreUnavailable
from tests.gateways.exchange import EVENT, Running, order, running_exchange, venue_of
from tests.gateways.test_own_lists import pages

SETS = {
    "event_id": 2,
    "exclusive": True,
    "markets": {str(id): {"token_ids": [f"a{id}", f"b{id}"]} for id in (1, 2, 3)},
}


def test_the_average_cost_rule() -> None:
    holding = Holding()
    holding.buy(1000, 4_000_000)
    holding.buy(1000, 6_000_000)
    holding.sell(500, 3_500_000)
    assert holding == Holding(1500, 7_500_000, 1_000_000)
    holding.sell(2000, 12_000_000)
    assert holding == Holding(-500, -3_000_000, 2_500_000)
    holding.reconcile(0, 5_000)
    assert holding == Holding(0, 0, 3_000_000)


def test_nothing_is_lost_to_rounding() -> None:
    source = random.Random(11)
    for _ in range(300):
        holding, cash = Holding(), 0
        for _ in range(20):
            lots, money = source.randrange(1, 1000), source.randrange(1, 10**7)
            if source.random() < 0.5:
                holding.buy(lots, money)
                cash -= money
            else:
                holding.sell(lots, money)
                cash += money
        assert holding.realised - holding.cost == cash
        assert holding.lots != 0 or holding.cost == 0


def test_pars_of_what_is_worth_one_add_up_to_one() -> None:
    for count in (1, 2, 3, 7):
        markets = {id: Market(market_id=id, token_ids=("y", "n")) for id in range(5, 5 + count)}
        for exclusive in (False, True):
            event = Event(event_id=1, markets=markets, exclusive=exclusive)
            for id in markets:
                assert par_of(event, id, 0) + par_of(event, id, 1) == 10_000
            if exclusive:
                assert sum(par_of(event, id, 0) for id in markets) == 10_000


def by_token(positions: list[Any]) -> dict[str, Any]:
    return {one["token_id"]: one for one in positions}


async def own(running: Running, user: str = "u1", query: str = "limit=2") -> dict[str, Any]:
    return by_token(await pages(running, f"/positions?{query}", user=user))


async def rich(running: Running, *users: str) -> None:
    for user in users:
        body = {"id": f"d-{user}", "user_id": user, "amount": "1000"}
        await running.done("POST", "/deposits", json=body)


async def deal(
    running: Running, buyer: str, seller: str, token: str, price: str, quantity: str, **more: Any
) -> None:
    """One bids, the other takes."""
    terms = {"token_id": token, "price": price, "quantity": quantity, **more}
    await running.done("POST", "/orders", user=buyer, json=order(**terms))
    await running.done("POST", "/orders", user=seller, json=order(side="sell", **terms))


@pytest.fixture
async def plain(tmp_path: Path) -> Any:
    """An exchange with event 1, the exclusive event 2 and money, without shares."""
    async with running_exchange(tmp_path) as running:
        await running.done("POST", "/events", json=EVENT)
        await running.done("POST", "/events", json=SETS)
        await rich(running, "u1", "u2", "u3")
        yield running


def shown(position: Any) -> list[Any]:
    names = ("quantity", "average_price", "cost", "realised_profit", "unrealised_profit")
    return [position[name] for name in names]


async def test_the_worked_example_of_the_reference(plain: Running) -> None:
    pair = {"event_id": 1, "market_id": 1}
    minted = {"price": "0.4", "quantity": "10"}
    await plain.done("POST", "/orders", user="u2", json=order(token_id="n1", **minted))
    await plain.done("POST", "/orders", json=order(price="0.6", quantity="10"))
    assert shown((await own(plain))["y1"]) == ["10", "0.6", "6", "0", "0"]
    await plain.done("POST", "/splits", json={"id": "s", **pair, "amount": "10"})
    found = await own(plain)
    assert shown(found["y1"]) == ["20", "0.55", "11", "0", "1"]
    assert shown(found["n1"]) == ["10", "0.5", "5", "0", "-1"]
    await deal(plain, "u3", "u1", "y1", "0.7", "5")
    assert shown((await own(plain))["y1"]) == ["15", "0.533333", "8", "0.5", "2.5"]
    await plain.done("POST", "/merges", json={"id": "m", **pair, "amount": "4"})
    found = await own(plain)
    assert shown(found["y1"]) == ["11", "0.545455", "6", "0.5", "1.7"]
    assert shown(found["n1"]) == ["6", "0.5", "3", "0", "-1.2"]
    pairs = {"id": "s2", "event_id": 2, "market_id": 1, "amount": "10"}
    await plain.done("POST", "/splits", user="u2", json=pairs)
    await deal(plain, "u1", "u2", "b1", "0.7", "10", event_id=2)
    assert shown((await own(plain))["b1"]) == ["10", "0.7", "7", "0", "0"]
    conversion = {"id": "c", "event_id": 2, "market_ids": [1], "amount": "10"}
    await plain.done("POST", "/converts", json=conversion)
    found = await own(plain)
    assert shown(found["b1"]) == ["0", None, "0", "-0.334", "0"]
    assert shown(found["a2"]) == ["10", "0.3333", "3.333", "0", None]
    assert shown(found["a3"]) == ["10", "0.3333", "3.333", "0", None]
    await plain.done("POST", "/events/1/markets/1/resolve", json={"payouts": ["1", "0"]})
    answer = {"payouts": {"1": ["0", "1"], "2": ["1", "0"], "3": ["0", "1"]}}
    await plain.done("POST", "/events/2/resolve", json=answer)
    found = await own(plain)
    assert {token: shown(one) for token, one in found.items()} == {
        "y1": ["0", None, "0", "2.5", "0"],
        "b1": ["0", None, "0", "3", "0"],
    }
    assert await balance_of(plain, "u1") == 1005_500_000


async def balance_of(running: Running, user: str) -> int:
    """All cash of a user in micros."""
    cash = (await running.done("GET", "/account", user=user))["cash"]
    return sum(round(float(cash[name]) * 1_000_000) for name in ("available", "frozen"))


async def differences(running: Running, user: str) -> int:
    """What the positions of a user say of its cash, beyond what its cash says."""
    found = await pages(running, "/positions?limit=1000", user=user)
    micros = [
        round(float(one["realised_profit"]) * 1_000_000) - round(float(one["cost"]) * 1_000_000)
        for one in found
    ]
    return sum(micros) - (await balance_of(running, user) - 1_000_000_000)


async def act(running: Running, source: random.Random, number: int) -> None:
    """One thing that a user may do, done or refused."""
    user = source.choice(("u1", "u2", "u3"))
    event_id = source.choice((1, 2, 3))
    market_id = source.choice((1, 2) if event_id == 1 else (1, 2, 3) if event_id == 2 else (1,))
    tokens = {1: "yn", 2: "ab", 3: "cd"}[event_id]
    what = {"id": f"x{number}", "event_id": event_id, "amount": str(source.randrange(1, 9))}
    kind = source.choice(("order",) * 6 + ("splits", "merges", "sets", "joins", "converts"))
    if kind == "order":
        body = order(
            event_id=event_id,
            market_id=market_id,
            token_id=f"{source.choice(tokens)}{market_id}",
            side=source.choice(("buy", "sell")),
            price=f"0.{source.randrange(30, 71)}".rstrip("0"),
            quantity=f"{source.randrange(1, 900) / 100:g}",
        )
        await running.ask("POST", "/orders", user=user, json=body)
    elif kind in ("splits", "merges"):
        await running.ask("POST", f"/{kind}", user=user, json={**what, "market_id": market_id})
    elif kind == "converts":
        ids = source.sample((1, 2, 3), source.randrange(1, 4))
        body = {**what, "event_id": 2, "market_ids": ids}
        await running.ask("POST", "/converts", user=user, json=body)
    else:
        path = "/splits" if kind == "sets" else "/merges"
        await running.ask("POST", path, user=user, json={**what, "event_id": 2})


async def test_profits_and_costs_are_what_the_cash_says_whatever_was_done(tmp_path: Path) -> None:
    source = random.Random(2024)
    fees = {"kind": "quadratic", "maker_ppm": 7_000, "taker_ppm": 31_000}
    charged = {"event_id": 3, "markets": {"1": {"token_ids": ["c1", "d1"], "fees": fees}}}
    stores = {
        "PMSTORE_ORDERS_URL": f"sqlite:///{tmp_path}/orders.db",
        "PMSTORE_TRADES_URL": f"sqlite:///{tmp_path}/trades.db",
    }
    async with running_exchange(tmp_path, told=stores) as running:
        for event in (EVENT, SETS, charged):
            await running.done("POST", "/events", json=event)
        await rich(running, "u1", "u2", "u3")
        for user in ("u1", "u2", "u3"):
            for event_id, market_id in ((1, 1), (1, 2), (2, 1), (2, 2), (2, 3), (3, 1)):
                market = {"event_id": event_id, "market_id": market_id}
                body = {"id": f"s{event_id}{market_id}", **market, "amount": "20"}
                await running.done("POST", "/splits", user=user, json=body)
        for number in range(100):
            await act(running, source, number)
            if number % 15 == 0:
                assert await differences(running, source.choice(("u1", "u2", "u3"))) == 0
        positions = {user: await own(running, user) for user in ("u1", "u2", "u3")}
        found = [one for of_user in positions.values() for one in of_user.values()]
        assert sum(one["realised_profit"] != "0" for one in found) >= 10
    # Nothing but the stores is left of it.
    async with running_exchange(tmp_path, told=stores) as running:
        assert {user: await own(running, user) for user in ("u1", "u2", "u3")} == positions
        await running.done("POST", "/events/1/markets/1/resolve", json={"payouts": ["0.3", "0.7"]})
        answer = {"payouts": {"1": ["0", "1"], "2": ["0.4", "0.6"], "3": ["0.6", "0.4"]}}
        await running.done("POST", "/events/2/resolve", json=answer)
        await running.done("POST", "/events/3/markets/1/resolve", json={"void": True})
        for user in positions:
            assert await differences(running, user) == 0


async def test_positions_agree_with_the_cash_while_orders_meet(running: Running) -> None:
    async def make() -> None:
        for number in range(30):
            side, other = ("buy", "sell") if number % 2 else ("sell", "buy")
            await running.done("POST", "/orders", json=order(side=side, quantity="0.3"))
            body = order(side=other, quantity="0.3")
            await running.done("POST", "/orders", user="u2", json=body)

    making = asyncio.create_task(make())
    while not making.done():
        found = (await own(running, "u2"))["y1"]
        # Both began with 1000 of each token at 0.5, and all is traded at 0.5.
        profit = float(found["realised_profit"]) + float(found["cost"])
        assert round(profit, 6) == round(float(found["quantity"]) * 0.5, 6)
    await making


async def test_positions_come_page_by_page_and_by_filter(running: Running) -> None:
    sold = order(side="sell", quantity="1000")
    await running.done("POST", "/orders", json=sold)
    await running.done("POST", "/orders", user="u2", json=order(quantity="1000"))
    assert list(await own(running, "u1", "limit=1")) == ["n1", "y1"]
    assert list(await own(running, "u1", "limit=1&status=open")) == ["n1"]
    assert list(await own(running, "u1", "limit=1&status=closed")) == ["y1"]
    assert list(await own(running, "u1", "event_id=1&market_id=2")) == []
    assert list(await own(running, "u9", "limit=5")) == []
    await running.refused(401, "NO_USER", "GET", "/positions", user=None)
    await running.refused(400, "MALFORMED", "GET", "/positions?after=e30")


async def test_without_balances_positions_are_what_fills_left(tmp_path: Path) -> None:
    async with running_exchange(tmp_path, told={"ENGINE_LEDGER": "false"}) as running:
        await running.done("POST", "/events", json=EVENT)
        await deal(running, "u1", "u2", "y1", "0.6", "3")
        await deal(running, "u3", "u1", "y1", "0.7", "1")
        assert shown((await own(running))["y1"]) == ["2", "0.6", "1.2", "0.1", "0.2"]
        assert shown((await own(running, "u2"))["y1"]) == ["0", None, "0", "0.3", "0"]


async def test_positions_are_shown_while_the_log_does_not_answer(running: Running) -> None:
    async def away() -> list[int]:
        raise StoreUnavailable("the log is away")

    before = await own(running)
    venue = attrs.evolve(venue_of(running.exchange), heads=away)
    async with serving(create_app(venue), "127.0.0.1", 0) as url:
        response = await running.client.get(f"{url}/api/v1/positions", headers={"X-User-Id": "u1"})
        account = await running.client.get(f"{url}/api/v1/account", headers={"X-User-Id": "u1"})
    assert by_token(response.json()["items"]) == before
    assert account.json() == await running.done("GET", "/account")
