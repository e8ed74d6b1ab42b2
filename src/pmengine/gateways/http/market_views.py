"""What everybody is shown of markets beyond their listing: the bodies of answers, as schemas."""

from __future__ import annotations

from msgspec import Struct

from pmengine.gateways.http.answers import MoneyText, PriceText, QuantityText


class BestView(Struct, frozen=True, gc=False, kw_only=True):
    """The best price of one side, and the shares there now."""

    price: PriceText
    quantity: QuantityText


class TokenTop(Struct, frozen=True, kw_only=True):
    """The top of one token's book; null where nobody offers, or nothing was traded yet."""

    bid: BestView | None
    ask: BestView | None
    last_price: PriceText | None


class TopView(Struct, frozen=True, kw_only=True):
    """The top of a market's book after update `update_id`; `timestamp` in epoch milliseconds."""

    event_id: int
    market_id: int
    update_id: int
    timestamp: int
    tokens: dict[str, TokenTop]


class TopPage(Struct, frozen=True, kw_only=True):
    """Markets of one event by id; `next` is null on the last page."""

    items: list[TopView]
    next: str | None


class CandleView(Struct, frozen=True, gc=False, kw_only=True):
    """
    What was traded in one interval, which begins at `start_ms` (epoch milliseconds).

    `volume` is in shares, `turnover` the money that takers paid or were paid for them.
    """

    start_ms: int
    open: PriceText
    high: PriceText
    low: PriceText
    close: PriceText
    volume: QuantityText
    turnover: MoneyText
    trades: int


class CandlePage(Struct, frozen=True, kw_only=True):
    """Candles, newest first, without those in which nothing was traded."""

    items: list[CandleView]
    next: str | None
