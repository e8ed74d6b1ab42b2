"""Orders as rows, and the statements that write them."""

from __future__ import annotations

from typing import Any, Final

from pmstore.errors import CorruptData
from pmstore.models.order import Order, OrderStatus, OrderType, SelfTrade, Side, TimeInForce
from pmstore.models.symbol import Symbol

Row = tuple[Any, ...]

COLUMNS: Final = (
    "id, event_id, market_id, token_id, side, order_type, quantity, price, status, "
    "filled_quantity, remaining_quantity, timestamp, user_id, order_num, version, time_in_force, "
    "expires_at_ms, post_only, client_order_id, volume, spent, self_trade, order_group, session, "
    "fee_exact, fee_paid"
)
ID: Final = 0
VERSION: Final = 14

_NAMES: Final = COLUMNS.split(", ")
_CHANGES: Final = ", ".join(f"{name} = excluded.{name}" for name in _NAMES[1:])

UPSERT: Final = (
    f"INSERT INTO orders ({COLUMNS}) VALUES ({', '.join('?' * len(_NAMES))}) "
    f"ON CONFLICT (id) DO UPDATE SET {_CHANGES} WHERE excluded.version > orders.version"
)
"""Keeps the newest version of one order."""

_SIDES: Final = {side.value: side for side in Side}
_TYPES: Final = {type.value: type for type in OrderType}
_STATUSES: Final = {status.value: status for status in OrderStatus}
_TIMES_IN_FORCE: Final = {time.value: time for time in TimeInForce}
_SELF_TRADES: Final = {one.value: one for one in SelfTrade}


def order_row(order: Order) -> Row:
    """The row of *order*, in the order of `COLUMNS`."""
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
        order.fee_exact,
        order.fee_paid,
    )


def order_of(row: Row, where: str) -> Order:
    """
    The order in *row*.

    Raises:
        CorruptData: It is no order; *where* names the file.
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
            row[24],
            row[25],
        )
    except KeyError as error:
        raise CorruptData(
            f"{error.args[0]!r} is no word of an order", where=f"{where}: order {row[0]!r}"
        ) from error
