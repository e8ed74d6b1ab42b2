"""What the stores of every backend share: checks, copies, matching, pages and a lifetime."""

from pmstore.storage.batches import (
    check_balances,
    check_events,
    check_once,
    check_orders,
    check_trades,
    version_conflict,
)
from pmstore.storage.checks import (
    check_balance,
    check_event,
    check_ids,
    check_integers,
    check_order,
    check_symbol,
    check_trade,
)
from pmstore.storage.copies import copy_balance, copy_event, copy_order, copy_trade
from pmstore.storage.cursor import read_cursor, write_cursor
from pmstore.storage.lifetime import Lifetime
from pmstore.storage.matching import order_matches, trade_matches
from pmstore.storage.pages import (
    balance_place,
    event_place,
    order_place,
    page_of,
    trade_place,
)

__all__ = [
    "Lifetime",
    "balance_place",
    "check_balance",
    "check_balances",
    "check_event",
    "check_events",
    "check_ids",
    "check_integers",
    "check_once",
    "check_order",
    "check_orders",
    "check_symbol",
    "check_trade",
    "check_trades",
    "copy_balance",
    "copy_event",
    "copy_order",
    "copy_trade",
    "event_place",
    "order_matches",
    "order_place",
    "page_of",
    "read_cursor",
    "trade_matches",
    "trade_place",
    "version_conflict",
    "write_cursor",
]
