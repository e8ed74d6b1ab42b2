"""The days of markets that were asked for last, read from the trade store as far as is needed."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, defaultdict
from typing import Final

import attrs

from pmengine.gateways.http.candle_days import DAY_MS, Day
from pmengine.services.shown_history import ShownHistory
from pmstore import MarketKey, Page, Trade, TradeQuery

PAGE: Final = 1000
READS_MAX: Final = 50
"""Round trips to the trade store that one question may cost."""
MINUTES_MAX: Final = 200_000
"""How many minutes with trades are kept, of all markets together: about 60 MB."""


class ReadsSpent(Exception):
    """A question has cost as much as one may; what was read is kept for the next one."""


@attrs.define
class Reads:
    """What is left of the round trips that one question may cost."""

    left: int = READS_MAX

    def spend(self) -> None:
        """Make one of them."""
        if not self.left:
            raise ReadsSpent
        self.left -= 1


class CandleCache:
    """
    Days by market; those that nobody asked for longest make room for others.

    A day that lies before another day's trade is read once. Of the newest day what came since
    is read.
    """

    def __init__(self, history: ShownHistory, minutes_max: int = MINUTES_MAX) -> None:
        self._history = history
        self._minutes_max = minutes_max
        self._days: OrderedDict[tuple[MarketKey, int], Day] = OrderedDict()
        self._minutes = 0
        self._locks: defaultdict[MarketKey, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def day_before(
        self, market: MarketKey, end_ms: int, reads: Reads
    ) -> tuple[int, Day] | None:
        """
        The last day with a trade before *end_ms*: its number since the epoch, and itself whole.

        None if there is none.

        Raises:
            ReadsSpent: It takes more than *reads*; asking again goes on from there.
            StoreUnavailable: The store did not answer.
        """
        async with self._locks[market]:
            following = None
            if end_ms % DAY_MS == 0:
                following = self._days.get((market, end_ms // DAY_MS))
            if following is not None and following.before is not None:
                number = following.before
            else:
                page = await self._find(market, reads, end_ms=end_ms, limit=1)
                number = page.items[0].timestamp // DAY_MS if page.items else 0
            if following is not None:
                following.before = number
            if not number:
                return None
            return number, await self._whole(market, number, reads, following is not None)

    async def _whole(self, market: MarketKey, number: int, reads: Reads, is_followed: bool) -> Day:
        """A day with every trade; if it *is_followed* by another's, no more will come into it."""
        key = (market, number)
        day = self._days.setdefault(key, Day())
        self._days.move_to_end(key)
        try:
            if day.newest_id and not day.is_final:
                await self._read_newer(market, number, day, reads)
            while day.after is not None:
                after = day.after or None
                page = await self._find(market, reads, **_span(number), after=after)
                day.add_older(page.items)
                day.after = page.next
            day.is_final = is_followed
        finally:
            if self._days.get(key) is day:
                self._minutes += len(day.minutes) - day.counted
                day.counted = len(day.minutes)
            self._make_room(key)
        return day

    async def _read_newer(self, market: MarketKey, number: int, day: Day, reads: Reads) -> None:
        newer: list[Trade] = []
        after = None
        while True:
            page = await self._find(market, reads, **_span(number), after=after)
            newer += [trade for trade in page.items if trade.trade_id > day.newest_id]
            if page.next is None or page.items[-1].trade_id <= day.newest_id:
                break
            after = page.next
        day.add_newer(reversed(newer))

    async def _find(self, market: MarketKey, reads: Reads, **more: int | str | None) -> Page[Trade]:
        reads.spend()
        asked: dict[str, int | str | None] = {"limit": PAGE, **more}
        event_id, market_id = market
        query = TradeQuery(event_id=event_id, market_id=market_id, **asked)  # type: ignore[arg-type]
        return await self._history.trades.find(query)

    def _make_room(self, but: tuple[MarketKey, int]) -> None:
        while self._minutes > self._minutes_max:
            oldest = next((key for key in self._days if key != but), None)
            if oldest is None:
                return
            self._minutes -= self._days.pop(oldest).counted


def _span(number: int) -> dict[str, int]:
    return {"start_ms": number * DAY_MS, "end_ms": (number + 1) * DAY_MS}
