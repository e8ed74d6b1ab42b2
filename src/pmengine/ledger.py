"""Accounts: what every command does to cash and tokens, each change a fact; pure."""

from __future__ import annotations

from pmstore import CASH, PAYOUT, Balance, Change, State


class Ledger:
    """
    Moves money (micros) and tokens (lots) between available and frozen, and between users.

    The rows live in the state; each change replaces one and is a fact by itself. Callers
    check first (`available`), then move: a move never fails.
    """

    __slots__ = ("_balances", "_facts", "_update_ids")

    def __init__(self, state: State) -> None:
        self._balances = state.balances
        self._update_ids = state.user_update_ids
        self._facts: list[Change] = []

    def record_to(self, facts: list[Change]) -> None:
        """Let every change from now on be added to *facts*."""
        self._facts = facts

    def available(self, user_id: str, asset: str) -> int:
        """What *user_id* can use of *asset* now."""
        rows = self._balances.get(asset)
        row = None if rows is None else rows.get(user_id)
        return 0 if row is None else row.available

    def frozen(self, user_id: str, asset: str) -> int:
        """What is set aside for resting orders of *user_id*."""
        rows = self._balances.get(asset)
        row = None if rows is None else rows.get(user_id)
        return 0 if row is None else row.frozen

    def move(self, user_id: str, asset: str, available: int, frozen: int) -> None:
        """Change a row by *available* and *frozen*, either may be negative."""
        rows = self._balances.get(asset)
        if rows is None:
            rows = self._balances[asset] = {}
        row = rows.get(user_id)
        if row is not None:
            available += row.available
            frozen += row.frozen
        version = self._update_ids.get(user_id, 0) + 1
        self._update_ids[user_id] = version
        changed = Balance(user_id, asset, available, frozen, version)
        if available or frozen:
            rows[user_id] = changed
        else:
            rows.pop(user_id, None)
        self._facts.append(changed)

    def split(self, user_id: str, tokens: tuple[str, str], quantity: int) -> None:
        """Cash into *quantity* lots of both tokens."""
        self.move(user_id, CASH, -PAYOUT * quantity, 0)
        for token in tokens:
            self.move(user_id, token, quantity, 0)

    def merge(self, user_id: str, tokens: tuple[str, str], quantity: int) -> None:
        """*quantity* lots of both tokens into cash."""
        for token in tokens:
            self.move(user_id, token, -quantity, 0)
        self.move(user_id, CASH, PAYOUT * quantity, 0)

    def pay_out(self, token: str, payout: int, limit: int) -> int:
        """Pay up to *limit* holders of *token* its *payout* (ticks); how many were paid."""
        rows = self._balances.get(token, {})
        holders = [row for _, row in zip(range(limit), rows.values(), strict=False)]
        for row in holders:
            self.move(row.user_id, token, -row.available, 0)
            if payout:
                self.move(row.user_id, CASH, payout * row.available, 0)
        return len(holders)
