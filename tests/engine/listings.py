"""The markets that the random commands are about, and the commands that open them."""

from __future__ import annotations

from typing import Final

from pmengine.commands import AddOneEvent, Command, Deposit, NewFees, NewMarket, Split, SplitEvent
from pmstore import Symbol

USERS: Final = ("ann", "bob", "cid")
MARKETS: Final = ((1, 1), (1, 2), (2, 1))
EXCLUSIVE_ID: Final = 3
EXCLUSIVE_MARKETS: Final = ((3, 1), (3, 2), (3, 3))
START_MS: Final = 1_704_110_400_000

LINEAR: Final = NewFees("linear", 1_300, 20_100)
QUADRATIC: Final = NewFees("quadratic", 70_000, 3)


def tokens(event_id: int, market_id: int) -> tuple[str, str]:
    """The two tokens of a market."""
    return (f"y{event_id}{market_id}", f"n{event_id}{market_id}")


def symbol(event_id: int, market_id: int, first: bool = True) -> Symbol:
    """The name of the first or the second token of a market."""
    return Symbol(event_id, market_id, tokens(event_id, market_id)[not first])


def market(
    event_id: int, market_id: int, tick_size: int = 1, fees: NewFees | None = None
) -> NewMarket:
    """A market with its usual tokens."""
    return NewMarket(token_ids=tokens(event_id, market_id), tick_size=tick_size, fees=fees)


def opening(*, exclusive: bool = False) -> list[Command]:
    """
    Commands that list the markets and give everyone cash and pairs.

    Args:
        exclusive: With an exclusive event, of whose markets everybody has Yes and some No.
    """
    listed: list[Command] = [
        AddOneEvent(event_id=1, markets={1: market(1, 1), 2: market(1, 2, 100, LINEAR)}),
        AddOneEvent(event_id=2, markets={1: market(2, 1, 1, QUADRATIC)}),
    ]
    if exclusive:
        listed.append(exclusive_event())
    for user_id in USERS:
        listed.append(Deposit(id="opening", user_id=user_id, amount=1_000_000_000))
        for event_id, market_id in MARKETS + (EXCLUSIVE_MARKETS if exclusive else ()):
            listed.append(
                Split(
                    id=f"opening-{event_id}-{market_id}",
                    user_id=user_id,
                    event_id=event_id,
                    market_id=market_id,
                    quantity=500,
                )
            )
        if exclusive:
            listed.append(
                SplitEvent(id="opening", user_id=user_id, event_id=EXCLUSIVE_ID, quantity=200)
            )
    return listed


def exclusive_event() -> AddOneEvent:
    """The exclusive event, as it is listed every time."""
    markets = {market_id: market(event_id, market_id) for event_id, market_id in EXCLUSIVE_MARKETS}
    return AddOneEvent(event_id=EXCLUSIVE_ID, markets=markets, exclusive=True)
