"""Why an order ended, and what a fill leaves of it; pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import attrs

from pmengine.invariants.needs import exact_fee
from pmengine.services.explaining.rules import Rule
from pmengine.services.explaining.telling import shares
from pmstore import (
    Market,
    Order,
    OrderCancelled,
    OrderFilled,
    OrderType,
    Remembered,
    TimeInForce,
    Trade,
)

REASONS: Final[Mapping[str, tuple[Rule, str]]] = {
    "self_trade": (Rule.SELF_TRADE, "self-trade prevention cancelled it"),
    "expired": (Rule.EXPIRED, "its time was over"),
    "market_closed": (Rule.MARKET_CLOSED, "trading in its market ended"),
    "cancel_all": (Rule.CANCEL_ALL, "all orders that its owner named were cancelled"),
    "group": (Rule.GROUP, "its group filled more than its limit"),
    "session": (Rule.SESSION, "its session ended"),
}
"""The rule and the words for each reason that the engine gives."""


def why_ended(
    end: OrderFilled | OrderCancelled, answer: Remembered | None, order: Order | None
) -> tuple[Rule | None, str]:
    """
    The rule by which an order ended, and why in words.

    Args:
        answer: Of the command with which it ended; None if it was due by itself.
        order: As it was before.
    """
    if isinstance(end, OrderFilled):
        fok = order is not None and order.time_in_force is TimeInForce.FOK
        rule = Rule.FOK if fok else Rule.FILLED
        return rule, f"filled: {shares(end.filled_quantity)} in all"
    if end.reason in REASONS:
        rule, why = REASONS[end.reason]
        return rule, f"cancelled: {why}"
    if answer is None:
        return None, f"cancelled{f': {end.reason}' if end.reason else ''}"
    if answer.kind == "CancelOrder" and answer.order_id == end.order_id:
        return Rule.OWNER, f"cancelled by its owner {end.user_id}"
    if answer.kind == "AmendOrder" and answer.order_id == end.order_id:
        return Rule.AMEND_ENDS, "ended by an amend to no more than was filled"
    if order is not None and order.order_type is OrderType.MARKET:
        rule = Rule.MARKET_BUY if order.volume else Rule.MARKET_SELL
        return rule, "cancelled: nothing more could be had at its worst price or better"
    if order is not None and order.time_in_force is TimeInForce.IOC:
        return Rule.IOC, "cancelled: what an IOC order does not fill at once is not kept"
    return None, f"cancelled with the command {answer.kind}"


def filled_order(order: Order, trade: Trade, market: Market | None, *, is_taker: bool) -> Order:
    """The order as it is after a fill, before the log says so."""
    fee = trade.taker_fee if is_taker else trade.maker_fee
    exact = 0
    if market is not None and market.fees is not None:
        rate = market.fees.taker_ppm if is_taker else market.fees.maker_ppm
        price = trade.price if is_taker else trade.maker_price
        exact = exact_fee(market.fees, rate, price, trade.quantity)
    left = 0 if order.volume else order.remaining_quantity - trade.quantity
    return attrs.evolve(
        order,
        filled_quantity=order.filled_quantity + trade.quantity,
        remaining_quantity=left,
        fee_exact=order.fee_exact + exact,
        fee_paid=order.fee_paid + fee,
    )
