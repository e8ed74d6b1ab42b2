"""The statements of the trade store."""

from __future__ import annotations

from typing import Final, LiteralString

from pmstore.backends.postgres.columns import names, unnested
from pmstore.backends.postgres.consumed import MOVED
from pmstore.backends.postgres.noting import NOTE_GATE, TRADES_NOTED
from pmstore.backends.postgres.trade_rows import COLUMNS
from pmstore.models.query import TradeQuery

_NEWEST_FIRST: Final = "ORDER BY timestamp DESC, trade_id DESC"


def _appending(where: str) -> str:
    # The key of a partitioned table holds its timestamp; so ids are unique in a table of
    # their own, whose locks also let one of two writers of the same trade wait.
    return (
        f"given AS (SELECT {names(COLUMNS, 'given.')} FROM {unnested(COLUMNS)} WHERE {where}), "
        "fresh AS (INSERT INTO trade_ids (trade_id, timestamp) "
        "SELECT trade_id, timestamp FROM given ORDER BY trade_id "
        "ON CONFLICT (trade_id) DO NOTHING RETURNING trade_id, timestamp), "
        f"added AS (INSERT INTO trades ({names(COLUMNS)}) "
        f"SELECT {names(COLUMNS, 'given.')} FROM given JOIN fresh USING (trade_id)), "
        f"{TRADES_NOTED}"
    )


APPEND: Final = f"WITH {NOTE_GATE}, {_appending('true')} SELECT"
"""Parameters: the packed columns, then those of `TRADES_NOTED`."""

APPLY: Final = (
    f"WITH {NOTE_GATE}, {MOVED}, {_appending('EXISTS (SELECT FROM moved)')} "
    "SELECT count(*) FROM moved"
)
"""Parameters: those of `moving`, then those of `APPEND`. Answers 1 if the source moved."""


def finding(query: TradeQuery, after: tuple[int, int] | None) -> tuple[LiteralString, list[object]]:
    """The statement that answers *query* with one row more than its limit, and its parameters."""
    conditions: list[str] = []
    values: list[object] = []

    def add(condition: str, *given: object) -> None:
        conditions.append(condition)
        values.extend(given)

    if query.event_id is not None:
        add("event_id = %s", query.event_id)
    if query.market_id is not None:
        add("market_id = %s", query.market_id)
    if query.token_id is not None:
        add("token_id = %s", query.token_id)
    if query.start_ms is not None:
        add("timestamp >= %s", query.start_ms)
    if query.end_ms is not None:
        add("timestamp < %s", query.end_ms)
    if after is not None:
        # The first of them tells the partitions that need no look.
        add("timestamp <= %s AND (timestamp, trade_id) < (%s, %s)", after[0], *after)
    if query.order_id is not None and query.user_id is not None:
        add("%s IN (taker_user_id, maker_user_id)", query.user_id)
    limit = query.limit + 1
    if query.order_id is not None:
        return _either("order_id", query.order_id, conditions, values, limit)
    if query.user_id is not None:
        return _either("user_id", query.user_id, conditions, values, limit)
    where = f"WHERE {' AND '.join(conditions)} " if conditions else ""
    statement = f"SELECT {names(COLUMNS)} FROM trades {where}{_NEWEST_FIRST} LIMIT %s"
    return statement, [*values, limit]


def _either(
    field: str, wanted: str, conditions: list[str], values: list[object], limit: int
) -> tuple[LiteralString, list[object]]:
    """Trades whose taker or maker has it: each side by its own index, and each trade once."""
    rest = "".join(f" AND {condition}" for condition in conditions)

    def side(own: str) -> str:
        return f"(SELECT {names(COLUMNS)} FROM trades WHERE {own}{rest} {_NEWEST_FIRST} LIMIT %s)"

    as_taker = side(f"taker_{field} = %s")
    as_maker = side(f"maker_{field} = %s AND taker_{field} <> %s")
    statement = (
        f"SELECT {names(COLUMNS)} FROM ({as_taker} UNION ALL {as_maker}) AS found "
        f"{_NEWEST_FIRST} LIMIT %s"
    )
    both: list[object] = [wanted, *values, limit, wanted, wanted, *values, limit, limit]
    return statement, both
