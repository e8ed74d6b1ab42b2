"""Trades as rows, and a question to them in SQL, on the index that answers it."""

from __future__ import annotations

from typing import Any, Final

from pmstore.backends.sqlite.conditions import Conditions, Question
from pmstore.backends.sqlite.values import fits
from pmstore.errors import CorruptData
from pmstore.models.order import Side
from pmstore.models.query import TradeQuery
from pmstore.models.symbol import Symbol
from pmstore.models.trade import MatchType, Trade
from pmstore.storage.cursor import read_cursor

Row = tuple[Any, ...]

COLUMNS: Final = (
    "trade_id, match_type, taker_order_id, maker_order_id, taker_user_id, maker_user_id, "
    "event_id, market_id, token_id, maker_event_id, maker_market_id, maker_token_id, side, "
    "maker_side, price, maker_price, quantity, timestamp, taker_is_bid, taker_fee, maker_fee"
)
TIMESTAMP: Final = 17

INSERT: Final = (
    f"INSERT INTO trades ({COLUMNS}) VALUES ({', '.join('?' * len(COLUMNS.split()))}) "
    "ON CONFLICT (trade_id) DO NOTHING"
)
"""Keeps one trade, unless its id is known."""

_TYPES: Final = {type.value: type for type in MatchType}
_SIDES: Final = {side.value: side for side in Side}


def trade_row(trade: Trade) -> Row:
    """The row of *trade*, in the order of `COLUMNS`."""
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


def trade_of(row: Row, where: str) -> Trade:
    """
    The trade in *row*.

    Raises:
        CorruptData: It is no trade; *where* names the file.
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


def trade_question(query: TradeQuery) -> Question | None:
    """
    The statement for one page and one row more; None if nothing can be the answer.

    Raises:
        InvalidQuery: A malformed cursor.
    """
    common = _conditions(query)
    if common.impossible:
        return None
    # A trade has two orders and two users: one walk for each, and SQLite merges them.
    branches: list[tuple[str, Conditions]] = []
    if query.order_id is not None:
        if query.user_id is not None:
            common.add("? IN (taker_user_id, maker_user_id)", query.user_id)
        for role in ("taker", "maker"):
            branches.append((f"trades_by_{role}_order", common.copy()))
            branches[-1][1].add(f"{role}_order_id = ?", query.order_id)
        branches[1][1].add("taker_order_id <> ?", query.order_id)
    elif query.user_id is not None:
        for role in ("taker", "maker"):
            branches.append((f"trades_by_{role}", common.copy()))
            branches[-1][1].add(f"{role}_user_id = ?", query.user_id)
        branches[1][1].add("taker_user_id <> ?", query.user_id)
    else:
        branches.append((_index(query), common))
    sql = " UNION ALL ".join(
        f"SELECT {COLUMNS} FROM trades INDEXED BY {index}{conditions.where}"
        for index, conditions in branches
    )
    values = [value for _, conditions in branches for value in conditions.values]
    return Question(
        f"{sql} ORDER BY timestamp DESC, trade_id DESC LIMIT ?", [*values, query.limit + 1]
    )


def _conditions(query: TradeQuery) -> Conditions:
    """All but the order and the user, each of which a trade has two of."""
    conditions = Conditions()
    conditions.possible_text(query.order_id)
    conditions.possible_text(query.user_id)
    conditions.text("token_id", query.token_id)
    conditions.number("market_id", query.market_id)
    conditions.number("event_id", query.event_id)
    below = query.end_ms
    if query.after is not None:
        timestamp, trade_id = (int(part) for part in read_cursor(query.after, int, int))
        conditions.impossible |= not fits(timestamp) or not fits(trade_id)
        # One bound, not two: SQLite would walk from the wrong one of them.
        if below is None or timestamp < below:
            below = None
            conditions.add("(timestamp, trade_id) < (?, ?)", timestamp, trade_id)
    conditions.window(query.start_ms, below)
    return conditions


def _index(query: TradeQuery) -> str:
    if query.token_id is not None:
        return "trades_by_token"
    if query.market_id is not None:
        return "trades_by_market"
    if query.event_id is not None:
        return "trades_by_event"
    return "trades_by_time"
