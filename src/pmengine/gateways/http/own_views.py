"""What users are shown of their own fills and positions: the bodies of answers, as schemas."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from pmengine.gateways.http.answers import MoneyText, PriceText, QuantityText


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
