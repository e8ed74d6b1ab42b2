"""What orders can still need and what fills cost, computed from the rules alone; pure."""

from __future__ import annotations

from typing import Final

from pmstore import CASH, PAYOUT, Fees, Market, Order, Side, State

FEE_UNIT: Final = 10**10
"""Parts of a micro in which exact fees are kept."""

Asset = tuple[str, str]
"""A user and one of the user's assets."""


def exact_fee(fees: Fees, rate_ppm: int, price: int, lots: int) -> int:
    """The fee of a fill at *price* ticks, the same for both tokens, in 10^-10 micros."""
    if fees.kind == "linear":
        return rate_ppm * min(price, PAYOUT - price) * lots * (FEE_UNIT // 10**6)
    return rate_ppm * price * (PAYOUT - price) * lots


def paid_fee(exact: int) -> int:
    """The micros that are paid once the exact fees of an order add up to *exact*."""
    return -(-exact // FEE_UNIT)


def need_of(order: Order, market: Market | None) -> tuple[Asset, int]:
    """What a resting order can still need, and of which asset: it is what is frozen for it."""
    if order.side is Side.SELL:
        return (order.user_id, order.symbol.token_id), order.remaining_quantity
    need = order.price * order.remaining_quantity
    fees = None if market is None else market.fees
    if fees is not None:
        rest = exact_fee(fees, fees.maker_ppm, order.price, order.remaining_quantity)
        need += paid_fee(order.fee_exact + rest) - order.fee_paid
    return (order.user_id, CASH), need


def market_of(state: State, order: Order) -> Market | None:
    """The market that *order* names, None if it is not listed with that token."""
    event = state.events.get(order.symbol.event_id)
    market = None if event is None else event.markets.get(order.symbol.market_id)
    return market if market and order.symbol.token_id in market.token_ids else None


def ladder_place(order: Order, market: Market) -> tuple[bool, int]:
    """Whether *order* stands among the bids, and at which price of the first token."""
    first = order.symbol.token_id == market.token_ids[0]
    return (order.side is Side.BUY) == first, order.price if first else PAYOUT - order.price


def held(state: State, asset: str) -> int:
    """How much of *asset* all users have together."""
    return sum(row.available + row.frozen for row in state.balances.get(asset, {}).values())
