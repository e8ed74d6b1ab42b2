"""Users who trade over HTTP and write down everything that they were told."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any, Final

import attrs

from pmstore.decimals import parse_decimal
from tests.trips.http_client import Connection, NoAnswer

USERS: Final = tuple(f"trader-{number}" for number in range(8))
CONNECTIONS: Final = 6
"""How many requests each user has under way."""
EVENT: Final = 1
MARKETS: Final = (1, 2)
CASH: Final = "100000"
PAIRS: Final = "5000"
_ANSWERED_S_MAX: Final = 120.0


def token(market_id: int, outcome: str) -> str:
    """The token of a market's outcome, `yes` or `no`."""
    return f"{outcome}-{market_id}"


@attrs.define
class Told:
    """
    One order as its owner knows it; quantities in lots.

    `order_id` is None until the exchange named it. `refused` is the code of a refusal.
    `filled` is what the last answer said of it; `ended` that the last answer said it will
    not trade again. `cancel_asked`: a cancel was sent and no answer to it came. `found_as`
    is what a recovered folder calls an order whose answer never came, None if it has none.
    `not_kept`: the exchange said that it ended, and can no longer say with how much filled.
    """

    user_id: str
    client_order_id: str
    body: dict[str, Any]
    lots: int
    order_id: str | None = None
    refused: str | None = None
    filled: int = 0
    ended: bool = False
    cancel_asked: bool = False
    found_as: str | None = None
    not_kept: bool = False

    @property
    def answered(self) -> bool:
        """Whether its outcome was ever told."""
        return self.order_id is not None or self.refused is not None

    @property
    def takes_only(self) -> bool:
        """Whether nothing of it rests."""
        return bool(self.body["time_in_force"] == "ioc")

    def learn(self, order: dict[str, Any]) -> None:
        """Take an answer in; what was told before must not be taken back."""
        assert self.order_id in (None, order["id"]), f"{self} is now {order}"
        self.order_id = order["id"]
        filled = parse_decimal(order["filled_quantity"], 2, "filled_quantity")
        assert filled >= self.filled, f"{self} had more: {order}"
        self.filled = filled
        self.ended = self.ended or order["status"] in ("filled", "cancelled")
        sent = (self.client_order_id, *(self.body[name] for name in ("token_id", "side")))
        assert (order["client_order_id"], order["token_id"], order["side"]) == sent
        for name, decimals in (("price", 4), ("quantity", 2)):
            there = parse_decimal(order[name], decimals, name)
            assert there == parse_decimal(self.body[name], decimals, name), f"{self}: {order}"


