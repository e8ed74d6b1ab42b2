"""Money and pairs of tokens that come, go and change into each other; pure."""

from __future__ import annotations

from mypy_extensions import i64

from pmengine.commands import Deposit, Merge, Split, Withdraw
from pmengine.entities import User
from pmengine.facts import Refusal
from pmengine.journal import Journal
from pmengine.ledger import Ledger
from pmengine.listing import Listing
from pmengine.records import Records
from pmstore import MONEY_MAX, PAYOUT, QUANTITY_MAX, Counters


class Cashier:
    """What users do with money and tokens outside of orders; *ledger* None: nothing."""

    def __init__(
        self, records: Records, journal: Journal, ledger: Ledger | None, listing: Listing
    ) -> None:
        self._records = records
        self._journal = journal
        self._ledger = ledger
        self._listing = listing

    def deposit(self, command: Deposit, user: User, now_ms: i64) -> Refusal | None:
        """Take in cash from outside."""
        if self._ledger is None:
            return Refusal.MALFORMED
        if not 1 <= command.amount <= MONEY_MAX - self._records.deposited:
            return Refusal.INVALID_VOLUME
        self._move_cash(self._ledger, user, command.amount, now_ms)
        return None

    def withdraw(self, command: Withdraw, user: User, now_ms: i64) -> Refusal | None:
        """Let cash leave."""
        if self._ledger is None:
            return Refusal.MALFORMED
        if not 1 <= command.amount <= MONEY_MAX:
            return Refusal.INVALID_VOLUME
        if self._ledger.available(user, self._records.cash) < command.amount:
            return Refusal.INSUFFICIENT_BALANCE
        self._move_cash(self._ledger, user, -command.amount, now_ms)
        return None

    def _move_cash(self, ledger: Ledger, user: User, amount: i64, now_ms: i64) -> None:
        ledger.move(user, self._records.cash, amount, 0)
        self._records.deposited += amount
        self._journal.add(Counters(now_ms, self._records.deposited))

    def split(self, command: Split, user: User, now_ms: i64) -> Refusal | None:
        """Cash into pairs of a market's tokens."""
        book = self._listing.find(command.event_id, command.market_id)
        if isinstance(book, Refusal):
            return book
        if self._ledger is None:
            return Refusal.MALFORMED
        if not book.is_shown:
            return Refusal.MARKET_CLOSED
        if not 1 <= command.quantity <= QUANTITY_MAX:
            return Refusal.INVALID_QUANTITY
        if self._ledger.available(user, self._records.cash) < PAYOUT * command.quantity:
            return Refusal.INSUFFICIENT_BALANCE
        self._ledger.split(user, book, command.quantity)
        return None

    def merge(self, command: Merge, user: User, now_ms: i64) -> Refusal | None:
        """Pairs of a market's tokens back into cash."""
        book = self._listing.find(command.event_id, command.market_id)
        if isinstance(book, Refusal):
            return book
        if self._ledger is None:
            return Refusal.MALFORMED
        if book.market.payouts is not None:
            return Refusal.MARKET_CLOSED
        if not 1 <= command.quantity <= QUANTITY_MAX:
            return Refusal.INVALID_QUANTITY
        for name in book.market.token_ids:
            if self._ledger.available(user, self._records.asset(name)) < command.quantity:
                return Refusal.INSUFFICIENT_BALANCE
        self._ledger.merge(user, book, command.quantity)
        self._listing.let_go(command.event_id, command.market_id)
        return None
