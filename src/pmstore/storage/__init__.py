"""What the stores of every backend share: checks, copies, matching, cursors and a lifetime."""

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

__all__ = [
    "Lifetime",
    "check_balance",
    "check_event",
    "check_ids",
    "check_integers",
    "check_order",
    "check_symbol",
    "check_trade",
    "copy_balance",
    "copy_event",
    "copy_order",
    "copy_trade",
    "order_matches",
    "read_cursor",
    "trade_matches",
    "write_cursor",
]
