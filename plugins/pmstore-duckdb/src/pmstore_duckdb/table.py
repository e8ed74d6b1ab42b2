"""The table of trades: its columns, and the statements that make, fill and read it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from pmstore import Trade
from pmstore.storage import trade_row

COLUMNS: Final = {
    "trade_id": "BIGINT",
    "match_type": "VARCHAR",
    "taker_order_id": "VARCHAR",
    "maker_order_id": "VARCHAR",
    "taker_user_id": "VARCHAR",
    "maker_user_id": "VARCHAR",
    "event_id": "BIGINT",
    "market_id": "BIGINT",
    "token_id": "VARCHAR",
    "maker_event_id": "BIGINT",
    "maker_market_id": "BIGINT",
    "maker_token_id": "VARCHAR",
    "side": "VARCHAR",
    "maker_side": "VARCHAR",
    "price": "BIGINT",
    "maker_price": "BIGINT",
    "quantity": "BIGINT",
    "timestamp": "BIGINT",
    "taker_is_bid": "BOOLEAN",
    "taker_fee": "BIGINT",
    "maker_fee": "BIGINT",
}
"""
Type of each of `pmstore.storage.TRADE_COLUMNS`, in their order; prices in ticks, quantities in
lots, times in epoch ms.
"""

MAKE: Final = (
    "CREATE TABLE IF NOT EXISTS trades ("
    + ", ".join(f'"{name}" {kind} NOT NULL' for name, kind in COLUMNS.items())
    + ", PRIMARY KEY (trade_id));"
    "CREATE TABLE IF NOT EXISTS positions "
    "(source VARCHAR PRIMARY KEY, ms UBIGINT NOT NULL, seq UBIGINT NOT NULL)"
)
_UNNESTED: Final = ", ".join(
    f"unnest(${at}::{kind}[])" for at, kind in enumerate(COLUMNS.values(), start=1)
)
APPEND: Final = f"INSERT INTO trades SELECT {_UNNESTED} ON CONFLICT DO NOTHING"
"""Takes a list for each column: a statement for all rows is far faster than one for each."""
SELECT: Final = "SELECT " + ", ".join(f'"{name}"' for name in COLUMNS) + " FROM trades"


def columns(trades: Sequence[Trade]) -> list[list[Any]]:
    """The parameters of `APPEND`."""
    return [list(column) for column in zip(*map(trade_row, trades), strict=True)]
