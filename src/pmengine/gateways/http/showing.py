"""Turns what is stored into what clients are shown: integers of units become exact decimals."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

from msgspec import UNSET

from pmengine.gateways.http.answers import (
    AccountView,
    CashView,
    EventView,
    FeesView,
    MarketView,
    OrderView,
    PositionView,
    TokenView,
    TradeView,
)
from pmengine.gateways.http.words import Words
from pmengine.services.depth import Depth, DepthFeed
from pmengine.shards import cash_shard
from pmstore import (
    MONEY_DECIMALS,
    PAYOUT,
    PRICE_DECIMALS,
    QUANTITY_DECIMALS,
    Balance,
    Event,
    Market,
    MatchType,
    Order,
    OrderStatus,
    OrderType,
    Side,
    Trade,
)
from pmstore.decimals import format_decimal

AVERAGE_DECIMALS: Final = 6
SHOWN_MAX: Final = 10_000
"""Texts of prices, and of quantities, that are kept: the same few are shown again and again."""
_AVERAGE_SCALE: Final = 10 ** (AVERAGE_DECIMALS - PRICE_DECIMALS)

# What is shown for an enum member is looked up: the words of the edge are its own.
_SIDES: Final[dict[Side, Any]] = {Side.BUY: "buy", Side.SELL: "sell"}
_TYPES: Final[dict[OrderType, Any]] = {OrderType.LIMIT: "limit", OrderType.MARKET: "market"}
_STATUSES: Final[dict[OrderStatus, Any]] = {
    OrderStatus.NEW: "new",
    OrderStatus.PARTIALLY_FILLED: "partially_filled",
    OrderStatus.FILLED: "filled",
    OrderStatus.CANCELLED: "cancelled",
    OrderStatus.REJECTED: "rejected",
}
_MATCHES: Final[dict[MatchType, Any]] = {
    MatchType.NORMAL: "normal",
    MatchType.MINT: "mint",
    MatchType.MERGE: "merge",
}


def show_order(order: Order, average_price: Any = UNSET) -> OrderView:
    """*order* as it is; *average_price* as text, null before any fill, or left out."""
    symbol = order.symbol
    by_volume = bool(order.volume)
    return OrderView(
        id=order.id,
        client_order_id=order.client_order_id,
        event_id=symbol.event_id,
        market_id=symbol.market_id,
        token_id=symbol.token_id,
        side=_SIDES[order.side],
        type=_TYPES[order.order_type],
        time_in_force=order.time_in_force._value_,
        post_only=order.post_only,
        status=_STATUSES[order.status],
        price=show_price(order.price),
        quantity=show_quantity(order.quantity),
        filled_quantity=show_quantity(order.filled_quantity),
        remaining_quantity=show_quantity(order.remaining_quantity),
        timestamp=order.timestamp,
        version=order.version,
        average_price=average_price,
        volume=show_money(order.volume) if by_volume else UNSET,
        spent=show_money(order.spent) if by_volume else UNSET,
        expires_at_ms=UNSET if order.expires_at_ms is None else order.expires_at_ms,
        group=UNSET if order.group is None else order.group,
        session=UNSET if order.session is None else order.session,
    )


def show_side(side: Side) -> Any:
    """The side in the edge's word."""
    return _SIDES[side]


def show_match(match_type: MatchType) -> Any:
    """How two orders met, in the edge's word."""
    return _MATCHES[match_type]


def average_price(order_id: str, trades: Iterable[Trade]) -> str | None:
    """What *order_id* traded at on average, in its own terms; null without a fill."""
    lots = 0
    money = 0
    for trade in trades:
        own = trade.price if trade.taker_order_id == order_id else trade.maker_price
        lots += trade.quantity
        money += own * trade.quantity
    return show_average(money, lots)


