"""Copies carry every field, also those that somebody adds to a model later."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmstore.models.balance import Balance
from pmstore.storage import copy_balance, copy_order, copy_trade
from tests.codec import strategies

BALANCES = st.builds(Balance, st.text(), st.text(), st.integers(), st.integers(), st.integers())


@pytest.mark.parametrize(
    ("records", "copied"),
    [
        (strategies.orders, copy_order),
        (strategies.trades, copy_trade),
        (BALANCES, copy_balance),
    ],
    ids=["order", "trade", "balance"],
)
@given(data=st.data())
def test_a_copy_is_equal_and_another(records: Any, copied: Any, data: st.DataObject) -> None:
    record = data.draw(records)
    copy = copied(record)
    assert copy == record
    assert copy is not record
    assert type(copy) is type(record)
