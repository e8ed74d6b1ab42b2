"""Trades as rows of plain values, for tables of any kind."""

from __future__ import annotations

from typing import Any, Final

from pmstore.errors import CorruptData
from pmstore.models.order import Side
from pmstore.models.symbol import Symbol
from pmstore.models.trade import MatchType, Trade

TRADE_COLUMNS: Final = (
    "trade_id",
    "match_type",
    "taker_order_id",
    "maker_order_id",
    "taker_user_id",
    "maker_user_id",
    "event_id",
    "market_id",
    "token_id",
    "maker_event_id",
    "maker_market_id",
    "maker_token_id",
    "side",
    "maker_side",
    "price",
    "maker_price",
    "quantity",
    "timestamp",
    "taker_is_bid",
    "taker_fee",
    "maker_fee",
)
"""In the order of the model's fields, with a symbol's three for each symbol."""

_TYPES: Final = {one.value: one for one in MatchType}
_SIDES: Final = {one.value: one for one in Side}


def trade_row(trade: Trade) -> tuple[Any, ...]:
    """The row of *trade*, in the order of `TRADE_COLUMNS`."""
    symbol, maker_symbol = trade.symbol, trade.maker_symbol
    return (
        trade.trade_id,
        trade.match_type._value_,
        trade.taker_order_id,
        trade.maker_order_id,
        trade.taker_user_id,
        trade.maker_user_id,
        symbol.event_id,
        symbol.market_id,
        symbol.token_id,
        maker_symbol.event_id,
        maker_symbol.market_id,
        maker_symbol.token_id,
        trade.side._value_,
        trade.maker_side._value_,
        trade.price,
        trade.maker_price,
        trade.quantity,
        trade.timestamp,
        trade.taker_is_bid,
        trade.taker_fee,
        trade.maker_fee,
    )


def trade_of(row: tuple[Any, ...], where: str) -> Trade:
    """
    The trade in a row of `TRADE_COLUMNS`.

    Args:
        row: Enums in their words; truth values may be 0 and 1.
        where: The table or file, for the message.

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
            bool(row[18]),
            row[19],
            row[20],
        )
    except KeyError as error:
        raise CorruptData(
            f"{error.args[0]!r} is no word of a trade", where=f"{where}: trade {row[0]}"
        ) from error
