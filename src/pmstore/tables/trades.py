"""The table of trades."""

from __future__ import annotations

from typing import Any, ClassVar

from sqlalchemy import Column, Index
from sqlmodel import Field

from pmstore.tables.columns import SERIAL, flag, integer, text
from pmstore.tables.table import Table


class TradeRow(Table, table=True):
    """
    A trade; columns as the fields of `Trade`, the two symbols in three columns each.

    Every index ends with (`timestamp`, `trade_id`), the order of all lists. On PostgreSQL
    the table is partitioned by months of `timestamp`, which is then part of the key.
    """

    __tablename__: ClassVar[Any] = "trades"
    __table_args__ = (
        Index("trades_by_time", "timestamp", "trade_id"),
        Index("trades_by_taker", "taker_user_id", "timestamp", "trade_id"),
        Index("trades_by_maker", "maker_user_id", "timestamp", "trade_id"),
        Index("trades_by_taker_order", "taker_order_id", "timestamp", "trade_id"),
        Index("trades_by_maker_order", "maker_order_id", "timestamp", "trade_id"),
        Index("trades_by_token", "token_id", "timestamp", "trade_id"),
        Index("trades_by_market", "market_id", "timestamp", "trade_id"),
        Index("trades_by_event", "event_id", "timestamp", "trade_id"),
    )

    trade_id: int = Field(sa_column=Column(SERIAL, primary_key=True, autoincrement=False))
    match_type: str = text()
    taker_order_id: str = text()
    maker_order_id: str = text()
    taker_user_id: str = text()
    maker_user_id: str = text()
    event_id: int = integer()
    market_id: int = integer()
    token_id: str = text()
    maker_event_id: int = integer()
    maker_market_id: int = integer()
    maker_token_id: str = text()
    side: str = text()
    maker_side: str = text()
    price: int = integer()
    maker_price: int = integer()
    quantity: int = integer()
    timestamp: int = integer()
    taker_is_bid: bool = flag()
    taker_fee: int = integer()
    maker_fee: int = integer()