class Traders:
    """Everybody's orders, and the tasks that place and cancel them."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance
        self.orders: dict[str, Told] = {}
        """By client order id."""
        self._open: dict[str, list[Told]] = {user: [] for user in USERS}
        self.cancels = 0

    async def set_up(self, url: str) -> None:
        """List the markets and give everybody cash and pairs; saying it again is harmless."""
        async with Connection(url, "operator") as operator:
            markets = {
                str(id): {
                    "outcomes": ["Yes", "No"],
                    "token_ids": [token(id, "yes"), token(id, "no")],
                }
                for id in MARKETS
            }
            status, answer = await operator.ask(
                "POST", "/events", {"event_id": EVENT, "markets": markets}
            )
            assert status in (200, 201), answer
            for user in USERS:
                deposit = {"id": f"cash-{user}", "user_id": user, "amount": CASH}
                status, answer = await operator.ask("POST", "/deposits", deposit)
                assert status in (200, 201), answer
        for user in USERS:
            async with Connection(url, user) as own:
                for market_id in MARKETS:
                    split = {
                        "id": f"pairs-{market_id}",
                        "event_id": EVENT,
                        "market_id": market_id,
                        "amount": PAIRS,
                    }
                    status, answer = await own.ask("POST", "/splits", split)
                    assert status in (200, 201), answer

    async def trade(self, url: str) -> None:
        """Everybody trades, as fast as answers come, until the exchange is gone."""
        await asyncio.gather(*(self._trade(url, user) for user in USERS * CONNECTIONS))

    async def begin(self, url: str, seconds: float, orders: int) -> asyncio.Task[None]:
        """
        Let everybody trade: it goes on when this returns, after *seconds*, and when so many
        more *orders* were answered, or the exchange is gone.
        """
        before = self.answered
        trading = asyncio.create_task(self.trade(url))
        await asyncio.wait({trading}, timeout=seconds)
        async with asyncio.timeout(_ANSWERED_S_MAX):
            while self.answered < before + orders and not trading.done():
                await asyncio.wait({trading}, timeout=0.02)
        return trading

    @property
    def answered(self) -> int:
        """How many orders have an outcome."""
        return sum(order.answered for order in self.orders.values())

    async def _trade(self, url: str, user: str) -> None:
        try:
            async with Connection(url, user) as own:
                while True:
                    if self._open[user] and self._chance.random() < 0.3:
                        await self._cancel(own, user)
                    else:
                        await self._place(own, self._new_order(user))
        except NoAnswer:
            return

    def _new_order(self, user: str) -> Told:
        chance = self._chance
        market_id = chance.choice(MARKETS)
        lots = chance.randint(1, 300)
        client_order_id = f"mine-{len(self.orders)}"
        body = {
            "client_order_id": client_order_id,
            "event_id": EVENT,
            "market_id": market_id,
            "token_id": token(market_id, chance.choice(("yes", "no"))),
            "side": chance.choice(("buy", "sell")),
            "type": "limit",
            "price": f"0.{chance.randint(4_800, 5_200)}",
            "quantity": f"{lots // 100}.{lots % 100:02}",
            "time_in_force": "gtc" if chance.random() < 0.75 else "ioc",
        }
        order = Told(user, client_order_id, body, lots)
        self.orders[client_order_id] = order
        return order

    async def _place(self, own: Connection, order: Told) -> None:
        status, answer = await own.ask("POST", "/orders", order.body)
        if status == 201:
            order.learn(answer["order"])
            if not order.ended and not order.takes_only:
                self._open[order.user_id].append(order)
        elif status == 422:
            order.refused = answer["code"]
        else:
            assert status in (503, 504), answer

    async def _cancel(self, own: Connection, user: str) -> None:
        some = self._open[user]
        order = some.pop(self._chance.randrange(len(some)))
        order.cancel_asked = True
        status, answer = await own.ask("DELETE", f"/orders/{order.order_id}")
        if status == 200:
            order.cancel_asked = False
            self.cancels += 1
            order.learn(answer["order"])
            assert order.ended, answer
        elif status in (404, 409):  # it was filled before
            order.cancel_asked = False
        else:
            assert status in (503, 504), answer

    async def ask_again(self, url: str, orders: list[Told]) -> None:
        """
        Send *orders* once more with the same ids: the same outcome, and no second order.

        One whose answer never came is placed now if it was not placed before.
        """
        for order in orders:
            async with Connection(url, order.user_id) as own:
                known, refused = order.order_id or order.found_as, order.refused
                answered = order.answered
                status, answer = await own.ask("POST", "/orders", order.body)
            if status == 422:
                assert known is None, f"{order} was accepted, and is refused now: {answer}"
                assert refused in (None, answer["code"]), f"{order}: {answer}"
                order.refused = answer["code"]
            elif status == 410:  # it ended before the snapshots that are kept
                assert known in (None, answer["order_id"]), f"{order}: {answer}"
                order.order_id, order.not_kept = answer["order_id"], True
            else:
                assert status == (201 if known is None else 200), f"{order}: {status} {answer}"
                assert refused is None, f"{order}: {answer}"
                assert known in (None, answer["order"]["id"]), f"{order}: {answer}"
                order.learn(answer["order"])
            if not (answered or order.refused or order.ended or order.not_kept or order.takes_only):
                self._open[order.user_id].append(order)
