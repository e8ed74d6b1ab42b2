"""The table of trades: its columns, rows into it and trades out of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from pmstore import MatchType, Side, Symbol, Trade

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
"""Name and type of each column; prices in ticks, quantities in lots, times in epoch ms."""

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
    return [list(column) for column in zip(*map(_row, trades), strict=True)]


def _row(trade: Trade) -> tuple[Any, ...]:
    symbol, maker_symbol = trade.symbol, trade.maker_symbol
    return (
        trade.trade_id,
        trade.match_type.value,
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
        trade.side.value,
        trade.maker_side.value,
        trade.price,
        trade.maker_price,
        trade.quantity,
        trade.timestamp,
        trade.taker_is_bid,
        trade.taker_fee,
        trade.maker_fee,
    )


def to_trade(row: tuple[Any, ...]) -> Trade:
    """
    The trade in a row of `SELECT`.

    Raises:
        ValueError: A word that is none of ours; somebody else wrote it.
    """
    return Trade(
        trade_id=row[0],
        match_type=MatchType(row[1]),
        taker_order_id=row[2],
        maker_order_id=row[3],
        taker_user_id=row[4],
        maker_user_id=row[5],
        symbol=Symbol(*row[6:9]),
        maker_symbol=Symbol(*row[9:12]),
        side=Side(row[12]),
        maker_side=Side(row[13]),
        price=row[14],
        maker_price=row[15],
        quantity=row[16],
        timestamp=row[17],
        taker_is_bid=row[18],
        taker_fee=row[19],
        maker_fee=row[20],
    )
