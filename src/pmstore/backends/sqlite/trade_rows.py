"""The table of trades: its statement, and a question in SQL on the index that answers it."""

from __future__ import annotations

from typing import Any, Final

from pmstore.backends.sqlite.conditions import Conditions, Question
from pmstore.backends.sqlite.values import fits
from pmstore.models.query import TradeQuery
from pmstore.storage.cursor import read_cursor
from pmstore.storage.trade_rows import TRADE_COLUMNS

Row = tuple[Any, ...]

COLUMNS: Final = ", ".join(TRADE_COLUMNS)
TIMESTAMP: Final = TRADE_COLUMNS.index("timestamp")

INSERT: Final = (
    f"INSERT INTO trades ({COLUMNS}) VALUES ({', '.join('?' * len(TRADE_COLUMNS))}) "
    "ON CONFLICT (trade_id) DO NOTHING"
)
"""Keeps one trade, unless its id is known."""


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
