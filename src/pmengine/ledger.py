"""Accounts: what every command does to cash and tokens, each change a fact; pure."""

from __future__ import annotations

from mypy_extensions import i64

from pmengine.entities import Asset, Book, Holding, User
from pmengine.journal import Journal
from pmengine.records import Records
from pmstore import PAYOUT


class Ledger:
    """
    Moves money (micros) and tokens (lots) between available and frozen, and between users.

    Callers check first (`available`), then move: a move never fails.
    """

    def __init__(self, records: Records, journal: Journal) -> None:
        self._records = records
        self._journal = journal

    def available(self, user: User, asset: Asset) -> i64:
        """What *user* can use of *asset* now."""
        row = asset.row(user)
        return 0 if row is None else row.available

    def move(self, user: User, asset: Asset, available: i64, frozen: i64) -> None:
        """Change a row by *available* and *frozen*, either may be negative."""
        row = asset.row(user)
        if row is None:
            row = asset.add_row(user)
        row.available += available
        row.frozen += frozen
        user.update_id += 1
        row.version = user.update_id
        if row.available == 0 and row.frozen == 0:
            asset.drop_row(user)
        self._journal.account_changed(row)

    def split(self, user: User, book: Book, quantity: i64) -> None:
        """Cash into *quantity* lots of both tokens of a market."""
        self.move(user, self._records.cash, -PAYOUT * quantity, 0)
        for name in book.market.token_ids:
            self.move(user, self._records.asset(name), quantity, 0)

    def merge(self, user: User, book: Book, quantity: i64) -> None:
        """*quantity* lots of both tokens of a market into cash."""
        for name in book.market.token_ids:
            self.move(user, self._records.asset(name), -quantity, 0)
        self.move(user, self._records.cash, PAYOUT * quantity, 0)

    def pay_out(self, asset: Asset, payout: i64, limit: i64) -> i64:
        """Pay up to *limit* holders of a token its *payout* (ticks); how many were paid."""
        rows: list[Holding] = []
        for row in asset.rows.values():  # once: a dict passes over all that left its front
            if len(rows) == limit:
                break
            rows.append(row)
        for row in rows:
            lots = row.available
            self.move(row.user, asset, -lots, 0)
            if payout:
                self.move(row.user, self._records.cash, payout * lots, 0)
        return len(rows)
