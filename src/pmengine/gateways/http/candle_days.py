"""The trades of a market by minutes, a day at a time: what candles of any interval are made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import attrs

from pmstore import PAYOUT, Side, Trade

MINUTE_MS: Final = 60_000
DAY_MS: Final = 24 * 60 * MINUTE_MS


@attrs.define
class Bar:
    """
    What was traded within a while, in terms of the market's first token.

    Prices in ticks, lots, and micros at the takers' prices.
    """

    open: int
    high: int
    low: int
    close: int
    lots: int = 0
    money: int = 0
    trades: int = 0

    def join(self, later: Bar) -> None:
        """Add what was traded after this."""
        self.high = max(self.high, later.high)
        self.low = min(self.low, later.low)
        self.close = later.close
        self.lots += later.lots
        self.money += later.money
        self.trades += later.trades


@attrs.define
class Day:
    """
    The bars of one market on one day (UTC), by minute since the epoch.

    It is read from its newest trade to its oldest. `after` is where reading goes on, None
    once it is whole; `newest_id` is the newest trade in it. `is_final` says that no trade will
    come into it any more, and `before` is then the day of the last trade before it, 0 if there
    is none and None if nobody asked.
    """

    minutes: dict[int, Bar] = attrs.Factory(dict)
    newest_id: int = 0
    after: str | None = ""
    is_final: bool = False
    before: int | None = None
    counted: int = 0
    """How many of its minutes its keeper knows of."""

    def add_older(self, trades: Iterable[Trade]) -> None:
        """Add trades from before those that are in it, the newest first."""
        for trade in trades:
            self.newest_id = max(self.newest_id, trade.trade_id)
            minute = trade.timestamp // MINUTE_MS
            bar = _bar_of(trade)
            later = self.minutes.get(minute)
            if later is not None:
                bar.join(later)
            self.minutes[minute] = bar

    def add_newer(self, trades: Iterable[Trade]) -> None:
        """Add trades from after those that are in it, the oldest first."""
        for trade in trades:
            self.newest_id = max(self.newest_id, trade.trade_id)
            minute = trade.timestamp // MINUTE_MS
            earlier = self.minutes.get(minute)
            if earlier is None:
                self.minutes[minute] = _bar_of(trade)
            else:
                earlier.join(_bar_of(trade))

    def bars(self, interval_ms: int) -> Iterator[tuple[int, Bar]]:
        """The bars of each interval with trades, by its start, the newest first."""
        start, joined = -1, None
        for minute in sorted(self.minutes, reverse=True):
            bar = attrs.evolve(self.minutes[minute])
            begins = minute * MINUTE_MS // interval_ms * interval_ms
            if joined is not None and begins == start:
                bar.join(joined)
            elif joined is not None:
                yield start, joined
            start, joined = begins, bar
        if joined is not None:
            yield start, joined


def _bar_of(trade: Trade) -> Bar:
    is_first = (trade.side is Side.BUY) == trade.taker_is_bid
    price = trade.price if is_first else PAYOUT - trade.price
    return Bar(price, price, price, price, trade.quantity, trade.price * trade.quantity, 1)
