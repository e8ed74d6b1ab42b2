"""Records as flat rows: for tables on a screen, and for the columns of CSV and Parquet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pmstore import storage
from pmstore.codec import encode_event
from pmstore.codec.timestamps import rfc3339
from pmstore.decimals import format_decimal
from pmstore.models.balance import Balance
from pmstore.models.market import Event
from pmstore.models.order import Order
from pmstore.models.trade import Trade
from pmstore.models.units import CASH, MONEY_DECIMALS, PRICE_DECIMALS, QUANTITY_DECIMALS

ORDER_COLUMNS: Final = (
    "id",
    "user_id",
    "token_id",
    "side",
    "price",
    "quantity",
    "filled_quantity",
    "status",
    "timestamp",
    "version",
)
TRADE_COLUMNS: Final = (
    "trade_id",
    "timestamp",
    "token_id",
    "side",
    "price",
    "quantity",
    "taker_user_id",
    "maker_user_id",
    "match_type",
)
BALANCE_COLUMNS: Final = ("user_id", "asset", "available", "frozen", "version")
EVENT_COLUMNS: Final = ("event_id", "markets", "end_date_ms", "exclusive", "removing")

ORDER_ROW: Final = tuple(
    "group" if name == "order_group" else name for name in storage.ORDER_COLUMNS
)
TRADE_ROW: Final = storage.TRADE_COLUMNS
BALANCE_ROW: Final = (
    "user_id",
    "asset",
    "available",
    "frozen",
    "version",
)
EVENT_ROW: Final = (
    "event_id",
    "markets",
    "end_date_ms",
    "exclusive",
    "removing",
    "event",
)
"""The names of all columns, in the order of the rows below."""

TEXT: Final = "text"
INTEGER: Final = "integer"
BOOLEAN: Final = "boolean"


def order_row(order: Order) -> dict[str, Any]:
    """
    An order as columns; prices in ticks, quantities in lots, money in micros.

    Its exact fee is text: it may have more than 64 bits.
    """
    return dict(zip(ORDER_ROW, storage.order_row(order), strict=True))


def trade_row(trade: Trade) -> dict[str, Any]:
    """A trade as columns; prices in ticks, the quantity in lots, fees in micros."""
    return dict(zip(TRADE_ROW, storage.trade_row(trade), strict=True))


def balance_row(balance: Balance) -> dict[str, Any]:
    """A balance as columns; cash in micros, tokens in lots."""
    return {
        "user_id": balance.user_id,
        "asset": balance.asset,
        "available": balance.available,
        "frozen": balance.frozen,
        "version": balance.version,
    }


def event_row(event: Event) -> dict[str, Any]:
    """An event as columns; its markets are counted, and `event` is all of it as JSON."""
    return {
        "event_id": event.event_id,
        "markets": len(event.markets),
        "end_date_ms": event.end_date_ms,
        "exclusive": event.exclusive,
        "removing": event.removing,
        "event": encode_event(event).decode(),
    }


COLUMN_TYPES: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        (
            *("event_id", "market_id", "maker_event_id", "maker_market_id", "markets"),
            *("quantity", "price", "maker_price", "filled_quantity", "remaining_quantity"),
            *("timestamp", "expires_at_ms", "end_date_ms", "order_num", "version", "volume"),
            *("spent", "fee_paid", "trade_id", "taker_fee", "maker_fee"),
            *("available", "frozen"),
        ),
        INTEGER,
    ),
    **dict.fromkeys(("post_only", "taker_is_bid", "exclusive", "removing"), BOOLEAN),
}
"""The type of each column that is not text."""


def shown(row: Mapping[str, Any], columns: tuple[str, ...]) -> dict[str, str]:
    """Those *columns* of a row as people read them: times as text, units as decimals."""
    return {name: _shown(name, row) for name in columns}


def _shown(name: str, row: Mapping[str, Any]) -> str:
    value = row[name]
    if value is None:
        return "-"
    match name:
        case "price":
            return format_decimal(value, PRICE_DECIMALS)
        case "quantity" | "filled_quantity" | "remaining_quantity":
            return format_decimal(value, QUANTITY_DECIMALS)
        case "volume" | "spent" | "fee_paid":
            return format_decimal(value, MONEY_DECIMALS)
        case "available" | "frozen":
            decimals = MONEY_DECIMALS if row["asset"] == CASH else QUANTITY_DECIMALS
            return format_decimal(value, decimals)
        case "timestamp" | "end_date_ms" | "expires_at_ms":
            return rfc3339(value) or str(value)
    return str(value).lower() if isinstance(value, bool) else str(value)
