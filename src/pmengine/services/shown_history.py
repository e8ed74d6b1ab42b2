"""History's stores as gateways ask them, filled by this process or by another one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

import attrs

from pmengine.services.log import BEGINNING, Place
from pmengine.services.notes import Board
from pmstore import AccountStore, EventStore, LedgerStore, OrderStore, Position, TradeStore


class ShownHistory(Protocol):
    """The stores that answer questions, and how far on the log they are."""

    @property
    def orders(self) -> OrderStore:
        """Every order, open or ended."""
        ...

    @property
    def trades(self) -> TradeStore:
        """Every trade."""
        ...

    @property
    def accounts(self) -> AccountStore:
        """Every balance."""
        ...

    @property
    def events(self) -> EventStore:
        """Every event."""
        ...

    @property
    def ledger(self) -> LedgerStore | None:
        """The lines of the double-entry ledger, None where none is kept."""
        ...

    @property
    def place(self) -> Place:
        """The stores hold everything through here."""
        ...

    async def reached(self, number: int) -> None:
        """Wait until the stores hold everything through entry *number*."""
        ...


@attrs.frozen(kw_only=True)
class HistoryStacks:
    """The stores, opened for reading; `ledger` is None where none is kept."""

    orders: OrderStore
    trades: TradeStore
    accounts: AccountStore
    events: EventStore
    ledger: LedgerStore | None = None


class ForeignHistory:
    """
    Stores that the history service of another process fills; a `ShownHistory`.

    Caches in front of them may lag behind another process's write by *cache_max_age_s*. So
    while history has moved on within that time the truth is asked, and caches only after it:
    nobody reads less than what was told.

    Args:
        board: Follows what history says of itself.
        cached: The stores with their caches.
        truth: The same without.
        now: Seconds that only grow.
        further: The same stores as histories of further shards fill them.
    """

    def __init__(
        self,
        board: Board,
        *,
        cached: HistoryStacks,
        truth: HistoryStacks,
        cache_max_age_s: float,
        now: Callable[[], float],
        further: Sequence[ForeignHistory] = (),
    ) -> None:
        self._board = board
        self._cached = cached
        self._truth = truth
        self._max_age_s = cache_max_age_s
        self._now = now
        self._place = BEGINNING
        self._moved_s = now()
        self._further = further

    @property
    def orders(self) -> OrderStore:
        """Every order, open or ended."""
        return self._stacks.orders

    @property
    def trades(self) -> TradeStore:
        """Every trade."""
        return self._stacks.trades

    @property
    def accounts(self) -> AccountStore:
        """Every balance."""
        return self._stacks.accounts

    @property
    def events(self) -> EventStore:
        """Every event."""
        return self._stacks.events

    @property
    def ledger(self) -> LedgerStore | None:
        """The lines of the ledger, which no cache holds."""
        return self._truth.ledger

    @property
    def place(self) -> Place:
        """How far history says that the stores are."""
        self._hear()
        return self._place

    async def reached(self, number: int) -> None:
        """Wait until history says that the stores hold everything through entry *number*."""
        while self.place.number < number:
            await self._board.heard()
            await asyncio.sleep(0)

    def _hear(self) -> None:
        note = self._board.newest("history")
        if note is not None and note.number != self._place.number:
            self._place = Place(Position.parse(note.position), note.number, "")
            self._moved_s = self._now()

    @property
    def _is_settled(self) -> bool:
        """Whether caches must have heard of everything that was written."""
        self._hear()
        return self._now() - self._moved_s > self._max_age_s and all(
            one._is_settled for one in self._further
        )

    @property
    def _stacks(self) -> HistoryStacks:
        return self._cached if self._is_settled else self._truth
