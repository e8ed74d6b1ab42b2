"""The newest trades in the memory of one process, and how far down none is missing."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from pmstore.backends.memory.trade_store import MemoryTradeStore
from pmstore.models.query import Page, TradeQuery
from pmstore.models.trade import Trade
from pmstore.protocols.cache import Token
from pmstore.protocols.store import Coverage, Limits
from pmstore.storage.cursor import write_cursor
from pmstore.storage.lifetime import Lifetime

_Key = tuple[int, int]


class MemoryTradeWindow(Lifetime):
    """
    The newest trades in this process; a `TradeWindow`.

    Every verb is one step of the event loop. Entering begins with nothing.

    Args:
        recent: How many trades are kept.
        limits: What one call takes at most.
    """

    def __init__(self, recent: int, *, limits: Limits | None = None) -> None:
        super().__init__(limits=limits, coverage=Coverage(newest=recent))
        self._recent = recent
        self._turn = 0
        self._trades = MemoryTradeStore(recent=recent, limits=limits)
        self._complete = False
        self._since: _Key | None = None
        """The oldest key from which on none is missing, None: none at all."""

    async def __aenter__(self) -> MemoryTradeWindow:
        self._forget_all()
        await self._trades.__aenter__()
        await super().__aenter__()
        return self

    async def lease(self) -> Token:
        """A token; see `TradeWindow.lease`."""
        self.check_call()
        return str(self._turn)

    async def put(self, token: Token, trades: Sequence[Trade], /) -> bool:
        """Keep trades that the truth has; see `TradeWindow.put`."""
        self.check_call(len(trades))
        if token != str(self._turn):
            return False
        since = self._since
        if since is not None:
            # What lies below has holes; a trade there would look like the window's end.
            trades = [one for one in trades if (one.timestamp, one.trade_id) >= since]
        await self._trades.append(trades)
        if self._trades.count == self._recent and self._complete:
            oldest = self._trades.oldest()
            assert oldest is not None, "a full window has an oldest trade"
            self._since = max(since, oldest) if since is not None else oldest
        return True

    async def complete(self, token: Token, since: _Key | None, /) -> bool:
        """Nothing from *since* on is missing; see `TradeWindow.complete`."""
        self.check_call()
        if token != str(self._turn):
            return False
        oldest = self._trades.oldest()
        if self._trades.count == self._recent and oldest is not None:
            since = oldest if since is None else max(since, oldest)
        self._since, self._complete = since, True
        return True

    async def find(self, query: TradeQuery, /, *, below: _Key | None = None) -> Page[Trade] | None:
        """The truth's page if it can be proved; see `TradeWindow.find`."""
        self.check_call()
        if not self._complete:
            return None
        after = None if below is None else write_cursor(below)
        page = await self._trades.find(attrs.evolve(query, after=after))
        if self._since is None:
            return page
        last = page.items[-1] if page.items else None
        if last is not None and (last.timestamp, last.trade_id) < self._since:
            return None
        inside = query.start_ms is not None and query.start_ms > self._since[0]
        return page if page.next is not None or inside else None

    async def clear(self) -> None:
        """Drop everything; see `TradeWindow.clear`."""
        self.check_call()
        self._forget_all()
        await self._trades.__aenter__()

    def _forget_all(self) -> None:
        self._turn += 1
        self._trades = MemoryTradeStore(recent=self._recent, limits=self.limits)
        self._since = None
        self._complete = False
