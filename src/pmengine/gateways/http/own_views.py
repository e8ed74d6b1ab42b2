"""What users are shown of their own fills and positions: the bodies of answers, as schemas."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Struct, UnsetType

from pmengine.gateways.http.answers import MoneyText, PriceText, QuantityText, decimal

ProfitText = Annotated[
    str, decimal("Money, exact decimal; negative for a loss.", "-1.5", signed=True)
]


class FillView(Struct, frozen=True, gc=False, kw_only=True):
    """
    One own fill, in the terms of the own order; `timestamp` in epoch milliseconds.

    If both orders are own ones, `role` is `both`: the terms are the taker's, `fee` is that of
    the two together, and `maker_order_id` is there.
    """

    trade_id: int
    order_id: str
    role: Literal["taker", "maker", "both"]
    event_id: int
    market_id: int
    token_id: str
    side: Literal["buy", "sell"]
    price: PriceText
    quantity: QuantityText
    fee: MoneyText
    match_type: Literal["normal", "mint", "merge"]
    timestamp: int
    maker_order_id: str | UnsetType = UNSET


class FillPage(Struct, frozen=True, kw_only=True):
    """A page of own fills, newest first; `next` is null on the last."""

    items: list[FillView]
    next: str | None


class HeldPosition(Struct, frozen=True, kw_only=True):
    """
    What is or was held of one token; see the reference for the rule.

    `quantity` is `available` and `frozen` together, 0 once the market is answered. `cost` is
    what it cost, fees included, and `average_price` that of a share, rounded to six digits.
    `mark_price` is the payout, else the last trade's price, null before any; `value` is
    `quantity` at it, and `unrealised_profit` what that is beyond `cost`.
    """

    event_id: int
    market_id: int
    token_id: str
    outcome: str
    state: Literal["open", "paused", "closed", "resolved", "void"]
    quantity: QuantityText
    available: QuantityText
    frozen: QuantityText
    average_price: PriceText | None
    cost: MoneyText
    mark_price: PriceText | None
    value: MoneyText | None
    realised_profit: ProfitText
    unrealised_profit: ProfitText | None


class PositionPage(Struct, frozen=True, kw_only=True):
    """A page of positions by event, market and token; `next` is null on the last."""

    items: list[HeldPosition]
    next: str | None
