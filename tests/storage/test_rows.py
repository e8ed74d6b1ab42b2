"""Rows carry every field, and say which column is which."""

from __future__ import annotations

import pytest
from hypothesis import given

from pmstore.errors import CorruptData
from pmstore.models.order import Order
from pmstore.models.trade import Trade
from pmstore.storage import (
    ORDER_COLUMNS,
    TRADE_COLUMNS,
    order_of,
    order_row,
    trade_of,
    trade_row,
)
from tests.codec import strategies


@given(strategies.orders)
def test_an_order_comes_out_of_its_row_as_it_went_in(order: Order) -> None:
    row = order_row(order)
    by_name = dict(zip(ORDER_COLUMNS, row, strict=True))

    assert order_of(row, "orders") == order
    assert by_name["version"] == order.version
    assert by_name["order_group"] == order.group
    assert by_name["token_id"] == order.symbol.token_id


@given(strategies.trades)
def test_a_trade_comes_out_of_its_row_as_it_went_in(trade: Trade) -> None:
    row = trade_row(trade)
    by_name = dict(zip(TRADE_COLUMNS, row, strict=True))

    assert trade_of(row, "trades") == trade
    assert by_name["timestamp"] == trade.timestamp
    assert by_name["maker_token_id"] == trade.maker_symbol.token_id


@given(strategies.orders)
def test_a_word_of_no_enumeration_is_corrupt_data_with_its_place(order: Order) -> None:
    row = list(order_row(order))
    row[ORDER_COLUMNS.index("status")] = "Elsewhere"

    with pytest.raises(CorruptData, match="Elsewhere") as caught:
        order_of(tuple(row), "orders.db")

    assert caught.value.where is not None
    assert caught.value.where.startswith("orders.db")
