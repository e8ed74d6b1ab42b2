"""The statements of the order store."""

from __future__ import annotations

from typing import Final, LiteralString

from pmstore.backends.postgres.arrays import texts
from pmstore.backends.postgres.columns import names
from pmstore.backends.postgres.order_rows import COLUMNS
from pmstore.backends.postgres.versioned import Versioned
from pmstore.models.query import OrderQuery

_GATE: Final = "order_gate_open AS (SELECT FROM order_gate FOR KEY SHARE), "
"""
Whoever removes orders locks the gate: a save that is under way ends before that, and one that
comes later waits and then sees the tombstones.
"""
_ALIVE: Final = (
    "NOT EXISTS (SELECT FROM order_gate_open) AND NOT EXISTS (SELECT FROM order_tombstones stone "
    "WHERE stone.id = given.id AND stone.version >= given.version AND stone.until_ms > %s)"
)
_TABLE: Final = Versioned("orders", "orders", COLUMNS, ["id"], _ALIVE, _GATE)

SAVE: Final = _TABLE.save()
"""Parameters: the packed columns, the time now in epoch milliseconds."""

SAVE_NOTED: Final = _TABLE.save_noted()
"""Parameters as of `SAVE`; answers the ids of the orders that are now as they were given."""

APPLY: Final = _TABLE.apply()
"""Parameters: those of `moving`, then those of `SAVE`. Answers 1 if the source moved, else 0."""

GET: Final = f"SELECT {names(COLUMNS)} FROM orders WHERE id = ANY(%s)"

REMOVE: Final[LiteralString] = "SELECT remove_orders(%s, %s, %s, %s)"
"""
Parameters: ids, versions, the time now and the end of the tombstones in epoch milliseconds.
Answers how many orders are gone.
"""


def finding(query: OrderQuery, after: tuple[int, str] | None) -> tuple[LiteralString, list[object]]:
    """The statement that answers *query* with one row more than its limit, and its parameters."""
    conditions: list[str] = []
    values: list[object] = []

    def add(condition: str, *given: object) -> None:
        conditions.append(condition)
        values.extend(given)

    if query.user_id is not None:
        add("user_id = %s", query.user_id)
    if query.side is not None:
        add("side = %s", query.side.value)
    if query.event_id is not None:
        add("event_id = %s", query.event_id)
    if query.market_id is not None:
        add("market_id = %s", query.market_id)
    if query.token_id is not None:
        add("token_id = %s", query.token_id)
    if query.statuses is not None:
        add("status = ANY(%s)", texts(sorted(one.value for one in query.statuses)))
    if query.ids is not None:
        add("id = ANY(%s)", texts(sorted(query.ids)))
    if query.client_order_id is not None:
        add("client_order_id = %s", query.client_order_id)
    if query.start_ms is not None:
        add("timestamp >= %s", query.start_ms)
    if query.end_ms is not None:
        add("timestamp < %s", query.end_ms)
    if after is not None:
        add("(order_num, id) > (%s, %s)", *after)
    where = f"WHERE {' AND '.join(conditions)} " if conditions else ""
    statement = f"SELECT {names(COLUMNS)} FROM orders {where}ORDER BY order_num, id LIMIT %s"
    return statement, [*values, query.limit + 1]
