"""What must hold of one order, balance, market or event of a state by itself; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from pmengine.invariants.laws import Law, Violation, market_name
from pmengine.invariants.needs import FEE_UNIT, market_of
from pmstore import (
    ACTIVE_STATUSES,
    PAYOUT,
    PRICE_MAX,
    PRICE_MIN,
    Balance,
    Event,
    Group,
    GroupKey,
    Market,
    MarketState,
    Order,
    OrderStatus,
    OrderType,
    State,
    TimeInForce,
)

TRADABLE: Final = frozenset({MarketState.OPEN, MarketState.PAUSED})
"""The states of a market whose orders stand on the ladder and are shown."""
PAID_OUT: Final = frozenset({MarketState.RESOLVED, MarketState.VOID})
"""The states of a market whose tokens are worth their payouts."""
LotsOf = Callable[[str], int]
"""Tells how much of an asset all users have together, available and frozen."""
_RESTING: Final = frozenset({TimeInForce.GTC, TimeInForce.GTD})


def order_violations(state: State, order: Order) -> Iterator[Violation]:
    """What is wrong with an open order."""
    name = f"order {order.id}"
    filled, remaining = order.filled_quantity, order.remaining_quantity
    if remaining <= 0 or filled < 0:
        yield Violation(Law.QUANTITY, name, f"{filled} filled, {remaining} remaining")
    if filled + remaining != order.quantity:
        text = f"filled and remaining are not {order.quantity}"
        yield Violation(Law.QUANTITY, name, text)
    status = OrderStatus.PARTIALLY_FILLED if filled else OrderStatus.NEW
    if order.status not in ACTIVE_STATUSES or order.status is not status:
        yield Violation(Law.STATUS, name, f"is {order.status.value} with {filled} filled")
    if order.order_num > state.order_counter:
        text = f"number {order.order_num} is beyond the counter {state.order_counter}"
        yield Violation(Law.QUEUE, name, text)
    if order.version > state.user_update_ids.get(order.user_id, 0):
        yield Violation(Law.VERSIONS, name, f"version {order.version} is beyond its user's")
    if order.id not in state.order_ids:
        yield Violation(Law.MEMORY, name, "open, and its id is free")
    if order.order_type is not OrderType.LIMIT:
        yield Violation(Law.TERMS, name, "a market order rests")
    elif order.time_in_force not in _RESTING:
        yield Violation(Law.TERMS, name, f"an {order.time_in_force.value} order rests")
    market = market_of(state, order)
    if market is None:
        yield Violation(Law.TERMS, name, "its market is not listed")
        return
    if not PRICE_MIN <= order.price <= PRICE_MAX or order.price % market.tick_size:
        yield Violation(Law.TERMS, name, f"price {order.price}")
    if not -FEE_UNIT < order.fee_exact - order.fee_paid * FEE_UNIT <= 0:
        text = f"has paid {order.fee_paid} micros of {order.fee_exact}/10^10"
        yield Violation(Law.FEES, name, text)


def membership_violations(
    state: State, groups: Mapping[GroupKey, Group], order: Order
) -> Iterator[Violation]:
    """Whether the group, of *groups*, and the session of an open order let it stand."""
    if (order.group is None and order.session is None) or state.leaving_of(order):
        return
    name = f"order {order.id}"
    if order.group is not None:
        group = groups.get((order.user_id, order.group))
        if group is None:
            yield Violation(Law.GROUP, name, f"open, and its group {order.group} is gone")
        elif group.triggered:
            yield Violation(Law.GROUP, name, f"open, and its group {order.group} is triggered")
    if order.session is not None and (order.user_id, order.session) not in state.sessions:
        yield Violation(Law.DUE, name, f"open, and its session {order.session} has ended")


def row_violations(state: State, row: Balance, needed: int) -> Iterator[Violation]:
    """What is wrong with a balance of which the user's orders can need *needed*."""
    name = f"{row.user_id}'s {row.asset}"
    if row.available < 0 or row.frozen < 0:
        yield Violation(Law.ROWS, name, f"{row.available} available, {row.frozen} frozen")
    if not row.available and not row.frozen:
        yield Violation(Law.ROWS, name, "an empty row is kept")
    if row.frozen != needed:
        text = f"{row.frozen} frozen is not what its orders need: {needed}"
        yield Violation(Law.FROZEN, name, text)
    if row.version > state.user_update_ids.get(row.user_id, 0):
        yield Violation(Law.VERSIONS, name, f"version {row.version} is beyond its user's")


