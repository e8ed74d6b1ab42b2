"""One fill of one taker against one maker."""

from __future__ import annotations

import enum

import attrs

from pmstore.models.order import Side
from pmstore.models.symbol import Symbol


class MatchType(enum.Enum):
    NORMAL = "Normal"
    MINT = "Mint"
    MERGE = "Merge"


@attrs.define(weakref_slot=False)
class Trade:
    """
    One fill; made once, never mutated.

    `symbol`, `side` and `price` are the taker's; `maker_symbol`, `maker_side` and
    `maker_price` the maker's. Prices in ticks, quantity in lots, fees in micros,
    timestamp in epoch milliseconds. In a Normal match the prices are equal, in Mint and
    Merge they add up to the payout. `taker_is_bid` says that the taker stood on the buying
    side of the ladder, which is kept in terms of the market's first token: together with
    `side` it tells whether the taker's token is the first one.
    """

    trade_id: int
    match_type: MatchType
    taker_order_id: str
    maker_order_id: str
    taker_user_id: str
    maker_user_id: str
    symbol: Symbol
    maker_symbol: Symbol
    side: Side
    maker_side: Side
    price: int
    maker_price: int
    quantity: int
    timestamp: int
    taker_is_bid: bool
    taker_fee: int = 0
    maker_fee: int = 0
