"""Orders as rows of plain values, for tables of any kind."""

from __future__ import annotations

from typing import Any, Final

from pmstore.errors import CorruptData
from pmstore.models.order import Order, OrderStatus, OrderType, SelfTrade, Side, TimeInForce
from pmstore.models.symbol import Symbol

ORDER_COLUMNS: Final = (
    "id",
    "event_id",
    "market_id",
    "token_id",
    "side",
    "order_type",
    "quantity",
    "price",
    "status",
    "filled_quantity",
    "remaining_quantity",
    "timestamp",
    "user_id",
    "order_num",
    "version",
    "time_in_force",
    "expires_at_ms",
    "post_only",
    "client_order_id",
    "volume",
    "spent",
    "self_trade",
    "order_group",
    "session",
    "fee_exact",
    "fee_paid",
)
"""
In the order of the model's fields, with the symbol's three for the symbol.

All integers have 64 bits but `fee_exact`, which is the text of its digits.
"""

_SIDES: Final = {one.value: one for one in Side}
_TYPES: Final = {one.value: one for one in OrderType}
_STATUSES: Final = {one.value: one for one in OrderStatus}
_TIMES_IN_FORCE: Final = {one.value: one for one in TimeInForce}
_SELF_TRADES: Final = {one.value: one for one in SelfTrade}


def order_row(order: Order) -> tuple[Any, ...]:
    """The row of *order*, in the order of `ORDER_COLUMNS`."""
    symbol = order.symbol
    # `_value_` is what `value` answers, without the call of a property for each of five.
    return (
        order.id,
        symbol.event_id,
        symbol.market_id,
        symbol.token_id,
        order.side._value_,
        order.order_type._value_,
        order.quantity,
        order.price,
        order.status._value_,
        order.filled_quantity,
        order.remaining_quantity,
        order.timestamp,
        order.user_id,
        order.order_num,
        order.version,
        order.time_in_force._value_,
        order.expires_at_ms,
        order.post_only,
        order.client_order_id,
        order.volume,
        order.spent,
        order.self_trade._value_,
        order.group,
        order.session,
        str(order.fee_exact),
        order.fee_paid,
    )


def order_of(row: tuple[Any, ...], where: str) -> Order:
    """
    The order in a row of `ORDER_COLUMNS`.

    Args:
        row: Enums in their words; truth values may be 0 and 1.
        where: The table or file, for the message.

    Raises:
        CorruptData: A word that no enumeration has, or an exact fee in letters.
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
            _TIMES_IN_FORCE[row[15]],
            row[16],
            bool(row[17]),
            row[18],
            row[19],
            row[20],
            _SELF_TRADES[row[21]],
            row[22],
            row[23],
            int(row[24]),
            row[25],
        )
    except KeyError as error:
        raise CorruptData(
            f"{error.args[0]!r} is no word of an order", where=f"{where}: order {row[0]!r}"
        ) from error
    except ValueError as error:
        raise CorruptData(
            f"fee_exact {row[24]!r} is no integer", where=f"{where}: order {row[0]!r}"
        ) from error
