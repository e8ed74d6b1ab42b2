"""Turns what a venue told about its orders into commands of one market."""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Final

from pmengine.commands import (
    AddOneEvent,
    AmendOrder,
    CancelOrder,
    NewMarket,
    SubmitOrder,
)
from pmengine.replay.events import OrderEvent, OrderEventKind
from pmengine.replay.opening import OlderOrder
from pmstore import PAYOUT, PRICE_MAX, PRICE_MIN, Order, OrderType, SelfTrade, Side, Symbol

EVENT_ID: Final = 1
MARKET_ID: Final = 1
TOKENS: Final = ("t0", "t1")
USER_ID: Final = "venue"
"""The recording names no owners, so all orders have the same one and may trade together."""


class Cause(enum.Enum):
    """How an event was understood when it was no plain submit, cancel or amend."""

    CONFIRMED = "tells exactly the fill that we had made"
    LAGGING = "a step on the way to a fill that we had made at once"
    FILLED_ELSEWHERE = "told of a fill that we did not make (hidden order): ours was cut to it"
    CANCELLED_WITH_OTHER_REST = "cancelled with another rest than ours had"
    CANCELLED_AFTER_OUR_FILL = "cancelled with a rest when we had filled it wholly"
    BEFORE_CREATED = "told of before it was created"
    CREATED_AFTER_DELETED = "created after its own delete: not submitted"
    AFTER_ITS_DELETE = "told of again after its delete"
    UNSIZED = "an order older than the recording whose amount nothing tells"
    OFF_GRID = "the order's price is outside the grid"


class Translator:
    """
    Follows one recording, event by event, and looks at nothing but what came so far.

    Args:
        price_offset: Cents that are taken off every price to make ticks of the first token.
        find: Answers the engine's own open order of an id.
        complement: Decides by chance which orders become their complement, Buy t0 at p as
            Sell t1 at 10000-p; None leaves all as they are.
    """

    def __init__(
        self,
        price_offset: int,
        find: Callable[[str], Order | None],
        *,
        complement: Random | None = None,
    ) -> None:
        self.causes: Counter[Cause] = Counter()
        self._offset = price_offset
        self._find = find
        self._chance = complement
        self._symbols = tuple(Symbol(EVENT_ID, MARKET_ID, token) for token in TOKENS)
        self._mirrored: set[str] = set()
        self._known: set[str] = set()
        self._deleted: set[str] = set()
        self._off_grid: set[str] = set()
        self._unsized: frozenset[str] = frozenset()

    def listing(self) -> AddOneEvent:
        """The command that opens the market which all others are about."""
        return AddOneEvent(event_id=EVENT_ID, markets={MARKET_ID: NewMarket(token_ids=TOKENS)})

    def expect_unsized(self, order_ids: tuple[str, ...]) -> None:
        """Let events of these older orders, which the opening book lacks, count apart."""
        self._unsized = frozenset(order_ids)

    def open(self, order: OlderOrder) -> SubmitOrder:
        """The command that puts an order older than the recording on the ladder."""
        return self._submit(order.order_id, order.is_bid, order.price, order.amount)

    def translate(self, event: OrderEvent) -> SubmitOrder | CancelOrder | AmendOrder | None:
        """
        The command that *event* means; None if the engine has already done what it tells.

        A new order trades in the engine at once, while the venue tells of its fills one after
        another afterwards; so a smaller amount is news only if ours is still larger.
        """
        if event.kind is OrderEventKind.CREATED:
            if event.order_id in self._deleted:
                self.causes[Cause.CREATED_AFTER_DELETED] += 1
                return None
            return self._submit(event.order_id, event.is_bid, event.price, event.amount)
        order = self._find(event.order_id)
        if event.kind is OrderEventKind.DELETED:
            return self._deletion(event, order)
        return self._change(event, order)

    def _submit(self, order_id: str, is_bid: bool, price: int, amount: int) -> SubmitOrder:
        self._known.add(order_id)
        ticks = price - self._offset
        if not PRICE_MIN <= ticks <= PRICE_MAX:
            self._off_grid.add(order_id)
            self.causes[Cause.OFF_GRID] += 1
        mirrored = self._chance is not None and self._chance.random() < 0.5
        if mirrored:
            self._mirrored.add(order_id)
        return SubmitOrder(
            order_id=order_id,
            symbol=self._symbols[mirrored],
            side=Side.BUY if is_bid != mirrored else Side.SELL,
            order_type=OrderType.LIMIT,
            user_id=USER_ID,
            quantity=amount,
            price=PAYOUT - ticks if mirrored else ticks,
            self_trade=SelfTrade.NONE,
        )

    def _deletion(self, event: OrderEvent, order: Order | None) -> CancelOrder | None:
        if order is None:
            cause = self._why_not_open(event)
            self.causes[cause] += 1
        elif not event.amount:
            self.causes[Cause.FILLED_ELSEWHERE] += 1
        elif event.amount != order.remaining_quantity:
            self.causes[Cause.CANCELLED_WITH_OTHER_REST] += 1
        self._deleted.add(event.order_id)
        if order is None and cause is Cause.CONFIRMED:
            return None
        return CancelOrder(order_id=event.order_id, user_id=USER_ID)

    def _change(self, event: OrderEvent, order: Order | None) -> AmendOrder | CancelOrder | None:
        order_id = event.order_id
        if order is None:
            self.causes[self._why_not_open(event)] += 1
            return None
        ticks = event.price - self._offset
        price = PAYOUT - ticks if order_id in self._mirrored else ticks
        total = order.filled_quantity + event.amount
        if price != order.price:
            if not PRICE_MIN <= ticks <= PRICE_MAX:
                self._off_grid.add(order_id)
                self.causes[Cause.OFF_GRID] += 1
                return CancelOrder(order_id=order_id, user_id=USER_ID)
            return AmendOrder(order_id=order_id, user_id=USER_ID, price=price, quantity=total)
        if event.amount < order.remaining_quantity:
            self.causes[Cause.FILLED_ELSEWHERE] += 1
            if not event.amount:
                return CancelOrder(order_id=order_id, user_id=USER_ID)
            return AmendOrder(order_id=order_id, user_id=USER_ID, quantity=total)
        same = event.amount == order.remaining_quantity
        self.causes[Cause.CONFIRMED if same else Cause.LAGGING] += 1
        return None

    def _why_not_open(self, event: OrderEvent) -> Cause:
        order_id = event.order_id
        if order_id in self._deleted:
            return Cause.AFTER_ITS_DELETE
        if order_id in self._unsized:
            return Cause.UNSIZED
        if order_id in self._off_grid:
            return Cause.OFF_GRID
        if order_id not in self._known:
            return Cause.BEFORE_CREATED
        if event.kind is OrderEventKind.CHANGED:
            return Cause.LAGGING
        return Cause.CANCELLED_AFTER_OUR_FILL if event.amount else Cause.CONFIRMED
