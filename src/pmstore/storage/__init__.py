"""What the stores of every backend share: checks, copies, rows, matching, pages, a lifetime."""

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
from pmstore.storage.order_rows import ORDER_COLUMNS, order_of, order_row
from pmstore.storage.pages import (
    balance_place,
    event_place,
    order_place,
    page_of,
    trade_place,
)
from pmstore.storage.threads import seen_to_its_end
from pmstore.storage.trade_rows import TRADE_COLUMNS, trade_of, trade_row

__all__ = [
    "ORDER_COLUMNS",
    "TRADE_COLUMNS",
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
    "order_of",
    "order_place",
    "order_row",
    "page_of",
    "read_cursor",
    "seen_to_its_end",
    "trade_matches",
    "trade_of",
    "trade_place",
    "trade_row",
    "version_conflict",
    "write_cursor",
]
