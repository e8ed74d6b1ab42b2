"""What everybody may see of a market: its depth and its trades."""

from __future__ import annotations

from pmengine.gateways.depth_view import show_snapshot
from pmengine.gateways.http.answers import TradePage
from pmengine.gateways.http.lookup import find_market
from pmengine.gateways.http.operations import Call, Reply
from pmengine.gateways.http.requests import DepthFilter, TradeFilter
from pmengine.gateways.http.showing import show_trade
from pmstore import TradeQuery


async def get_depth(call: Call) -> Reply:
    """The levels of both tokens of a market."""
    parameters: DepthFilter = call.parameters
    key = (parameters.event_id, parameters.market_id)
    market = await find_market(call.venue.history, call.freshness, *key)
    depth = call.venue.depth.depth(key)
    return 200, show_snapshot(key, market.token_ids, depth, parameters.levels)


async def list_trades(call: Call) -> Reply:
    """Trades, newest first."""
    parameters: TradeFilter = call.parameters
    await call.freshness.reached()
    page = await call.venue.history.trades.find(
        TradeQuery(
            event_id=parameters.event_id,
            market_id=parameters.market_id,
            start_ms=parameters.start_ms,
            end_ms=parameters.end_ms,
            after=parameters.after,
            limit=parameters.limit,
        )
    )
    return 200, TradePage(items=[show_trade(trade) for trade in page.items], next=page.next)
