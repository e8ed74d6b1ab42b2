"""The top of the book: the best price of each side of a market, and what is there."""

from __future__ import annotations

import msgspec

from pmengine.facts import Refusal
from pmengine.gateways.http.cursors import decode_cursor, encode_cursor
from pmengine.gateways.http.filters import TopFilter
from pmengine.gateways.http.lookup import find_event, missing
from pmengine.gateways.http.market_views import BestView, TokenTop, TopPage, TopView
from pmengine.gateways.http.operations import Call, Reply
from pmengine.gateways.http.showing import show_price, show_quantity
from pmengine.services.depth import Depth
from pmstore import PAYOUT, Market


class _After(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    event_id: int
    market_id: int


async def list_tops(call: Call) -> Reply:
    """The tops of an event's markets, or of one of them."""
    parameters: TopFilter = call.parameters
    event_id = parameters.event_id
    behind = 0
    if parameters.after is not None:
        behind = decode_cursor(parameters.after, _After).market_id
    event = await find_event(call.venue.history, call.freshness, event_id)
    if parameters.market_id is None:
        asked = sorted(event.markets)
    elif parameters.market_id in event.markets:
        asked = [parameters.market_id]
    else:
        raise missing(Refusal.UNKNOWN_MARKET)
    left = [market_id for market_id in asked if market_id > behind]
    shown = left[: parameters.limit]
    items = [
        _show(
            (event_id, market_id),
            event.markets[market_id],
            call.venue.depth.depth((event_id, market_id)),
        )
        for market_id in shown
    ]
    follows = len(left) > len(shown)
    after = encode_cursor(_After(event_id, shown[-1])) if follows else None
    return 200, TopPage(items=items, next=after)


def _show(key: tuple[int, int], market: Market, depth: Depth) -> TopView:
    first, second = market.token_ids
    bid = max(depth.bids.items(), default=None)
    ask = min(depth.asks.items(), default=None)
    last = depth.last_price
    return TopView(
        event_id=key[0],
        market_id=key[1],
        update_id=depth.update_id,
        timestamp=depth.timestamp,
        tokens={
            first: _token(bid, ask, last),
            second: _token(_mirror(ask), _mirror(bid), PAYOUT - last if last else 0),
        },
    )


def _mirror(level: tuple[int, int] | None) -> tuple[int, int] | None:
    return None if level is None else (PAYOUT - level[0], level[1])


def _token(bid: tuple[int, int] | None, ask: tuple[int, int] | None, last: int) -> TokenTop:
    return TokenTop(bid=_best(bid), ask=_best(ask), last_price=show_price(last) if last else None)


def _best(level: tuple[int, int] | None) -> BestView | None:
    if level is None:
        return None
    return BestView(price=show_price(level[0]), quantity=show_quantity(level[1]))