def show_average(money: int, lots: int) -> str | None:
    """What a share is of *money* (micros) for *lots*, rounded; null for none."""
    if not lots:
        return None
    return format_decimal((2 * money * _AVERAGE_SCALE + lots) // (2 * lots), AVERAGE_DECIMALS)


def show_trade(trade: Trade) -> TradeView:
    """*trade* in the taker's terms, without saying who traded."""
    symbol = trade.symbol
    return TradeView(
        trade_id=trade.trade_id,
        event_id=symbol.event_id,
        market_id=symbol.market_id,
        token_id=symbol.token_id,
        side=_SIDES[trade.side],
        price=show_price(trade.price),
        quantity=show_quantity(trade.quantity),
        match_type=_MATCHES[trade.match_type],
        timestamp=trade.timestamp,
    )


def show_account(user_id: str, rows: Iterable[Balance], shards: int = 1) -> AccountView:
    """The rows of one user; those with nothing in them, and of shards that were, are left out."""
    cash = [(0, 0)] * shards
    positions: list[PositionView] = []
    for row in rows:
        shard = cash_shard(row.asset)
        if shard is not None:
            if shard < shards:
                cash[shard] = (row.available, row.frozen)
        elif row.available or row.frozen:
            positions.append(
                PositionView(
                    token_id=row.asset,
                    available=show_quantity(row.available),
                    frozen=show_quantity(row.frozen),
                )
            )
    return AccountView(
        user_id=user_id,
        cash=_cash(sum(one for one, _ in cash), sum(one for _, one in cash)),
        positions=positions,
        cash_by_shard=UNSET if shards == 1 else [_cash(*one) for one in cash],
    )


def _cash(available: int, frozen: int) -> CashView:
    return CashView(available=show_money(available), frozen=show_money(frozen))


def show_event(event: Event, feed: DepthFeed, words: Words, volume_24h: Any = UNSET) -> EventView:
    """
    *event* with the best prices of its markets now.

    Args:
        words: What people read of it.
        volume_24h: As text, or left out.
    """
    end_date = None
    if event.end_date_ms is not None:
        end_date = _rfc3339(event.end_date_ms)
    return EventView(
        event_id=event.event_id,
        title=words.title,
        slug=words.slug,
        topic=words.topic,
        image_url=words.image_url,
        description=words.description,
        end_date=end_date,
        exclusive=event.exclusive,
        removing=event.removing,
        markets={
            market_id: show_market(market, feed.depth((event.event_id, market_id)))
            for market_id, market in event.markets.items()
        },
        volume_24h=volume_24h,
    )


def show_market(market: Market, depth: Depth) -> MarketView:
    """*market* with its best prices; the second token's are the mirror of the first's."""
    bid = max(depth.bids, default=0)
    ask = min(depth.asks, default=0)
    last = depth.last_price
    prices = (
        (bid, ask, last),
        tuple(PAYOUT - price if price else 0 for price in (ask, bid, last)),
    )
    payouts = market.payouts
    tokens = [
        TokenView(
            token_id=market.token_ids[index],
            outcome=market.outcomes[index],
            best_bid=show_price(prices[index][0]) if prices[index][0] else None,
            best_ask=show_price(prices[index][1]) if prices[index][1] else None,
            last_price=show_price(prices[index][2]) if prices[index][2] else None,
            payout=None if payouts is None else show_price(payouts[index]),
        )
        for index in range(2)
    ]
    state: Any = market.state.value
    fees = market.fees
    return MarketView(
        market_id=market.market_id,
        state=state,
        removing=market.removing,
        tick_size=market.tick_size,
        fees=None
        if fees is None
        else FeesView(kind=fees.kind, maker_ppm=fees.maker_ppm, taker_ppm=fees.taker_ppm),
        tokens=tokens,
    )


def _rfc3339(epoch_ms: int) -> str | None:
    seconds, ms = divmod(epoch_ms, 1000)
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{ms:03d}Z" if ms else f"{text}Z"


@lru_cache(maxsize=SHOWN_MAX)
def show_price(ticks: int) -> str:
    """Ticks as the exact decimal that clients see."""
    return format_decimal(ticks, PRICE_DECIMALS)


@lru_cache(maxsize=SHOWN_MAX)
def show_quantity(lots: int) -> str:
    """Lots likewise."""
    return format_decimal(lots, QUANTITY_DECIMALS)


def show_money(micros: int) -> str:
    """Micros likewise."""
    return format_decimal(micros, MONEY_DECIMALS)
