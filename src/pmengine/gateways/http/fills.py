"""Own fills: the trades of a user as its orders saw them."""

from __future__ import annotations

from msgspec import UNSET

from pmengine.gateways.http.filters import FillFilter
from pmengine.gateways.http.operations import Call, Reply
from pmengine.gateways.http.own_views import FillPage, FillView
from pmengine.gateways.http.reading import parse_name
from pmengine.gateways.http.showing import (
    show_match,
    show_money,
    show_price,
    show_quantity,
    show_side,
)
from pmstore import Trade, TradeQuery


async def list_fills(call: Call) -> Reply:
    """Own fills, newest first."""
    parameters: FillFilter = call.parameters
    await call.freshness.reached()
    page = await call.venue.history.trades.find(
        TradeQuery(
            user_id=call.user_id,
            order_id=parse_name(parameters.order_id, "order_id"),
            event_id=parameters.event_id,
            market_id=parameters.market_id,
            start_ms=parameters.start_ms,
            end_ms=parameters.end_ms,
            after=parameters.after,
            limit=parameters.limit,
        )
    )
    items = [_show(trade, call.user_id) for trade in page.items]
    return 200, FillPage(items=items, next=page.next)


def _show(trade: Trade, user_id: str) -> FillView:
    is_taker, is_maker = trade.taker_user_id == user_id, trade.maker_user_id == user_id
    symbol = trade.symbol if is_taker else trade.maker_symbol
    fee = trade.taker_fee * is_taker + trade.maker_fee * is_maker
    return FillView(
        trade_id=trade.trade_id,
        order_id=trade.taker_order_id if is_taker else trade.maker_order_id,
        role="both" if is_taker and is_maker else "taker" if is_taker else "maker",
        event_id=symbol.event_id,
        market_id=symbol.market_id,
        token_id=symbol.token_id,
        side=show_side(trade.side if is_taker else trade.maker_side),
        price=show_price(trade.price if is_taker else trade.maker_price),
        quantity=show_quantity(trade.quantity),
        fee=show_money(fee),
        match_type=show_match(trade.match_type),
        timestamp=trade.timestamp,
        maker_order_id=trade.maker_order_id if is_taker and is_maker else UNSET,
    )
