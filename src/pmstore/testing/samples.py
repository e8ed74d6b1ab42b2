"""Orders, trades, balances, events and snapshots to store, and the values that break stores."""

from __future__ import annotations

from typing import Any, Final

from pmstore.models.balance import Balance
from pmstore.models.ledger import EntryKind, Holder, LedgerEntry
from pmstore.models.market import Event, Fees, Market
from pmstore.models.order import Order, OrderStatus, OrderType, Side
from pmstore.models.position import Position
from pmstore.models.snapshot import Snapshot
from pmstore.models.symbol import Symbol
from pmstore.models.trade import MatchType, Trade
from pmstore.models.units import FEE_EXACT_MAX, INTEGER_MAX

GOOD_IDS: Final = (
    "a",
    "A",
    "a ",
    " a",
    " ",
    "with space",
    "a:b",
    "a::b",
    "order:*",
    "[a-z]?",
    "%",
    "_",
    "it's",
    'say "yes"',
    "back\\slash",
    "{pm0}",
    "%s",
    "$1",
    "NULL",
    "0",
    "-1",
    "1e3",
    "../up",
    "a/b",
    "a,b;c",
    "caf\u00e9",
    "cafe\u0301",
    "\u6570",
    "\U0001f3b2",
    "\u2028",
    "\ufeff",
    "\uffff",
    "x" * 255,
    "\u00e9" * 127,
)
"""Ids that every store takes, pairwise different, also those that look alike."""

BAD_IDS: Final = ("", "x" * 256, "\u00e9" * 128, "\x00", "a\nb", "\x1f", "\x7f", "\x85", "\ud800")
"""Ids that no store takes: empty, too long, with control characters, no Unicode."""

INTEGERS: Final = (0, 1, 2**31, 2**53 + 1, INTEGER_MAX - 1, INTEGER_MAX)
"""Integers that every store keeps exactly."""

EXACT_FEES: Final = (0, 1, 2**53 + 1, INTEGER_MAX, INTEGER_MAX + 1, FEE_EXACT_MAX)
"""Exact fees that every store keeps exactly, as many as `INTEGERS`."""

BAD_EXACT_FEES: Final = (-1, FEE_EXACT_MAX + 1)
"""Exact fees that no store takes."""

BAD_INTEGERS: Final = (INTEGER_MAX + 1, 2**64, 10**30)
"""Integers beyond 64 bits."""

START_MS: Final = 1_700_000_000_000


def symbol(number: int = 0) -> Symbol:
    """One of the two tokens of a market; two markets an event."""
    market = number // 2
    return Symbol(market // 2, market, f"token_{number}")


def order(number: int, **changes: Any) -> Order:
    """An open order with the arrival number *number*; three users, four symbols, both sides."""
    values: dict[str, Any] = {
        "id": f"order_{number}",
        "symbol": symbol(number % 4),
        "side": Side.BUY if number % 2 else Side.SELL,
        "order_type": OrderType.LIMIT,
        "quantity": 100,
        "price": 5000,
        "status": OrderStatus.NEW,
        "filled_quantity": 0,
        "remaining_quantity": 100,
        "timestamp": START_MS + number,
        "user_id": f"user_{number % 3}",
        "order_num": number,
        "version": 1,
    }
    return Order(**(values | changes))


def trade(number: int, **changes: Any) -> Trade:
    """A trade with the id *number*; three takers, two makers, four symbols."""
    values: dict[str, Any] = {
        "trade_id": number,
        "match_type": MatchType.NORMAL,
        "taker_order_id": f"order_{number}",
        "maker_order_id": f"order_{number // 2}",
        "taker_user_id": f"user_{number % 3}",
        "maker_user_id": f"maker_{number % 2}",
        "symbol": symbol(number % 4),
        "maker_symbol": symbol(number % 4),
        "side": Side.BUY if number % 2 else Side.SELL,
        "maker_side": Side.SELL if number % 2 else Side.BUY,
        "price": 5000,
        "maker_price": 5000,
        "quantity": 100,
        "timestamp": START_MS + number,
        "taker_is_bid": bool(number % 2),
    }
    return Trade(**(values | changes))


def balance(user_id: str, asset: str, version: int = 1, available: int = 1000) -> Balance:
    """A balance with nothing frozen."""
    return Balance(user_id, asset, available, 0, version)


def entry(number: int, line: int = 0, **changes: Any) -> LedgerEntry:
    """A line of the entry *number* of the log `log`; three users."""
    values: dict[str, Any] = {
        "source": "log",
        "number": number,
        "line": line,
        "transaction": 0,
        "holder": Holder.USER,
        "account": f"user_{number % 3}",
        "asset": "cash",
        "available": 1000,
        "frozen": 0,
        "available_after": 1000 * number,
        "frozen_after": 0,
        "kind": EntryKind.DEPOSIT,
        "reference": f"d{number}",
        "timestamp": START_MS + number,
        "correlation_id": f"c{number}",
    }
    return LedgerEntry(**(values | changes))


def event(number: int, **changes: Any) -> Event:
    """An event with two markets, one of them with fees."""
    markets = {
        id: Market(market_id=id, token_ids=(f"yes_{id}", f"no_{id}"), fees=fees)
        for id, fees in ((2 * number, None), (2 * number + 1, Fees("quadratic", 0, 70_000)))
    }
    values: dict[str, Any] = {"event_id": number, "markets": markets}
    return Event(**(values | changes))


def snapshot(number: int, **changes: Any) -> Snapshot:
    """A small state after log entry *number*."""
    values: dict[str, Any] = {
        "orders": (order(1), order(2)),
        "events": {1: event(1)},
        "timestamp": START_MS + number,
        "last_message_id": Position(START_MS + number, 0),
        "balances": (balance("user_1", "cash"), balance("user_1", "token_0", 2)),
        "user_update_ids": {"user_1": 2},
        "order_counter": 2,
        "trade_counter": number,
        "time_ms": START_MS + number,
        "input_position": {"order_input_stream": Position(START_MS, number)},
        "number": number,
        "hash": f"{number:064x}",
    }
    return Snapshot(**(values | changes))
