"""The project's own order flow, made by formula: two markets, twenty traders, no end."""

from __future__ import annotations

import math
from random import Random
from typing import Final

from pmengine.commands import (
    AddOneEvent,
    CancelOrder,
    Command,
    Deposit,
    NewMarket,
    Split,
    SubmitOrder,
)
from pmstore import PAYOUT, OrderType, Side, Symbol, TimeInForce

SAMPLE_EVENT: Final = 1
SAMPLE_MARKETS: Final = (1, 2)
SAMPLE_COMMANDS: Final = 6_000
"""How much of the flow one run of the demonstration feeds."""

_TRADERS: Final = 20
_CASH: Final = 50_000 * 10**6
_PAIRS: Final = 20_000 * 100
_CANCEL_BACK_MAX: Final = 60


def token(market_id: int, outcome: str) -> str:
    """The token id of a sample market's outcome, `yes` or `no`."""
    return f"rain-{market_id}-{outcome}"


def sample_markets() -> dict[int, NewMarket]:
    """The markets of the event, by id."""
    return {id: NewMarket((token(id, "yes"), token(id, "no"))) for id in SAMPLE_MARKETS}


def sample_setup() -> list[Command]:
    """The event with its markets, and what the traders begin with; saying it twice is harmless."""
    commands: list[Command] = [AddOneEvent(event_id=SAMPLE_EVENT, markets=sample_markets())]
    for number in range(_TRADERS):
        trader = f"trader-{number}"
        commands.append(Deposit(id=f"sample-{number}", user_id=trader, amount=_CASH))
        commands += [
            Split(
                id=f"sample-{number}-{market_id}",
                user_id=trader,
                event_id=SAMPLE_EVENT,
                market_id=market_id,
                quantity=_PAIRS // 100,
            )
            for market_id in SAMPLE_MARKETS
        ]
    return commands


def order_id(index: int) -> str:
    """The id of the order that command *index* makes, if it makes one."""
    return f"sample-{index}"


def sample_command(index: int) -> Command:
    """
    Command number *index* of the flow; the same for everybody, in any order asked.

    Half of them rest near a fair price that wanders, a fifth takes what is there, the
    others cancel what came shortly before.
    """
    random = Random(index)
    if index and random.random() < 0.3:
        before = index - random.randint(1, min(index, _CANCEL_BACK_MAX))
        return CancelOrder(order_id=order_id(before), user_id=_trader(before))
    market_id = random.choice(SAMPLE_MARKETS)
    yes = random.random() < 0.5
    buy = random.random() < 0.5
    fair = _fair_price(index, market_id)
    bid = buy == yes
    takes = random.random() < 0.3
    away = -random.randint(0, 60) if takes else random.randint(5, 250)
    ladder_price = fair - away if bid else fair + away
    return SubmitOrder(
        order_id=order_id(index),
        client_order_id=order_id(index),
        symbol=Symbol(SAMPLE_EVENT, market_id, token(market_id, "yes" if yes else "no")),
        side=Side.BUY if buy else Side.SELL,
        order_type=OrderType.LIMIT,
        user_id=_trader(index),
        price=ladder_price if yes else PAYOUT - ladder_price,
        quantity=random.randint(1, 40) * 25,
        time_in_force=TimeInForce.IOC if takes else TimeInForce.GTC,
    )


def _trader(index: int) -> str:
    return f"trader-{index * 7 % _TRADERS}"


def _fair_price(index: int, market_id: int) -> int:
    slow = math.sin(index / 1_900 + market_id)
    fast = math.sin(index / 210 + 2 * market_id)
    return 5_000 + int(1_700 * slow + 260 * fast)
