"""Whether a record is what a query asks for."""

from __future__ import annotations

from pmstore.models.ledger import LedgerEntry
from pmstore.models.order import Order
from pmstore.models.query import LedgerQuery, OrderQuery, TradeQuery
from pmstore.models.trade import Trade


def order_matches(order: Order, query: OrderQuery) -> bool:
    """Whether *order* is what *query* asks for."""
    symbol = order.symbol
    return (
        (query.user_id is None or order.user_id == query.user_id)
        and (query.side is None or order.side is query.side)
        and (query.statuses is None or order.status in query.statuses)
        and (query.event_id is None or symbol.event_id == query.event_id)
        and (query.market_id is None or symbol.market_id == query.market_id)
        and (query.token_id is None or symbol.token_id == query.token_id)
        and (query.client_order_id is None or order.client_order_id == query.client_order_id)
        and (query.start_ms is None or order.timestamp >= query.start_ms)
        and (query.end_ms is None or order.timestamp < query.end_ms)
    )


def trade_matches(trade: Trade, query: TradeQuery) -> bool:
    """Whether *trade* is what *query* asks for; the time window is the caller's."""
    symbol = trade.symbol
    return (
        (query.user_id is None or query.user_id in (trade.taker_user_id, trade.maker_user_id))
        and (
            query.order_id is None or query.order_id in (trade.taker_order_id, trade.maker_order_id)
        )
        and (query.event_id is None or symbol.event_id == query.event_id)
        and (query.market_id is None or symbol.market_id == query.market_id)
        and (query.token_id is None or symbol.token_id == query.token_id)
    )


def entry_matches(entry: LedgerEntry, query: LedgerQuery) -> bool:
    """Whether *entry* of the user is what *query* asks for; the time window is the caller's."""
    return (query.asset is None or entry.asset == query.asset) and (
        query.kinds is None or entry.kind in query.kinds
    )
