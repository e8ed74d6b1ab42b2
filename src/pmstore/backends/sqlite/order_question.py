"""A question to the order store in SQL, on the index that answers it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from pmstore.backends.sqlite.conditions import Conditions, Question
from pmstore.backends.sqlite.order_rows import COLUMNS
from pmstore.backends.sqlite.values import fits, text_list
from pmstore.models.order import ACTIVE_STATUSES, OrderStatus, Side
from pmstore.models.query import OrderQuery
from pmstore.models.units import is_id
from pmstore.storage.cursor import read_cursor

_OPEN: Final = "status IN ('New', 'PartiallyFilled')"
"""In the words of the partial index, without which SQLite does not use it."""


def order_question(query: OrderQuery) -> Question | None:
    """
    The statement for one page and one row more; None if nothing can be the answer.

    Raises:
        InvalidQuery: A malformed cursor.
    """
    common = _conditions(query)
    if common.impossible:
        return None
    order = " ORDER BY order_num, id LIMIT ?"
    limit = query.limit + 1
    index = _index(query)
    if index != "orders_by_state":
        _filter_states(common, query)
        hint = f" INDEXED BY {index}" if index else ""
        sql = f"SELECT {COLUMNS} FROM orders{hint}{common.where}{order}"
        return Question(sql, [*common.values, limit])
    # The index begins with side and status: each pair of them is in order, and SQLite
    # merges the pairs.
    branches: list[str] = []
    values: list[Any] = []
    for side, status in _states(query):
        branch = common.copy()
        branch.add("side = ? AND status = ?", side.value, status.value)
        branches.append(f"SELECT {COLUMNS} FROM orders INDEXED BY {index}{branch.where}")
        values += branch.values
    return Question(" UNION ALL ".join(branches) + order, [*values, limit])


def _conditions(query: OrderQuery) -> Conditions:
    """All but side and statuses, which may be those of the index."""
    conditions = Conditions()
    conditions.text("client_order_id", query.client_order_id)
    conditions.text("user_id", query.user_id)
    conditions.text("token_id", query.token_id)
    conditions.number("market_id", query.market_id)
    conditions.number("event_id", query.event_id)
    if query.statuses is not None and not query.statuses:
        conditions.impossible = True
    if query.ids is not None:
        conditions.add("id IN (SELECT value FROM json_each(?))", text_list(query.ids))
    conditions.window(query.start_ms, query.end_ms)
    if query.after is not None:
        number, id = read_cursor(query.after, int, str)
        conditions.impossible |= not fits(int(number)) or not is_id(id)
        conditions.add("(order_num, id) > (?, ?)", number, id)
    return conditions


def _filter_states(conditions: Conditions, query: OrderQuery) -> None:
    if query.side is not None:
        conditions.add("side = ?", query.side.value)
    if query.statuses is not None:
        if query.statuses <= ACTIVE_STATUSES:
            conditions.add(_OPEN)
        words = [status.value for status in query.statuses]
        conditions.add(f"status IN ({', '.join('?' * len(words))})", *words)


def _index(query: OrderQuery) -> str:
    """The index of the field that singles out most; empty for the key itself."""
    if query.ids is not None:
        return ""
    if query.client_order_id is not None:
        return "orders_by_client_order_id"
    if query.user_id is not None:
        only_open = query.statuses is not None and query.statuses <= ACTIVE_STATUSES
        return "orders_open_by_user" if only_open else "orders_by_user"
    if query.token_id is not None:
        return "orders_by_token"
    if query.market_id is not None:
        return "orders_by_market"
    if query.event_id is not None:
        return "orders_by_event"
    if query.side is not None or query.statuses is not None:
        return "orders_by_state"
    if query.start_ms is not None or query.end_ms is not None:
        return "orders_by_time"
    return "orders_by_number"


def _states(query: OrderQuery) -> Sequence[tuple[Side, OrderStatus]]:
    sides = list(Side) if query.side is None else [query.side]
    statuses = [one for one in OrderStatus if query.statuses is None or one in query.statuses]
    return [(side, status) for side in sides for status in statuses]
