"""What the stores of every backend share: checks, copies, rows, matching, pages, a lifetime."""

from pmstore.storage.batches import (
    check_balances,
    check_entries,
    check_events,
    check_once,
    check_orders,
    check_trades,
    version_conflict,
)
from pmstore.storage.checks import (
    check_balance,
    check_entry,
    check_event,
    check_ids,
    check_integers,
    check_order,
    check_symbol,
    check_trade,
)
from pmstore.storage.copies import (
    copy_balance,
    copy_entry,
    copy_event,
    copy_order,
    copy_trade,
)
from pmstore.storage.cursor import read_cursor, write_cursor
from pmstore.storage.ledger_rows import ENTRY_COLUMNS, entry_of, entry_row
from pmstore.storage.lifetime import Lifetime
from pmstore.storage.matching import entry_matches, order_matches, trade_matches
from pmstore.storage.order_rows import ORDER_COLUMNS, order_of, order_row
from pmstore.storage.pages import (
    balance_place,
    entry_place,
    event_place,
    journal_place,
    order_place,
    page_of,
    trade_place,
)
from pmstore.storage.threads import seen_to_its_end
from pmstore.storage.trade_rows import TRADE_COLUMNS, trade_of, trade_row

__all__ = [
    "ENTRY_COLUMNS",
    "ORDER_COLUMNS",
    "TRADE_COLUMNS",
    "Lifetime",
    "balance_place",
    "check_balance",
    "check_balances",
    "check_entries",
    "check_entry",
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
    "copy_entry",
    "copy_event",
    "copy_order",
    "copy_trade",
    "entry_matches",
    "entry_of",
    "entry_place",
    "entry_row",
    "event_place",
    "journal_place",
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
