"""Random commands on a few users, markets and prices, so that they meet: the same for one seed."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from random import Random
from typing import Any, Final

from pmengine.commands import (
    AmendOrder,
    CancelAll,
    CancelOrder,
    Command,
    Convert,
    Deposit,
    Heartbeat,
    Merge,
    MergeEvent,
    OrderGroup,
    Split,
    SplitEvent,
    SubmitOrder,
    Tick,
    Withdraw,
)
from pmstore import OrderType, SelfTrade, Side, TimeInForce
from tests.engine.endings import Endings
from tests.engine.listings import (
    EXCLUSIVE_ID,
    EXCLUSIVE_MARKETS,
    MARKETS,
    START_MS,
    USERS,
    symbol,
)

PRICES: Final = (10, 4_000, 4_900, 5_000, 5_100, 6_000, 9_990)
_TIMES_IN_FORCE: Final = (
    *[TimeInForce.GTC] * 6,
    TimeInForce.GTD,
    TimeInForce.IOC,
    TimeInForce.FOK,
)


class Tape:
    """
    An endless, reproducible run of commands with their times.

    Args:
        seed: The same one gives the same commands.
        orders_only: Limit orders, cancels and amends alone, and nothing that ends a market.
        exclusive: Also on the exclusive event.
        id_range: How many order ids and ids there are; few make repeats frequent.
    """

    def __init__(
        self,
        seed: int,
        *,
        orders_only: bool = False,
        exclusive: bool = False,
        id_range: int = 10**9,
    ) -> None:
        self._chance = Random(seed)
        self._orders_only = orders_only
        self._exclusive = exclusive
        self._markets = MARKETS + (EXCLUSIVE_MARKETS if exclusive else ())
        self._id_range = id_range
        self._time_ms = START_MS
        self._made = 0
        self._recent: deque[tuple[str, str]] = deque(maxlen=25)
        self._scheduled: deque[Command] = deque()
        self._endings = Endings(self._chance, self._id)

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
        if roll < 0.72:
            order_id, user_id = self._known()
            return CancelOrder(order_id=order_id, user_id=user_id)
        if roll < 0.82:
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
        order_id, user_id = self._chance.choice(self._recent)
        if self._chance.random() < 0.03:
            user_id = self._chance.choice(USERS)
        return order_id, user_id

    def _order(self) -> Command:
        chance = self._chance
        order_id = self._id()
        user_id = chance.choice(USERS)
        self._recent.append((order_id, user_id))
        side = chance.choice((Side.BUY, Side.SELL))
        limit = self._orders_only or chance.random() < 0.75
        by_volume = side is Side.BUY and not limit
        event_id, market_id = chance.choice(self._markets)
        price: int | None = chance.choice(PRICES)
        if not limit and chance.random() < 0.5:
            price = None
        return SubmitOrder(
            order_id=order_id,
            symbol=symbol(event_id, market_id, chance.random() < 0.5),
            side=side,
            order_type=OrderType.LIMIT if limit else OrderType.MARKET,
            user_id=user_id,
            quantity=0 if by_volume else chance.randint(1, 9),
            price=price,
            volume=chance.randint(1, 60_000) if by_volume else 0,
            self_trade=chance.choice((None, *SelfTrade)),
            client_order_id=None if chance.random() < 0.7 else f"c{order_id}",
            valid_until_ms=self._time_ms + chance.randint(-5, 500)
            if chance.random() < 0.1
            else None,
            correlation_id=f"correlation-{self._made}",
            **self._terms(limit),
        )

    def _terms(self, limit: bool) -> dict[str, Any]:
        """How long a new order stays, and what it belongs to."""
        chance = self._chance
        terms: dict[str, Any] = {}
        if limit:
            terms["time_in_force"] = chance.choice(_TIMES_IN_FORCE)
            terms["post_only"] = chance.random() < 0.05
            if terms["time_in_force"] is TimeInForce.GTD:
                terms["expires_at_ms"] = self._time_ms + chance.choice((0, 1, 30, 300, 3_000))
        if not self._orders_only and chance.random() < 0.15:
            terms["group"] = chance.choice(("g", "h"))
        if not self._orders_only and chance.random() < 0.15:
            terms["session"] = chance.choice(("s", "t"))
        return terms

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
        roll = self._chance.randrange(100)
        if roll < 20:
            return self._cash()
        if roll < 55:
            return self._pairs()
        if roll < 65:
            return self._cancel_all()
        if roll < 90:
            return self._group_or_session()
        if roll < 93:
            return Tick()
        first, *later = self._endings.next(self._time_ms, exclusive=self._exclusive)
        self._scheduled.extend(later)
        return first

    def _cash(self) -> Command:
        chance = self._chance
        kind = Deposit if chance.random() < 0.6 else Withdraw
        return kind(id=self._id(), user_id=chance.choice(USERS), amount=chance.randint(1, 10**6))

    def _pairs(self) -> Command:
        chance = self._chance
        fields: dict[str, Any] = {"id": self._id(), "user_id": chance.choice(USERS)}
        if self._exclusive and chance.random() < 0.5:
            fields |= {"event_id": EXCLUSIVE_ID, "quantity": chance.randint(1, 50)}
            if chance.random() < 0.4:
                return chance.choice((SplitEvent, MergeEvent))(**fields)
            numbers = [number for _, number in EXCLUSIVE_MARKETS]
            return Convert(market_ids=tuple(chance.sample(numbers, chance.randint(1, 3))), **fields)
        event_id, market_id = chance.choice(self._markets)
        fields |= {"event_id": event_id, "market_id": market_id, "quantity": chance.randint(1, 50)}
        return (Split if chance.random() < 0.6 else Merge)(**fields)

    def _cancel_all(self) -> Command:
        chance = self._chance
        of: dict[str, Any] = {}
        event_id, market_id = chance.choice(self._markets)
        roll = chance.randrange(6)
        if roll == 1:
            of = {"event_id": event_id}
        elif roll == 2:
            of = {"event_id": event_id, "market_id": market_id}
        elif roll == 3:
            of = {"group": chance.choice(("g", "h"))}
        elif roll == 4:
            of = {"session": chance.choice(("s", "t"))}
        return CancelAll(user_id=chance.choice(USERS), **of)

    def _group_or_session(self) -> Command:
        chance = self._chance
        user_id = chance.choice(USERS)
        if chance.random() < 0.5:
            return OrderGroup(
                user_id=user_id,
                group=chance.choice(("g", "h")),
                quantity_max=chance.choice((0, 5, 9, 40, 1_000)),
                window_ms=chance.choice((1, 100, 2_000)),
            )
        return Heartbeat(
            user_id=user_id,
            session=chance.choice(("s", "t")),
            timeout_ms=chance.choice((0, 1, 200, 1_000, 5_000)),
        )
