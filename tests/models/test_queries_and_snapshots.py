"""Questions are refused when they cannot be asked; snapshots are equal by what is in them."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from pmstore.errors import InvalidQuery
from pmstore.models.query import BalanceQuery, EventQuery, OrderQuery, TradeQuery
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


def test_sets_in_a_query_are_frozen() -> None:
    query = OrderQuery(ids=["a", "b", "a"])  # type: ignore[arg-type]
    assert query.ids == frozenset({"a", "b"})
    assert OrderQuery().ids is None


def test_snapshots_are_equal_whatever_the_type_of_their_sequences() -> None:
    snapshot = Snapshot(orders=(), events={}, timestamp=1, last_message_id=None)
    same = attrs.evolve(snapshot, orders=[], balances=[], memories=[], work=[], skipped=[])
    assert snapshot == same
    assert snapshot != attrs.evolve(same, skipped=["1-1"])
