"""Events, markets and their books as they are answered; markets to be listed."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

import attrs

EventStatus = Literal["open", "closed", "resolved"]
EventOrder = Literal["id", "ending_soon", "newest", "volume"]
CandleInterval = Literal["1m", "5m", "1h", "1d"]
MarketState = Literal["open", "paused", "closed", "resolved", "void"]


@attrs.frozen(kw_only=True)
class Fees:
    """Of a share at p the rate of min(p, 1-p) if `linear`, of p x (1-p) if `quadratic`."""

    kind: Literal["linear", "quadratic"]
    maker_ppm: int
    taker_ppm: int


@attrs.frozen(kw_only=True)
class NewMarket:
    """A question with two outcomes and their tokens, to be listed; `tick_size` in 0.0001."""

    token_ids: tuple[str, str]
    outcomes: tuple[str, str] = ("Yes", "No")
    tick_size: int = 1
    fees: Fees | None = None


@attrs.frozen(kw_only=True)
class Token:
    """One outcome of a market; prices are None where there is none."""

    token_id: str
    outcome: str
    best_bid: Decimal | None
    best_ask: Decimal | None
    last_price: Decimal | None
    payout: Decimal | None


@attrs.frozen(kw_only=True)
class Market:
    """A market of an event."""

    market_id: int
    state: MarketState
    removing: bool
    tick_size: int
    fees: Fees | None
    tokens: tuple[Token, ...]


@attrs.frozen(kw_only=True)
class TopicName:
    """What an event is about; `name` as it is now."""

    topic: str
    name: str


@attrs.frozen(kw_only=True)
class Topic:
    """What events are about; new ones only while it is `active`."""

    topic: str
    name: str
    active: bool


@attrs.frozen(kw_only=True)
class ClosedEvent:
    """Trading has ended in all markets of an event."""

    event_id: int
    closed: bool


@attrs.frozen(kw_only=True)
class Event:
    """
    An event with its markets by id; `end_date` is RFC 3339 UTC.

    `title`, `slug`, `topic` and `image_url` are None where it has none. `description` is empty
    then, and None in lists. `volume_24h`, the money traded in the last 24 hours, is there in
    lists by volume.
    """

    event_id: int
    title: str | None
    slug: str | None
    topic: TopicName | None
    image_url: str | None
    end_date: str | None
    exclusive: bool
    removing: bool
    markets: dict[int, Market]
    description: str | None = None
    volume_24h: Decimal | None = None


@attrs.frozen(kw_only=True)
class Level:
    """One price: the shares there (0: the level is gone) and the money that they are worth."""

    price: Decimal
    total_quantity: Decimal
    total_size: Decimal


@attrs.frozen(kw_only=True)
class TokenDepth:
    """The levels of one token, best first; `latest_trade_price` is None before any trade."""

    latest_trade_price: Decimal | None
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


@attrs.frozen(kw_only=True)
class Depth:
    """A market's depth after update `update_id`; `timestamp` in epoch milliseconds."""

    event_id: int
    market_id: int
    update_id: int
    timestamp: int
    depths: dict[str, TokenDepth]


@attrs.frozen(kw_only=True)
class Best:
    """The best price of one side, and the shares there."""

    price: Decimal
    quantity: Decimal


@attrs.frozen(kw_only=True)
class TokenTop:
    """The top of one token's book; None where nobody offers, or nothing was traded yet."""

    bid: Best | None
    ask: Best | None
    last_price: Decimal | None


@attrs.frozen(kw_only=True)
class Top:
    """The top of a market's book after update `update_id`; `timestamp` in epoch milliseconds."""

    event_id: int
    market_id: int
    update_id: int
    timestamp: int
    tokens: dict[str, TokenTop]


@attrs.frozen(kw_only=True)
class Candle:
    """
    What was traded in one interval, which begins at `start_ms` (epoch milliseconds).

    `volume` is in shares, `turnover` the money that takers paid or were paid for them.
    """

    start_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    turnover: Decimal
    trades: int


@attrs.frozen(kw_only=True)
class Caller:
    """
    Who asks, and what it may do; `user_id` is None for who does not say who it is.

    With `auth` `off` everybody may do everything.
    """

    auth: Literal["off", "on"]
    user_id: str | None
    scopes: tuple[Literal["read", "trade", "admin"], ...]


@attrs.frozen(kw_only=True)
class Pause:
    """Whether new orders are refused everywhere; for how long only post-only ones are taken."""

    paused: bool
    post_only_ms: int