def event_violations(
    state: State, event: Event, lots_of: LotsOf, *, ledger: bool
) -> Iterator[Violation]:
    """
    What is wrong with an event and its markets, but for the sums of money.

    Args:
        lots_of: How much all users have of an asset.
        ledger: Whether money and tokens are kept.
    """
    for market in event.markets.values():
        yield from _market(state, event, market, lots_of, ledger)
    if event.exclusive:
        yield from _exclusive(event, lots_of, ledger)


def _market(
    state: State, event: Event, market: Market, lots_of: LotsOf, ledger: bool
) -> Iterator[Violation]:
    name = market_name(event.event_id, market.market_id)
    ended = event.end_date_ms is not None and event.end_date_ms <= state.time_ms
    if ended and market.state in TRADABLE:
        yield Violation(Law.DUE, name, f"is {market.state.value} after its end date")
    if market.state not in PAID_OUT:
        if ledger and not event.exclusive:
            yield from pair_violations(event.event_id, market, lots_of)
        return
    payouts = market.payouts
    if payouts is None:
        yield Violation(Law.PAYOUTS, name, "resolved without payouts")
        return
    if min(payouts) < 0 or sum(payouts) != PAYOUT:
        yield Violation(Law.PAYOUTS, name, f"resolved with {payouts[0]} and {payouts[1]}")
    void = market.state is MarketState.VOID
    if void and not event.exclusive and payouts[0] != payouts[1]:
        yield Violation(Law.PAYOUTS, name, f"void, and pays {payouts[0]} and {payouts[1]}")
    is_working = (event.event_id, market.market_id) in state.work
    if ledger and not is_working and any(map(lots_of, market.token_ids)):
        yield Violation(Law.PAYOUTS, name, "resolved, and its holders are not being paid")


def pair_violations(event_id: int, market: Market, lots_of: LotsOf) -> Iterator[Violation]:
    """Whether the tokens of a plain market that is not resolved are held in pairs."""
    first, second = map(lots_of, market.token_ids)
    if first != second:
        text = f"{first} lots of one token and {second} of the other"
        yield Violation(Law.PAIRS, market_name(event_id, market.market_id), text)


def _exclusive(event: Event, lots_of: LotsOf, ledger: bool) -> Iterator[Violation]:
    name = f"event {event.event_id}"
    markets = list(event.markets.values())
    paid_out = [market for market in markets if market.state in PAID_OUT]
    if not paid_out:
        if ledger and len({surplus(market, lots_of) for market in markets}) > 1:
            text = ", ".join(f"{surplus(one, lots_of)} in {one.market_id}" for one in markets)
            yield Violation(Law.EXCLUSIVE, name, f"Yes less No is {text}")
        return
    if len(paid_out) != len(markets):
        yield Violation(Law.EXCLUSIVE, name, "some of its markets are resolved and others not")
        return
    firsts = [market.payouts[0] for market in paid_out if market.payouts is not None]
    if sum(firsts) != PAYOUT and not any(market.removing for market in markets):
        yield Violation(Law.PAYOUTS, name, f"its Yes tokens pay {sum(firsts)} together")


def surplus(market: Market, lots_of: LotsOf) -> int:
    """How many more lots of the first token are held than of the second."""
    first, second = map(lots_of, market.token_ids)
    return first - second


def collateral(event: Event, lots_of: LotsOf) -> int:
    """The micros that stand behind the tokens of *event*."""
    total = 0
    for market in event.markets.values():
        first, second = map(lots_of, market.token_ids)
        if market.state not in PAID_OUT:
            total += PAYOUT * second
        elif market.payouts is not None:
            total += market.payouts[0] * first + market.payouts[1] * second
    # In a plain market that is not resolved Yes less No is 0.
    some = next(iter(event.markets.values()), None)
    if event.exclusive and some is not None and some.state not in PAID_OUT:
        total += PAYOUT * surplus(some, lots_of)
    return total
