"""Orders <-> rows of the table `orders`."""

from __future__ import annotations

from typing import Any, Final

from pmstore.backends.postgres.columns import (
    Column,
    bigint,
    boolean,
    optional_bigint,
    optional_text,
    text,
    word,
)
from pmstore.errors import CorruptData
from pmstore.models.order import Order, OrderStatus, OrderType, SelfTrade, Side, TimeInForce
from pmstore.models.symbol import Symbol

COLUMNS: Final[tuple[Column, ...]] = (
    text("id"),
    bigint("event_id", "symbol.event_id"),
    bigint("market_id", "symbol.market_id"),
    text("token_id", "symbol.token_id"),
    word("side"),
    word("order_type"),
    bigint("quantity"),
    bigint("price"),
    word("status"),
    bigint("filled_quantity"),
    bigint("remaining_quantity"),
    bigint("timestamp"),
    text("user_id"),
    bigint("order_num"),
    bigint("version"),
    word("time_in_force"),
    optional_bigint("expires_at_ms"),
    boolean("post_only"),
    optional_text("client_order_id"),
    bigint("volume"),
    bigint("spent"),
    word("self_trade"),
    optional_text("order_group", "group"),
    optional_text("session"),
    bigint("fee_exact"),
    bigint("fee_paid"),
)
"""In the order of the model's fields, with the symbol's three for the symbol."""

_SIDES: Final = {one.value: one for one in Side}
_TYPES: Final = {one.value: one for one in OrderType}
_STATUSES: Final = {one.value: one for one in OrderStatus}
_TIMES: Final = {one.value: one for one in TimeInForce}
_SELF_TRADES: Final = {one.value: one for one in SelfTrade}


def to_order(row: tuple[Any, ...]) -> Order:
    """
    The order in a row of `COLUMNS`.

    Raises:
        CorruptData: A word that no enumeration has.
    """
    try:
        return Order(
            row[0],
            Symbol(row[1], row[2], row[3]),
            _SIDES[row[4]],
            _TYPES[row[5]],
            row[6],
            row[7],
            _STATUSES[row[8]],
            row[9],
            row[10],
            row[11],
            row[12],
            row[13],
            row[14],
            _TIMES[row[15]],
            row[16],
            row[17],
            row[18],
            row[19],
            row[20],
            _SELF_TRADES[row[21]],
            row[22],
            row[23],
            row[24],
            row[25],
        )
    except KeyError as error:
        raise CorruptData(f"unknown word {error}", where=f"orders, row {row[0]!r}") from error
