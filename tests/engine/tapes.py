"""Random commands on a few users, markets and prices, so that they meet: the same for one seed."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime
from random import Random
from typing import Final

from pmengine.commands import (
    AddOneEvent,
    AddOneMarket,
    AmendOrder,
    CancelOrder,
    Command,
    Deposit,
    Merge,
    NewMarket,
    RemoveOneEvent,
    RemoveOneMarket,
    Resolve,
    ResumeAllEvents,
    Split,
    StopAllEvents,
    SubmitOrder,
    Tick,
    Withdraw,
)
from pmstore import OrderType, SelfTrade, Side, Symbol, TimeInForce

USERS: Final = ("ann", "bob", "cid")
MARKETS: Final = ((1, 1), (1, 2), (2, 1))
PRICES: Final = (10, 4_000, 4_900, 5_000, 5_100, 6_000, 9_990)
START_MS: Final = 1_704_110_400_000


def tokens(event_id: int, market_id: int) -> tuple[str, str]:
    """The two tokens of a market."""
    return (f"y{event_id}{market_id}", f"n{event_id}{market_id}")


def symbol(event_id: int, market_id: int, first: bool = True) -> Symbol:
    """The name of the first or the second token of a market."""
    return Symbol(event_id, market_id, tokens(event_id, market_id)[not first])


def market(event_id: int, market_id: int, tick_size: int = 1) -> NewMarket:
    return NewMarket(token_ids=tokens(event_id, market_id), tick_size=tick_size)


def opening() -> list[Command]:
    """Commands that list the markets and give everyone cash and pairs."""
    listed: list[Command] = [
        AddOneEvent(event_id=1, markets={1: market(1, 1), 2: market(1, 2, 100)}),
        AddOneEvent(event_id=2, markets={1: market(2, 1)}),
    ]
    for user_id in USERS:
        listed.append(Deposit(id="opening", user_id=user_id, amount=1_000_000_000))
        for event_id, market_id in MARKETS:
            listed.append(
                Split(
                    id=f"opening-{event_id}-{market_id}",
                    user_id=user_id,
                    event_id=event_id,
                    market_id=market_id,
                    quantity=500,
                )
            )
    return listed


class Tape:
    """
    An endless, reproducible run of commands with their times.

    Args:
        seed: The same one gives the same commands.
        orders_only: Limit orders, cancels and amends alone, and nothing that ends a market.
        id_range: How many order ids and ids there are; few make repeats frequent.
    """

    def __init__(self, seed: int, *, orders_only: bool = False, id_range: int = 10**9) -> None:
        self._chance = Random(seed)
        self._orders_only = orders_only
        self._id_range = id_range
        self._time_ms = START_MS
        self._made = 0
        self._recent: list[tuple[str, str]] = []
        self._scheduled: deque[Command] = deque()

    def run(self, count: int) -> Iterator[tuple[Command, int]]:
        """The next *count* commands, each with its time."""
        for _ in range(count):
            self._time_ms += self._chance.choice((0, 0, 1, 7, 40))
            yield self._command(), self._time_ms

    def _command(self) -> Command:
        roll = self._chance.random()
        if self._scheduled and roll < 0.25:
            return self._scheduled.popleft()
        roll = self._chance.random()
        if roll < 0.55 or not self._recent:
            return self._order()
        if roll < 0.75:
            order_id, user_id = self._known()
            return CancelOrder(order_id=order_id, user_id=user_id)
        if roll < 0.87:
            return self._amend()
        if self._orders_only:
            return self._order()
        return self._other()

    def _id(self) -> str:
        self._made += 1
        if self._id_range > 10**6:
            return f"o{self._made}"
        return f"o{self._chance.randrange(self._id_range)}"

    def _known(self) -> tuple[str, str]:
        order_id, user_id = self._chance.choice(self._recent[-25:])
        if self._chance.random() < 0.03:
            user_id = self._chance.choice(USERS)
        return order_id, user_id

    def _order(self) -> Command:
        chance = self._chance
        order_id = self._id()
        user_id = chance.choice(USERS)
        self._recent.append((order_id, user_id))
        side = chance.choice((Side.BUY, Side.SELL))
        kind = OrderType.LIMIT if self._orders_only else self._kind()
        by_volume = kind is OrderType.MARKET and side is Side.BUY
        event_id, market_id = chance.choice(MARKETS)
        limit = kind is OrderType.LIMIT
        price: int | None = chance.choice(PRICES)
        if not limit and chance.random() < 0.5:
            price = None
        return SubmitOrder(
            order_id=order_id,
            symbol=symbol(event_id, market_id, chance.random() < 0.5),
            side=side,
            order_type=kind,
            user_id=user_id,
            quantity=0 if by_volume else chance.randint(1, 9),
            price=price,
            volume=chance.randint(1, 60_000) if by_volume else 0,
            time_in_force=chance.choice((TimeInForce.GTC,) * 4 + (TimeInForce.IOC,)),
            post_only=limit and chance.random() < 0.05,
            self_trade=chance.choice((None, *SelfTrade)),
            client_order_id=None if chance.random() < 0.7 else f"c{order_id}",
            valid_until_ms=self._time_ms + chance.randint(-5, 500)
            if chance.random() < 0.1
            else None,
            correlation_id=f"correlation-{self._made}",
        )

    def _kind(self) -> OrderType:
        return OrderType.MARKET if self._chance.random() < 0.25 else OrderType.LIMIT

    def _amend(self) -> Command:
        chance = self._chance
        order_id, user_id = self._known()
        return AmendOrder(
            order_id=order_id,
            user_id=user_id,
            price=None if chance.random() < 0.5 else chance.choice(PRICES),
            quantity=None if chance.random() < 0.3 else chance.randint(1, 12),
        )

    def _other(self) -> Command:
        chance = self._chance
        user_id = chance.choice(USERS)
        event_id, market_id = chance.choice(MARKETS)
        roll = chance.randrange(100)
        if roll < 20:
            return Deposit(id=self._id(), user_id=user_id, amount=chance.randint(1, 10**6))
        if roll < 35:
            return Withdraw(id=self._id(), user_id=user_id, amount=chance.randint(1, 10**6))
        if roll < 85:
            pairs = Split if roll < 65 else Merge
            return pairs(
                id=self._id(),
                user_id=user_id,
                event_id=event_id,
                market_id=market_id,
                quantity=chance.randint(1, 50),
            )
        if roll < 90:
            return Tick()
        return self._ending(event_id, market_id)

    def _ending(self, event_id: int, market_id: int) -> Command:
        """Stop or end something; what brings it back comes a few commands later."""
        chance = self._chance
        payouts = chance.choice(((10_000, 0), (0, 10_000), (5_000, 5_000), (3, 9_997)))
        resolve = Resolve(event_id=event_id, market_id=market_id, payouts=payouts)
        remove = RemoveOneMarket(event_id=event_id, market_id=market_id)
        first = chance.choice((StopAllEvents(), resolve, remove, RemoveOneEvent(event_id=event_id)))
        self._later(ResumeAllEvents())
        if isinstance(first, StopAllEvents):
            return first
        listed = [m for e, m in MARKETS if e == event_id]
        for number in listed:
            self._later(Resolve(event_id=event_id, market_id=number, payouts=payouts))
        for number in listed:
            self._later(RemoveOneMarket(event_id=event_id, market_id=number))
        if chance.random() < 0.7:
            self._later(RemoveOneEvent(event_id=event_id))
        self._list_again(event_id, listed)
        return first

    def _list_again(self, event_id: int, listed: list[int]) -> None:
        chance = self._chance
        end_date = None
        if chance.random() < 0.3:
            ends_ms = self._time_ms + chance.randint(500, 60_000)
            end_date = datetime.fromtimestamp(ends_ms / 1000, UTC).isoformat()
        markets = {number: market(event_id, number) for number in listed}
        self._later(AddOneEvent(event_id=event_id, markets=markets, end_date=end_date))
        for number in listed:
            added = AddOneMarket(
                event_id=event_id, market_id=number, market=market(event_id, number)
            )
            self._later(added)
            for user_id in USERS:
                split = Split(
                    id=self._id(),
                    user_id=user_id,
                    event_id=event_id,
                    market_id=number,
                    quantity=chance.randint(1, 500),
                )
                self._later(split)

    def _later(self, command: Command) -> None:
        self._scheduled.append(command)
