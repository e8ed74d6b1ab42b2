"""The tables of orders, and of what was removed."""

from __future__ import annotations

from typing import Any, ClassVar

from sqlalchemy import Index

from pmstore.tables.columns import flag, integer, partial_index, text
from pmstore.tables.table import Table

OPEN: str = "status IN ('New', 'PartiallyFilled')"
"""The orders that can still be filled, in the words of the partial index over them."""


class OrderRow(Table, table=True):
    """
    An order in its newest version; columns as the fields of `Order`, enums in their words,
    the exact fee in its digits, which may be more than 64 bits hold.

    Every index ends with (`order_num`, `id`), the order of all lists.
    """

    __tablename__: ClassVar[Any] = "orders"
    __table_args__ = (
        Index("orders_by_number", "order_num", "id"),
        Index("orders_by_user", "user_id", "order_num", "id"),
        partial_index("orders_open_by_user", "user_id", "order_num", "id", where=OPEN),
        Index("orders_by_token", "token_id", "order_num", "id"),
        Index("orders_by_market", "market_id", "order_num", "id"),
        Index("orders_by_event", "event_id", "order_num", "id"),
        Index("orders_by_state", "side", "status", "order_num", "id"),
        Index("orders_by_time", "timestamp", "order_num", "id"),
        partial_index(
            "orders_by_client_order_id",
            "client_order_id",
            "order_num",
            "id",
            where="client_order_id IS NOT NULL",
        ),
    )

    id: str = text(key=True)
    event_id: int = integer()
    market_id: int = integer()
    token_id: str = text()
    side: str = text()
    order_type: str = text()
    quantity: int = integer()
    price: int = integer()
    status: str = text()
    filled_quantity: int = integer()
    remaining_quantity: int = integer()
    timestamp: int = integer()
    user_id: str = text()
    order_num: int = integer()
    version: int = integer()
    time_in_force: str = text()
    expires_at_ms: int | None = integer(optional=True)
    post_only: bool = flag()
    client_order_id: str | None = text(optional=True)
    volume: int = integer()
    spent: int = integer()
    self_trade: str = text()
    order_group: str | None = text(optional=True)
    session: str | None = text(optional=True)
    fee_exact: str = text()
    fee_paid: int = integer()


class OrderTombstoneRow(Table, table=True):
    """Until `until_ms` no save of `id` up to `version` passes."""

    __tablename__: ClassVar[Any] = "order_tombstones"
    __table_args__ = (Index("order_tombstones_by_end", "until_ms"),)

    id: str = text(key=True)
    version: int = integer()
    until_ms: int = integer()
