"""What one client still has to be sent of one market: a bounded debt."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from pmengine.market_deltas import MarketDelta

MERGED_LEVELS_MAX: Final = 1000
MERGED_TRADES_MAX: Final = 1000


class Source(Protocol):
    """A market as its followers see it."""

    def snapshot(self) -> tuple[int, str]:
        """The update number of the market now, and its whole depth as text."""
        ...

    def encode(self, delta: MarketDelta) -> str:
        """The text of *delta*."""
        ...


class Ready(Protocol):
    """A delta whose text is shared by all followers."""

    delta: MarketDelta

    @property
    def text(self) -> str:
        """The message."""
        ...


class Subscription:
    """
    One market for one client.

    Deltas that a client is too slow for are merged; a merged one beyond
    `MERGED_LEVELS_MAX` levels or `MERGED_TRADES_MAX` trades is dropped for a fresh
    snapshot. So a client is owed at most one message a market, of bounded size.

    Args:
        due: Called when there is something to send.
    """

    def __init__(self, due: Callable[[Subscription], None]) -> None:
        self._due = due
        self._ready: Ready | None = None
        self._merged: _Merged | None = None
        self._is_snapshot_due = False
        self._told_id = 0
        """The update that the client has, with everything that is pending."""

    def ask_snapshot(self) -> None:
        """The next message is the whole depth as it is then."""
        self._ready = self._merged = None
        self._is_snapshot_due = True
        self._due(self)

    def offer(self, ready: Ready) -> None:
        """Something changed."""
        delta = ready.delta
        if self._is_snapshot_due or delta.update_id <= self._told_id:
            return
        if delta.prev_update_id != self._told_id:
            self.ask_snapshot()
            return
        self._told_id = delta.update_id
        if self._merged is not None:
            self._merged.add(delta)
        elif self._ready is not None:
            self._merged = _Merged(self._ready.delta)
            self._merged.add(delta)
            self._ready = None
        else:
            self._ready = ready
        if self._merged is not None and self._merged.is_too_large:
            self.ask_snapshot()
            return
        self._due(self)

    def take(self, source: Source) -> str | None:
        """The message that is due, None if there is none."""
        if self._is_snapshot_due:
            self._is_snapshot_due = False
            self._told_id, text = source.snapshot()
            return text
        if self._merged is not None:
            merged, self._merged = self._merged, None
            return source.encode(merged.delta())
        if self._ready is not None:
            ready, self._ready = self._ready, None
            return ready.text
        return None


class _Merged:
    """Several deltas of one market as one."""

    def __init__(self, first: MarketDelta) -> None:
        self._first = first
        self._last = first
        self._bids = dict(first.bids)
        self._asks = dict(first.asks)
        self._trades = list(first.trades)

    @property
    def is_too_large(self) -> bool:
        """Whether a snapshot is the better message."""
        levels = len(self._bids) + len(self._asks)
        return levels > MERGED_LEVELS_MAX or len(self._trades) > MERGED_TRADES_MAX

    def add(self, delta: MarketDelta) -> None:
        self._bids.update(delta.bids)
        self._asks.update(delta.asks)
        self._trades += delta.trades
        self._last = delta

    def delta(self) -> MarketDelta:
        last = self._last
        return MarketDelta(
            event_id=last.event_id,
            market_id=last.market_id,
            prev_update_id=self._first.prev_update_id,
            update_id=last.update_id,
            timestamp=last.timestamp,
            bids=sorted(self._bids.items(), reverse=True),
            asks=sorted(self._asks.items()),
            last_price=last.last_price,
            trades=self._trades,
        )
