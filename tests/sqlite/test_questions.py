"""Every question is answered by a walk along one index, whatever else the file holds."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pmstore.backends.sqlite import SqliteOrderStore, SqliteTradeStore
from pmstore.backends.sqlite.conditions import Question
from pmstore.backends.sqlite.order_question import order_question
from pmstore.backends.sqlite.trade_rows import trade_question
from pmstore.models.order import OrderStatus, Side
from pmstore.models.query import OrderQuery, TradeQuery
from pmstore.storage.cursor import write_cursor
from pmstore.testing.samples import START_MS, order, trade

OPEN = {OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED}

ORDER_INDEXES: list[tuple[dict[str, Any], str]] = [
    ({}, "orders_by_number"),
    ({"user_id": "u"}, "orders_by_user"),
    ({"user_id": "u", "token_id": "t", "statuses": {OrderStatus.FILLED}}, "orders_by_user"),
    ({"user_id": "u", "statuses": OPEN}, "orders_open_by_user"),
    ({"user_id": "u", "statuses": {OrderStatus.NEW}}, "orders_open_by_user"),
    ({"token_id": "t", "market_id": 1}, "orders_by_token"),
    ({"market_id": 1, "side": Side.BUY}, "orders_by_market"),
    ({"event_id": 1, "start_ms": 1}, "orders_by_event"),
    ({"side": Side.BUY}, "orders_by_state"),
    ({"statuses": OPEN}, "orders_by_state"),
    ({"side": Side.SELL, "statuses": {OrderStatus.NEW}}, "orders_by_state"),
    ({"client_order_id": "c", "user_id": "u"}, "orders_by_client_order_id"),
]
TRADE_INDEXES: list[tuple[dict[str, Any], set[str]]] = [
    ({}, {"trades_by_time"}),
    ({"start_ms": 1, "end_ms": 9}, {"trades_by_time"}),
    ({"user_id": "u"}, {"trades_by_taker", "trades_by_maker"}),
    ({"order_id": "o", "user_id": "u"}, {"trades_by_taker_order", "trades_by_maker_order"}),
    ({"token_id": "t", "market_id": 1}, {"trades_by_token"}),
    ({"market_id": 1}, {"trades_by_market"}),
    ({"event_id": 1}, {"trades_by_event"}),
]


def plan(file: Path, question: Question | None) -> list[str]:
    """How SQLite would walk, a line a step."""
    assert question is not None
    with closing(sqlite3.connect(file)) as connection:
        steps = connection.execute(f"EXPLAIN QUERY PLAN {question.sql}", question.values)
        return [step[3] for step in steps]


@pytest.mark.parametrize(("asked", "index"), ORDER_INDEXES)
@pytest.mark.parametrize("after", [None, write_cursor((5, "x"))])
async def test_a_page_of_orders_is_one_walk(
    tmp_path: Path, asked: dict[str, Any], index: str, after: str | None
) -> None:
    file = tmp_path / "x.db"
    async with SqliteOrderStore(file):
        steps = plan(file, order_question(OrderQuery(**asked, after=after)))
    assert not [step for step in steps if "TEMP B-TREE" in step], steps
    walks = [step for step in steps if "orders" in step]
    assert walks
    assert all(f"INDEX {index}" in step for step in walks), steps
    if after is not None:
        assert all("(order_num,id)>(?,?)" in step for step in walks), steps


@pytest.mark.parametrize(("asked", "indexes"), TRADE_INDEXES)
@pytest.mark.parametrize("after", [None, write_cursor((5, 5))])
async def test_a_page_of_trades_is_one_walk(
    tmp_path: Path, asked: dict[str, Any], indexes: set[str], after: str | None
) -> None:
    file = tmp_path / "x.db"
    async with SqliteTradeStore(file):
        steps = plan(file, trade_question(TradeQuery(**asked, after=after)))
    assert not [step for step in steps if "TEMP B-TREE" in step], steps
    walks = [step for step in steps if "trades" in step]
    assert len(walks) == len(indexes)
    assert all(any(f"INDEX {index} (" in f"{step} (" for index in indexes) for step in walks)
    if after is not None:
        assert all("timestamp<?" in step for step in walks), steps


@pytest.mark.parametrize(
    "asked",
    [
        {"user_id": "\ud800"},
        {"user_id": ""},
        {"token_id": "a\x00b"},
        {"client_order_id": "x" * 256},
        {"market_id": 2**63},
        {"event_id": -(2**70)},
        {"ids": ["\ud800", "a\x00b"]},
        {"ids": []},
        {"statuses": []},
        {"start_ms": 2**70},
        {"end_ms": -(2**70)},
        {"after": write_cursor((2**70, "x"))},
    ],
)
async def test_what_no_order_can_have_is_found_nowhere(
    tmp_path: Path, asked: dict[str, Any]
) -> None:
    async with SqliteOrderStore(tmp_path / "x.db") as orders:
        last = order(1, order_num=2**63 - 1, timestamp=2**63 - 1)
        await orders.save([last])
        assert (await orders.find(OrderQuery(**asked))).items == ()
        assert len((await orders.find(OrderQuery(start_ms=-(2**70), end_ms=2**70))).items) == 1
        assert await orders.get(["\ud800", "", "order_1"]) == {"order_1": last}


@pytest.mark.parametrize("end", [0, 3, 5, 6, 20])
async def test_a_cursor_and_a_window_bound_together(tmp_path: Path, end: int) -> None:
    async with SqliteTradeStore(tmp_path / "x.db") as trades:
        await trades.append([trade(number) for number in range(10)])
        after = write_cursor((START_MS + 5, 5))
        found = await trades.find(TradeQuery(after=after, end_ms=START_MS + end))
    assert [one.trade_id for one in found.items] == list(reversed(range(min(5, end))))
