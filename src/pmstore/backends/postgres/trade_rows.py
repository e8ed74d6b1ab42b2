"""Trades <-> rows of the table `trades`."""

from __future__ import annotations

from typing import Any, Final

from pmstore.backends.postgres.columns import Column, bigint, boolean, text, word
from pmstore.errors import CorruptData
from pmstore.models.order import Side
from pmstore.models.symbol import Symbol
from pmstore.models.trade import MatchType, Trade

COLUMNS: Final[tuple[Column, ...]] = (
    bigint("trade_id"),
    word("match_type"),
    text("taker_order_id"),
    text("maker_order_id"),
    text("taker_user_id"),
    text("maker_user_id"),
    bigint("event_id", "symbol.event_id"),
    bigint("market_id", "symbol.market_id"),
    text("token_id", "symbol.token_id"),
    bigint("maker_event_id", "maker_symbol.event_id"),
    bigint("maker_market_id", "maker_symbol.market_id"),
    text("maker_token_id", "maker_symbol.token_id"),
    word("side"),
    word("maker_side"),
    bigint("price"),
    bigint("maker_price"),
    bigint("quantity"),
    bigint("timestamp"),
    boolean("taker_is_bid"),
    bigint("taker_fee"),
    bigint("maker_fee"),
)
"""In the order of the model's fields, with a symbol's three for each symbol."""

_SIDES: Final = {one.value: one for one in Side}
_TYPES: Final = {one.value: one for one in MatchType}


def to_trade(row: tuple[Any, ...]) -> Trade:
    """
    The trade in a row of `COLUMNS`.

    Raises:
        CorruptData: A word that no enumeration has.
    """
    try:
        return Trade(
            row[0],
            _TYPES[row[1]],
            row[2],
            row[3],
            row[4],
            row[5],
            Symbol(row[6], row[7], row[8]),
            Symbol(row[9], row[10], row[11]),
            _SIDES[row[12]],
            _SIDES[row[13]],
            row[14],
            row[15],
            row[16],
            row[17],
            row[18],
            row[19],
            row[20],
        )
    except KeyError as error:
        raise CorruptData(f"unknown word {error}", where=f"trades, row {row[0]}") from error
