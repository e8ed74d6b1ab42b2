"""How much money was traded in each event within the last day, by the trade store."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

from pmengine.gateways.http.frontier import Frontier, Places
from pmengine.services.shown_history import ShownHistory
from pmstore import TradeQuery
from pmstore.queries import all as all_of

MINUTE_MS: Final = 60_000
WINDOW_MIN: Final = 24 * 60
PAGE: Final = 1000


class Turnover:
    """
    Sums of the last 24 hours, in whole minutes; nothing but what the trade store has.

    Cost:
        The first question reads the trades of the last day, 1,000 a round trip; the next ones
        read what came since. Memory: one number for each event and minute in which it traded.
    """

    def __init__(self, history: ShownHistory, places: Places) -> None:
        self._history = history
        self._places = places
        self._frontier = Frontier()
        self._minutes: dict[int, dict[int, int]] = {}
        """Minute -> event -> micros, the oldest minute first."""
        self._sums: dict[int, int] = {}
        self._lock = asyncio.Lock()

    async def read(self, now_ms: int) -> Mapping[int, int]:
        """
        Micros traded in each event within the last day, at the takers' prices.

        Raises:
            StoreUnavailable: The store did not answer.
        """
        async with self._lock:
            first_minute = now_ms // MINUTE_MS - WINDOW_MIN + 1
            await self._follow(first_minute * MINUTE_MS)
            self._forget_before(first_minute)
            return self._sums

    async def _follow(self, start_ms: int) -> None:
        """Add the trades from *start_ms* on that were not seen yet."""
        added: dict[int, dict[int, int]] = {}
        unread_ms = self._frontier.begin(self._places())
        if unread_ms is None:
            return
        query = TradeQuery(start_ms=max(start_ms, unread_ms), limit=PAGE)
        async for trade in all_of(self._history.trades, query):
            if not self._frontier.take(trade):
                continue
            events = added.setdefault(trade.timestamp // MINUTE_MS, {})
            event_id = trade.symbol.event_id
            events[event_id] = events.get(event_id, 0) + trade.price * trade.quantity
        self._frontier.end()
        for minute in sorted(added):
            self._add(minute, added[minute])

    def _add(self, minute: int, events: Mapping[int, int]) -> None:
        sums = self._minutes.setdefault(minute, {})
        for event_id, money in events.items():
            sums[event_id] = sums.get(event_id, 0) + money
            self._sums[event_id] = self._sums.get(event_id, 0) + money

    def _forget_before(self, first_minute: int) -> None:
        for minute in [one for one in self._minutes if one < first_minute]:
            for event_id, money in self._minutes.pop(minute).items():
                self._sums[event_id] -= money
                if not self._sums[event_id]:
                    del self._sums[event_id]
