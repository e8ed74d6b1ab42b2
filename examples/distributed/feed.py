"""Sends the sample of order flow over HTTP at a steady rate, and asks until each has its answer."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

import httpx

from pmengine.commands import AddOneEvent, CancelOrder, Command, Deposit, Split, SubmitOrder
from pmengine.sample import sample_command, sample_setup
from pmstore import MONEY_DECIMALS, PRICE_DECIMALS, QUANTITY_DECIMALS
from pmstore.decimals import format_decimal

WORKERS: Final = 8
ANSWER_S_MAX: Final = 30.0
AGAIN_S: Final = 0.05
TRIES_MAX: Final = 100
PAGE: Final = 1_000
OPERATOR: Final = "operator"


class Unanswered(Exception):
    """A command has no outcome after many tries, or an answer that none should have."""


class Feed:
    """
    Feeds the sample through an API, and counts what it answered.

    Attributes:
        sent: How many orders were sent.
        orders: How many of them were accepted, and how many refused.
        asked_again: Requests without an outcome in time, sent again with the same ids.
        slowest_s: The longest wait for an outcome.
    """

    def __init__(self, url: str, commands: int, rate: int, advanced: Callable[[], None]) -> None:
        self.sent = 0
        self.orders: Counter[str] = Counter()
        self.cancels = 0
        self.asked_again = 0
        self.slowest_s = 0.0
        self._url = url
        self._indexes = iter(range(commands))
        self._rate = rate
        self._advanced = advanced
        self._ids: dict[str, str] = {}
        self._users: set[str] = set()
        self._killed_at: float | None = None
        self._answered_after_kill: asyncio.Future[float] | None = None

    async def set_up(self) -> None:
        """List the event and give the traders what they begin with."""
        async with self._client() as client:
            for command in sample_setup():
                answer = await self._ask(client, command)
                if answer.is_error:
                    raise Unanswered(answer.text)

    async def run(self) -> None:
        """Send everything; returns when all of it is answered."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        async with self._client() as client, asyncio.TaskGroup() as workers:
            for _ in range(WORKERS):
                workers.create_task(self._work(client, started))

    async def kept(self) -> int:
        """
        How many orders the exchange shows its traders: exactly those that it accepted, once each.

        Raises:
            Unanswered: It is not so.
        """
        shown: list[str] = []
        async with self._client() as client:
            for user_id in sorted(self._users):
                after: dict[str, str] = {}
                while True:
                    query = {"limit": str(PAGE), **after}
                    answer = await client.get(
                        f"{self._url}/orders", params=query, headers={"X-User-Id": user_id}
                    )
                    page = answer.raise_for_status().json()
                    shown += [order["id"] for order in page["items"]]
                    if page["next"] is None:
                        break
                    after = {"after": page["next"]}
        if Counter(shown) != Counter(self._ids.values()):
            lost = len(set(self._ids.values()) - set(shown))
            raise Unanswered(f"{len(shown)} orders are shown; {lost} accepted ones are missing")
        return len(shown)

    def engine_killed(self) -> asyncio.Future[float]:
        """Say so now; done with the seconds until an order sent after it has its answer."""
        loop = asyncio.get_running_loop()
        self._killed_at = loop.time()
        self._answered_after_kill = loop.create_future()
        return self._answered_after_kill

    async def _work(self, client: httpx.AsyncClient, started: float) -> None:
        loop = asyncio.get_running_loop()
        for index in self._indexes:
            await asyncio.sleep(max(0.0, started + index / self._rate - loop.time()))
            command = sample_command(index)
            sent_at = loop.time()
            self.sent += isinstance(command, SubmitOrder)
            answer = await self._ask(client, command)
            self.slowest_s = max(self.slowest_s, loop.time() - sent_at)
            if isinstance(command, SubmitOrder):
                self.orders["refused" if answer.is_error else "accepted"] += 1
                if not answer.is_error:
                    self._ids[command.order_id] = answer.json()["order"]["id"]
                    self._users.add(command.user_id)
                self._note_takeover(sent_at)
            else:
                self.cancels += 1
            self._advanced()

    def _note_takeover(self, sent_at: float) -> None:
        waiting = self._answered_after_kill
        if self._killed_at is None or waiting is None or waiting.done():
            return
        if sent_at >= self._killed_at:
            waiting.set_result(asyncio.get_running_loop().time() - self._killed_at)

    async def _ask(self, client: httpx.AsyncClient, command: Command) -> httpx.Response:
        """The outcome: what has none in time is asked again, which does nothing twice."""
        method, path, user_id, body = self._request(command)
        for _ in range(TRIES_MAX):
            answer = await client.request(
                method, f"{self._url}{path}", headers={"X-User-Id": user_id}, json=body
            )
            if answer.status_code < 500:
                return answer
            self.asked_again += 1
            await asyncio.sleep(AGAIN_S)
        raise Unanswered(f"{method} {path} {body}: {answer.status_code} {answer.text}")

    def _client(self) -> httpx.AsyncClient:
        limits = httpx.Limits(max_connections=WORKERS, max_keepalive_connections=WORKERS)
        return httpx.AsyncClient(timeout=ANSWER_S_MAX, limits=limits, trust_env=False)

    def _request(self, command: Command) -> tuple[str, str, str, dict[str, Any] | None]:
        """Method, path, user and body that say *command* over HTTP."""
        body: dict[str, Any]
        match command:
            case SubmitOrder():
                return "POST", "/orders", command.user_id, _order(command)
            case CancelOrder():
                # Of an order without an id, refused or not answered yet, nothing is to be had.
                id = self._ids.get(command.order_id, command.order_id)
                return "DELETE", f"/orders/{id}", command.user_id, None
            case AddOneEvent():
                markets = {
                    str(id): {"outcomes": ["Yes", "No"], "token_ids": list(market.token_ids)}
                    for id, market in command.markets.items()
                }
                return (
                    "POST",
                    "/events",
                    OPERATOR,
                    {"event_id": command.event_id, "markets": markets},
                )
            case Deposit():
                amount = format_decimal(command.amount, MONEY_DECIMALS)
                body = {"id": command.id, "user_id": command.user_id, "amount": amount}
                return "POST", "/deposits", OPERATOR, body
            case Split():
                body = {
                    "id": command.id,
                    "event_id": command.event_id,
                    "market_id": command.market_id,
                    "amount": format_decimal(command.quantity, QUANTITY_DECIMALS),
                }
                return "POST", "/splits", command.user_id, body
            case _:
                raise AssertionError(f"the sample has no {type(command).__name__}")


def _order(command: SubmitOrder) -> dict[str, Any]:
    assert command.price is not None, "the sample has limit orders alone"
    return {
        "client_order_id": command.client_order_id,
        "event_id": command.symbol.event_id,
        "market_id": command.symbol.market_id,
        "token_id": command.symbol.token_id,
        "side": command.side.value.lower(),
        "type": "limit",
        "price": format_decimal(command.price, PRICE_DECIMALS),
        "quantity": format_decimal(command.quantity, QUANTITY_DECIMALS),
        "time_in_force": command.time_in_force.value,
    }
