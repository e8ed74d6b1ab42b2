"""How much money was traded in each event within the last day, by the trade store."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

from pmengine.services.shown_history import ShownHistory
from pmstore import TradeQuery
from pmstore.queries import all as all_of

MINUTE_MS: Final = 60_000
WINDOW_MIN: Final = 24 * 60
OVERLAP_MS: Final = 60_000
"""By how much the stores of one shard may be behind those of another."""
PAGE: Final = 1000
SHARDS: Final = 1024
"""A trade id is a counter times this, plus its shard."""


class Turnover:
    """
    Sums of the last 24 hours, in whole minutes; nothing but what the trade store has.

    Cost:
        The first question reads the trades of the last day, 1,000 a round trip; the next ones
        read what came since. Memory: one number for each event and minute in which it traded.

    Args:
        is_sharded: Whether trades of several shards come into the store, each at its own pace.
    """

    def __init__(self, history: ShownHistory, *, is_sharded: bool) -> None:
        self._history = history
        self._overlap_ms = OVERLAP_MS if is_sharded else 0
        self._newest_ms = 0
        self._last_ids: dict[int, int] = {}
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
        start_ms = max(start_ms, self._newest_ms - self._overlap_ms)
        added: dict[int, dict[int, int]] = {}
        last_ids = dict(self._last_ids)
        newest_ms = self._newest_ms
        query = TradeQuery(start_ms=start_ms, limit=PAGE)
        async for trade in all_of(self._history.trades, query):
            shard = trade.trade_id % SHARDS
            if trade.trade_id <= self._last_ids.get(shard, 0):
                continue
            last_ids[shard] = max(last_ids.get(shard, 0), trade.trade_id)
            newest_ms = max(newest_ms, trade.timestamp)
            events = added.setdefault(trade.timestamp // MINUTE_MS, {})
            event_id = trade.symbol.event_id
            events[event_id] = events.get(event_id, 0) + trade.price * trade.quantity
        self._last_ids, self._newest_ms = last_ids, newest_ms
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
