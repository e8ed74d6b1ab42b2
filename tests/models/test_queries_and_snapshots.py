"""Questions are refused when they cannot be asked; snapshots are equal by what is in them."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from pmstore.errors import InvalidQuery
from pmstore.models.query import (
    BalanceQuery,
    EventQuery,
    JournalQuery,
    LedgerQuery,
    OrderQuery,
    TradeQuery,
)
from pmstore.models.snapshot import Snapshot

KINDS = [OrderQuery, TradeQuery, BalanceQuery, EventQuery]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("limit", [0, -1, 1001, True, 1.0, "1", None])
def test_a_limit_outside_1_to_1000_is_refused(kind: type[Any], limit: object) -> None:
    with pytest.raises(InvalidQuery, match=r"it takes 1\.\.1000"):
        kind(limit=limit)


@pytest.mark.parametrize("kind", KINDS)
def test_every_limit_within_is_taken(kind: type[Any]) -> None:
    assert [kind(limit=limit).limit for limit in (1, 1000)] == [1, 1000]
    assert kind().limit == 100


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        (OrderQuery, {"side": "Buy"}, "side is 'Buy'; it takes a pmstore.Side"),
        (OrderQuery, {"statuses": ["New"]}, "statuses has 'New'; each is a pmstore.OrderStatus"),
        (OrderQuery, {"ids": "order_1"}, r"'order_1' is one text .* write \['order_1'\]"),
        (OrderQuery, {"ids": [1]}, "ids has 1; each is text"),
        (OrderQuery, {"user_id": 7}, "user_id is 7; it takes text"),
        (OrderQuery, {"event_id": "7"}, "event_id is '7'; it takes an integer"),
        (TradeQuery, {"start_ms": 1.5}, "start_ms is 1.5; it takes an integer"),
        (TradeQuery, {"after": 5}, "after is 5; it takes text"),
        (BalanceQuery, {"asset": 1}, "asset is 1; it takes text"),
        (EventQuery, {"ids": ["7"]}, "ids has '7'; each is an integer"),
        (LedgerQuery, {"user_id": "u", "kinds": ["fee"]}, "each is a pmstore.EntryKind"),
        (JournalQuery, {"source": "s", "from_number": "1"}, "from_number is '1'"),
    ],
)
def test_a_value_of_another_type_is_refused_and_not_looked_for(
    kind: type[Any], values: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidQuery, match=message):
        kind(**values)


def test_sets_in_a_query_are_frozen() -> None:
    query = OrderQuery(ids=["a", "b", "a"])  # type: ignore[arg-type]
    assert query.ids == frozenset({"a", "b"})
    assert OrderQuery().ids is None


def test_snapshots_are_equal_whatever_the_type_of_their_sequences() -> None:
    snapshot = Snapshot(orders=(), events={}, timestamp=1, last_message_id=None)
    same = attrs.evolve(snapshot, orders=[], balances=[], memories=[], work=[], skipped=[])
    assert snapshot == same
    assert snapshot != attrs.evolve(same, skipped=["1-1"])
