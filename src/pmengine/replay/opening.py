"""The first pass over a recording: where its prices lie, and the orders older than it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import attrs

from pmengine.replay.events import Event, OrderEvent, OrderEventKind
from pmstore import PRICE_MAX, PRICE_MIN

GRID_STEP: Final = 5_000
"""The constant taken off prices is a multiple of this, in cents."""

PAIR_MS_MAX: Final = 30
"""The venue tells both sides of one fill within this time."""


@attrs.frozen(kw_only=True)
class OlderOrder:
    """
    An order that the recording knows only by its change or its end.

    `price` in cents and `amount` in 1e-8 are what it had when the recording began.
    """

    order_id: str
    is_bid: bool
    price: int
    amount: int


@attrs.frozen(kw_only=True)
class Opening:
    """
    What must be known before the first event is played.

    Attributes:
        events: How many events the recording has.
        price_offset: Cents that are taken off every price, so that as many new orders as
            possible lie on the engine's grid.
        time_ms: When the first event was received.
        older: The orders older than the recording, oldest first; `amount` is the first one
            seen plus the fill that the first event told of.
        sized_by_counterparty: How many of them needed that fill.
        unsized: Ids of those whose fill nobody else told; they are left out.
    """

    events: int
    price_offset: int
    time_ms: int
    older: tuple[OlderOrder, ...]
    sized_by_counterparty: int
    unsized: tuple[str, ...]


def survey(events: Iterable[Event]) -> Opening:
    """
    Read a recording once for what its replay must know beforehand.

    The size of the fill that an older order's first event tells of is what the order on the
    other side shrank by in the event next to it; prints are not looked at.
    """
    count = 0
    time_ms: int | None = None
    flow: list[OrderEvent] = []
    for event in events:
        count += 1
        if time_ms is None:
            time_ms = event.time_ms
        if isinstance(event, OrderEvent):
            flow.append(event)
    created = {one.order_id for one in flow if one.kind is OrderEventKind.CREATED}
    shrinks = _shrinks(flow)
    older: dict[str, OlderOrder] = {}
    sized = 0
    unsized: set[str] = set()
    for index, event in enumerate(flow):
        known = event.order_id in older or event.order_id in unsized
        if known or event.order_id in created:
            continue
        filled = 0
        if event.kind is OrderEventKind.CHANGED or not event.amount:
            filled = _told_by_counterparty(flow, shrinks, index)
            if filled:
                sized += 1
            if not event.amount + filled:
                unsized.add(event.order_id)
                continue
        older[event.order_id] = OlderOrder(
            order_id=event.order_id,
            is_bid=event.is_bid,
            price=event.price,
            amount=event.amount + filled,
        )
    return Opening(
        events=count,
        price_offset=_price_offset(flow),
        time_ms=time_ms or 0,
        older=tuple(sorted(older.values(), key=_age)),
        sized_by_counterparty=sized,
        unsized=tuple(sorted(unsized)),
    )


def _age(order: OlderOrder) -> tuple[int, str]:
    """The venue numbers orders as they arrive."""
    return len(order.order_id), order.order_id


def _shrinks(flow: list[OrderEvent]) -> list[int]:
    """By how much each event says that its order was filled; 0 for anything but a fill."""
    remaining: dict[str, int] = {}
    shrinks: list[int] = []
    for event in flow:
        before = remaining.get(event.order_id, 0)
        gone_unfilled = event.kind is OrderEventKind.DELETED and event.amount > 0
        shrinks.append(0 if gone_unfilled else max(0, before - event.amount))
        remaining[event.order_id] = event.amount
    return shrinks


def _told_by_counterparty(flow: list[OrderEvent], shrinks: list[int], index: int) -> int:
    """What the nearest neighbour of an event on the other side shrank by, in 1e-8."""
    event = flow[index]
    near = [
        (abs(flow[other].time_ms - event.time_ms), -other)
        for other in (index - 1, index + 1)
        if 0 <= other < len(flow)
        and flow[other].is_bid != event.is_bid
        and shrinks[other]
        and abs(flow[other].time_ms - event.time_ms) <= PAIR_MS_MAX
    ]
    return shrinks[-min(near)[1]] if near else 0


def _price_offset(flow: list[OrderEvent]) -> int:
    """
    The multiple of `GRID_STEP` that leaves the fewest new orders outside the grid.

    Only those that leave the middle price inside; of equals the lowest.
    """
    prices = sorted(one.price for one in flow if one.kind is OrderEventKind.CREATED)
    if not prices:
        return 0
    middle = prices[len(prices) // 2]
    first = -((PRICE_MAX - middle) // GRID_STEP) * GRID_STEP

    def inside(offset: int) -> int:
        return sum(PRICE_MIN <= price - offset <= PRICE_MAX for price in prices)

    return max(range(first, middle - PRICE_MIN + 1, GRID_STEP), key=inside)
