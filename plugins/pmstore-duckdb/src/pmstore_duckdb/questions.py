"""`TradeQuery` as SQL."""

from __future__ import annotations

from typing import Any

from pmstore import INTEGER_MAX, InvalidQuery, TradeQuery, is_id
from pmstore.storage import read_cursor
from pmstore_duckdb.table import SELECT


def statement(query: TradeQuery) -> tuple[str, list[Any]] | None:
    """
    The statement and its parameters, None if no trade can match; answers one row too many.

    Raises:
        InvalidQuery: The cursor is none of ours.
    """
    conditions: list[str] = []
    parameters: list[Any] = []

    def add(condition: str, *values: Any) -> None:
        conditions.append(condition)
        parameters.extend(values)

    if query.after is not None:
        timestamp, trade_id = (int(part) for part in read_cursor(query.after, int, int))
        if not (_is_number(timestamp) and _is_number(trade_id)):
            raise InvalidQuery(f"{query.after!r} is not a cursor of this store")
        add('("timestamp" < ? OR ("timestamp" = ? AND trade_id < ?))', *[timestamp] * 2, trade_id)
    for text, condition in (
        (query.user_id, "(taker_user_id = ? OR maker_user_id = ?)"),
        (query.order_id, "(taker_order_id = ? OR maker_order_id = ?)"),
        (query.token_id, "token_id = ?"),
    ):
        if text is not None:
            if not is_id(text):
                return None
            add(condition, *[text] * condition.count("?"))
    for number, condition in ((query.event_id, "event_id = ?"), (query.market_id, "market_id = ?")):
        if number is not None:
            if not _is_number(number):
                return None
            add(condition, number)
    # Times beyond what a trade can have bound nothing, or leave nothing.
    if query.start_ms is not None and query.start_ms > 0:
        if not _is_number(query.start_ms):
            return None
        add('"timestamp" >= ?', query.start_ms)
    if query.end_ms is not None and query.end_ms <= INTEGER_MAX:
        add('"timestamp" < ?', max(query.end_ms, 0))
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    order = ' ORDER BY "timestamp" DESC, trade_id DESC LIMIT ?'
    return SELECT + where + order, [*parameters, query.limit + 1]


def _is_number(value: int) -> bool:
    return 0 <= value <= INTEGER_MAX
