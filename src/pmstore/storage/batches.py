"""Which batches a store may be given, and what it says when it knows one of them otherwise."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from pmstore.errors import InvalidRecord, VersionConflict
from pmstore.models.balance import Balance
from pmstore.models.ledger import LedgerEntry
from pmstore.models.market import Event
from pmstore.models.order import Order
from pmstore.models.symbol import Symbol
from pmstore.models.trade import Trade
from pmstore.storage.checks import (
    check_balance,
    check_entry,
    check_event,
    check_ids,
    check_order,
    check_symbol,
    check_trade,
)


def check_orders(orders: Sequence[Order], /) -> None:
    """
    Refuse a batch of orders that no store may take.

    Raises:
        InvalidRecord: A value that no store may hold, or an id twice.
    """
    # Few users and fewer symbols: each is looked at once.
    users: set[str] = set()
    symbols: set[Symbol] = set()
    for order in orders:
        check_order(order)
        users.add(order.user_id)
        symbols.add(order.symbol)
    check_ids("order's user", *users)
    for symbol in symbols:
        check_symbol(symbol)
    check_once("an order id", [order.id for order in orders])


def check_trades(trades: Sequence[Trade], /) -> None:
    """
    Refuse a batch of trades that no store may take; an id may come twice.

    Raises:
        InvalidRecord: A value that no store may hold.
    """
    symbols: set[Symbol] = set()
    for trade in trades:
        check_trade(trade)
        symbols.add(trade.symbol)
        if trade.maker_symbol is not trade.symbol:
            symbols.add(trade.maker_symbol)
    for symbol in symbols:
        check_symbol(symbol)


def check_balances(balances: Sequence[Balance], /) -> None:
    """
    Refuse a batch of balances that no store may take.

    Raises:
        InvalidRecord: A value that no store may hold, or a user's asset twice.
    """
    for balance in balances:
        check_balance(balance)
    check_once("a balance", [(balance.user_id, balance.asset) for balance in balances])


def check_entries(entries: Sequence[LedgerEntry], /) -> None:
    """
    Refuse a batch of lines of the ledger that no store may take; one may come twice.

    Raises:
        InvalidRecord: A value that no store may hold.
    """
    # Few users, assets and commands beside the lines that name them: each is looked at once.
    ids: set[str] = set()
    references: set[str | None] = set()
    for entry in entries:
        check_entry(entry)
        ids.add(entry.source)
        ids.add(entry.account)
        ids.add(entry.asset)
        references.add(entry.reference)
        references.add(entry.correlation_id)
    check_ids("line of the ledger", *ids, *filter(None, references))


def check_events(events: Sequence[tuple[Event, int]], /) -> None:
    """
    Refuse a batch of events, each with its version, that no store may take.

    Raises:
        InvalidRecord: A value that no store may hold, or an event twice.
    """
    for event, version in events:
        check_event(event, version)
    check_once("an event", [event.event_id for event, _ in events])


def check_once(what: str, keys: Sequence[Hashable]) -> None:
    """
    Refuse a batch whose *keys* are not all different.

    Raises:
        InvalidRecord: It names *what*, such as "an order id", twice.
    """
    if len(set(keys)) != len(keys):
        raise InvalidRecord(f"a batch names {what} twice; save its newest version alone")


def version_conflict(what: str, version: int) -> VersionConflict:
    """The error about a record that is known in the *version* given, with other content."""
    return VersionConflict(
        f"{what} is known in version {version} with other content; nothing was saved: give "
        f"every change a version of its own"
    )
