"""Pages: where a record stands in the lists of its kind, and where the next page begins."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Final, TypeVar

from pmstore.models.balance import Balance
from pmstore.models.ledger import LedgerEntry
from pmstore.models.market import Event
from pmstore.models.order import Order
from pmstore.models.query import Page
from pmstore.models.trade import Trade
from pmstore.storage.cursor import write_cursor

R = TypeVar("R")

order_place: Final[Callable[[Order], tuple[int, str]]] = attrgetter("order_num", "id")
"""Orders are listed ascending by this."""
trade_place: Final[Callable[[Trade], tuple[int, int]]] = attrgetter("timestamp", "trade_id")
"""Trades are listed descending by this."""
balance_place: Final[Callable[[Balance], tuple[str, str]]] = attrgetter("user_id", "asset")
"""Balances are listed ascending by this."""

entry_place: Final[Callable[[LedgerEntry], tuple[int, str, int, int]]] = attrgetter(
    "timestamp", "source", "number", "line"
)
"""A user's entries are listed descending by this."""
journal_place: Final[Callable[[LedgerEntry], tuple[int, int]]] = attrgetter("number", "line")
"""The entries of a source are listed ascending by this."""


def event_place(event: Event) -> tuple[int]:
    """Events are listed ascending by this."""
    return (event.event_id,)


def page_of(found: Sequence[R], limit: int, place: Callable[[R], tuple[int | str, ...]]) -> Page[R]:
    """
    The page of the first *limit* records found, in their order.

    Args:
        found: One more than *limit* if there are so many: then the page has a next one.
        limit: Records on a page, at least 1.
        place: Where a record stands, which is what a cursor holds.
    """
    items = tuple(found[:limit])
    return Page(items) if len(found) <= limit else Page(items, write_cursor(place(items[-1])))
