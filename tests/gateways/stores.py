"""The stores of a gateway's history in memory, and trades to fill them with."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from pmengine.services.log import BEGINNING, Place
from pmengine.services.shown_history import HistoryStacks
from pmstore import (
    MatchType,
    Position,
    Side,
    Symbol,
    Trade,
    TradeStore,
    open_account_store,
    open_event_store,
    open_order_store,
    open_trade_store,
)


class Stores(HistoryStacks):
    """Stores that hold all there is."""

    place: Place = BEGINNING

    async def reached(self, number: int) -> None:
        """They do."""


class Pace:
    """How far the stores are with the logs of some shards: an entry further with each question."""

    def __init__(self, shards: int = 1) -> None:
        self.times_ms = [0] * shards
        self._number = 0

    def __call__(self) -> list[Place]:
        self._number += 1
        return [Place(Position(one, 0), self._number, "") for one in self.times_ms]


@asynccontextmanager
async def stores() -> AsyncIterator[Stores]:
    """Empty ones."""
    async with (
        open_trade_store("memory://") as trades,
        open_order_store("memory://") as orders,
        open_account_store("memory://") as accounts,
        open_event_store("memory://") as events,
    ):
        yield Stores(trades=trades, orders=orders, accounts=accounts, events=events)


def a_trade(number: int, timestamp: int, price: int, lots: int, *, of_second: bool) -> Trade:
    """A trade of the first token at *price*, seen by a taker of the first or second token."""
    token, other = ("n", "y") if of_second else ("y", "n")
    return Trade(
        trade_id=number * 1024,
        match_type=MatchType.MINT,
        taker_order_id="t",
        maker_order_id="m",
        taker_user_id="u1",
        maker_user_id="u3",
        symbol=Symbol(1, 1, token),
        maker_symbol=Symbol(1, 1, other),
        side=Side.BUY,
        maker_side=Side.BUY,
        price=10_000 - price if of_second else price,
        maker_price=price if of_second else 10_000 - price,
        quantity=lots,
        timestamp=timestamp,
        taker_is_bid=not of_second,
    )


async def filled(trades: TradeStore, some: Sequence[Trade]) -> None:
    """Add *some*, however many."""
    for start in range(0, len(some), 1000):
        await trades.append(some[start : start + 1000])
