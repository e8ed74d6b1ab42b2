"""What the right answer to a question is, found the slow and obvious way."""

from __future__ import annotations

from collections.abc import Iterable

from pmstore.models.order import Order
from pmstore.models.query import OrderQuery, TradeQuery
from pmstore.models.trade import Trade


def orders_asked_for(orders: Iterable[Order], query: OrderQuery) -> list[Order]:
    """All that *query* asks for, in order; its limit and cursor are ignored."""
    found = list(orders)
    if query.user_id is not None:
        found = [order for order in found if order.user_id == query.user_id]
    if query.side is not None:
        found = [order for order in found if order.side == query.side]
    if query.event_id is not None:
        found = [order for order in found if order.symbol.event_id == query.event_id]
    if query.market_id is not None:
        found = [order for order in found if order.symbol.market_id == query.market_id]
    if query.token_id is not None:
        found = [order for order in found if order.symbol.token_id == query.token_id]
    if query.statuses is not None:
        found = [order for order in found if order.status in query.statuses]
    if query.ids is not None:
        found = [order for order in found if order.id in query.ids]
    if query.client_order_id is not None:
        found = [order for order in found if order.client_order_id == query.client_order_id]
    if query.start_ms is not None:
        found = [order for order in found if order.timestamp >= query.start_ms]
    if query.end_ms is not None:
        found = [order for order in found if order.timestamp < query.end_ms]
    return sorted(found, key=lambda order: (order.order_num, order.id))


def trades_asked_for(trades: Iterable[Trade], query: TradeQuery) -> list[Trade]:
    """All that *query* asks for, newest first; its limit and cursor are ignored."""
    found = list(trades)
    if query.user_id is not None:
        found = [one for one in found if query.user_id in (one.taker_user_id, one.maker_user_id)]
    if query.order_id is not None:
        found = [one for one in found if query.order_id in (one.taker_order_id, one.maker_order_id)]
    if query.event_id is not None:
        found = [one for one in found if one.symbol.event_id == query.event_id]
    if query.market_id is not None:
        found = [one for one in found if one.symbol.market_id == query.market_id]
    if query.token_id is not None:
        found = [one for one in found if one.symbol.token_id == query.token_id]
    if query.start_ms is not None:
        found = [one for one in found if one.timestamp >= query.start_ms]
    if query.end_ms is not None:
        found = [one for one in found if one.timestamp < query.end_ms]
    return sorted(found, key=lambda one: (one.timestamp, one.trade_id), reverse=True)
