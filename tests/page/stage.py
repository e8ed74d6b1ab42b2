"""An exchange as it looks when something happens: events, books, trades, somebody's own orders."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, Final

import attrs

from pmengine.gateways.auth import Scope
from tests.page.exchange_process import Asking, ExchangeProcess

TOPICS: Final = {"culture": "Culture", "science": "Science", "sport": "Sport", "weather": "Weather"}
FEES: Final = {"kind": "linear", "maker_ppm": 0, "taker_ppm": 10_000}


def _market(name: str, yes: str = "Yes", no: str = "No") -> dict[str, Any]:
    return {"token_ids": [f"{name}-yes", f"{name}-no"], "outcomes": [yes, no]}


EVENTS: Final[tuple[dict[str, Any], ...]] = (
    {
        "event_id": 7,
        "title": "Will the probe land on the Moon before March?",
        "topic": "science",
        "description": "Yes if the lander stands on the Moon and answers before 1 March.",
        "markets": {"1": {"token_ids": ["y7", "n7"], "fees": FEES}},
        "end_date": "2030-03-01T00:00:00Z",
    },
    {
        "event_id": 8,
        "title": "Who wins the cup final?",
        "topic": "sport",
        "exclusive": True,
        "markets": {
            "1": _market("rovers", "Rovers", "Others"),
            "2": _market("united", "United", "Others"),
            "3": _market("athletic", "Athletic", "Others"),
        },
    },
    {
        "event_id": 9,
        "title": "Will it rain in Lisbon on Sunday?",
        "topic": "weather",
        "markets": {"1": _market("rain")},
    },
    {
        "event_id": 10,
        "title": "Will the museum open its new wing this year?",
        "topic": "culture",
        "markets": {"1": _market("museum")},
    },
)
CHANCES: Final = {(7, 1): 58, (8, 1): 44, (8, 2): 33, (8, 3): 18, (9, 1): 27, (10, 1): 71}
"""Of the first outcome of each market, in hundredths."""
STEPS: Final = 4
"""How often each market moves while nobody looks."""


@attrs.define
class Stage:
    """An exchange where something happened; `key` may do everything as the user alice."""

    exchange: ExchangeProcess
    key: str


async def set_stage(
    exchange: ExchangeProcess, *, steps: int = STEPS, stepped: Callable[[int], None] | None = None
) -> Stage:
    """
    Start *exchange*, and let things happen.

    Args:
        steps: How often each market moves.
        stepped: Told the number of each step before it.
    """
    admin = Asking(exchange, await exchange.key("admin", Scope.ADMIN))
    key = await exchange.key("alice", Scope.TRADE, Scope.ADMIN)
    users = [Asking(exchange, await exchange.key(user, Scope.TRADE)) for user in ("bob", "carol")]
    await exchange.start()
    for topic, name in TOPICS.items():
        await admin.done("POST", "/topics", {"topic": topic, "name": name})
    for event in EVENTS:
        await admin.done("POST", "/events", event)
    for user in ("alice", "bob", "carol"):
        deposit = {"id": f"d-{user}", "user_id": user, "amount": "100000"}
        await admin.done("POST", "/deposits", deposit)
    chance = random.Random(7)
    at = dict(CHANCES)
    for step in range(steps):
        if stepped is not None:
            stepped(step)
        for market, price in at.items():
            at[market] = min(90, max(8, price + chance.choice((-1, -1, 0, 0, 1, 1))))
            await _move(users, market, at[market], chance, is_last=step == steps - 1)
    await _own(Asking(exchange, key), at[(7, 1)])
    return Stage(exchange, key)


async def _move(
    users: list[Asking],
    market: tuple[int, int],
    price: int,
    chance: random.Random,
    *,
    is_last: bool,
) -> None:
    """One user sells to the other at *price*; at last both leave orders on either side of it."""
    first, second = users
    yes, no = _tokens(market)
    quantity = str(chance.randint(5, 60))
    await first.done("POST", "/orders", _order(market, yes, price, quantity))
    await second.done("POST", "/orders", _order(market, no, 100 - price, quantity))
    if is_last:
        orders = [
            _order(market, token, best - away, str(chance.randint(20, 400)))
            for token, best in ((yes, price - 1), (no, 100 - price - 1))
            for away in range(min(7, best))
        ]
        await first.done("POST", "/orders/batch", {"orders": orders})


async def _own(alice: Asking, price: int) -> None:
    """What alice did herself: she holds something, and waits for more."""
    market = (7, 1)
    yes, no = _tokens(market)
    await alice.done("POST", "/orders", _order(market, yes, price + 2, "60"))
    await alice.done("POST", "/orders", _order(market, yes, price - 3, "25"))
    await alice.done("POST", "/orders", _order(market, no, 100 - price - 5, "40"))
    await alice.done("POST", "/orders", _order((9, 1), _tokens((9, 1))[1], 55, "30"))


def _tokens(market: tuple[int, int]) -> list[str]:
    event = next(one for one in EVENTS if one["event_id"] == market[0])
    return list(event["markets"][str(market[1])]["token_ids"])


def _order(market: tuple[int, int], token: str, price: int, quantity: str) -> dict[str, Any]:
    event_id, market_id = market
    where = {"event_id": event_id, "market_id": market_id, "token_id": token, "side": "buy"}
    return {**where, "type": "limit", "price": f"0.{price:02}".rstrip("0"), "quantity": quantity}
