"""The depth of every market as the feed tells it, for newcomers and for those who follow."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

import attrs

from pmengine.engine import Engine
from pmengine.projections import MarketDelta, decode_websocket_entry
from pmstore import PAYOUT, Position, Stream

READ_ENTRIES_MAX: Final = 64
READ_WAIT_S: Final = 1.0
LEVELS_MAX: Final = PAYOUT

MarketKey = tuple[int, int]
Listener = Callable[[MarketDelta], None]


@attrs.define
class Depth:
    """
    One market's levels in terms of its first token: price (ticks) -> lots.

    `last_price` is 0 before any trade.
    """

    update_id: int = 0
    timestamp: int = 0
    last_price: int = 0
    bids: dict[int, int] = attrs.Factory(dict)
    asks: dict[int, int] = attrs.Factory(dict)

    def apply(self, delta: MarketDelta) -> None:
        """Bring the levels to where *delta* leads; one that is known changes nothing."""
        if delta.update_id <= self.update_id:
            return
        if delta.cleared:
            self.bids.clear()
            self.asks.clear()
        for levels, changed in ((self.bids, delta.bids), (self.asks, delta.asks)):
            for price, lots in changed:
                if lots:
                    levels[price] = lots
                else:
                    levels.pop(price, None)
        self.update_id = delta.update_id
        self.timestamp = delta.timestamp
        self.last_price = delta.last_price

    def best_bids(self, limit: int | None = None) -> list[tuple[int, int]]:
        """Up to *limit* bid levels, best first."""
        return sorted(self.bids.items(), reverse=True)[:limit]

    def best_asks(self, limit: int | None = None) -> list[tuple[int, int]]:
        """Up to *limit* ask levels, best first."""
        return sorted(self.asks.items())[:limit]


def depths_of(engine: Engine) -> dict[MarketKey, Depth]:
    """The depth of every market as *engine* has it now; empty where trading has ended."""
    depths: dict[MarketKey, Depth] = {}
    for book in engine.books.values():
        depth = Depth(book.update_id, engine.state.time_ms, book.last_price)
        if book.is_open:
            depth.bids = dict(book.ladder.levels(True, LEVELS_MAX))
            depth.asks = dict(book.ladder.levels(False, LEVELS_MAX))
        depths[book.key] = depth
    return depths


class DepthFeed:
    """
    Follows `websocket_stream`, keeps every market's depth and tells listeners each delta.

    Listeners are called in the loop, in order, and must return at once.
    """

    def __init__(self, stream: Stream, after: Position, depths: dict[MarketKey, Depth]) -> None:
        self._stream = stream
        self._after = after
        self._depths = depths
        self._listeners: dict[MarketKey, set[Listener]] = {}

    def depth(self, key: MarketKey) -> Depth:
        """A market's depth now; empty for one that nothing was told of yet."""
        return self._depths.setdefault(key, Depth())

    def listen(self, key: MarketKey, listener: Listener) -> None:
        """Call *listener* with every delta of a market from now on."""
        self._listeners.setdefault(key, set()).add(listener)

    def unlisten(self, key: MarketKey, listener: Listener) -> None:
        """Stop calling *listener*; without effect if it is not called."""
        listeners = self._listeners.get(key)
        if listeners is not None:
            listeners.discard(listener)
            if not listeners:
                del self._listeners[key]

    async def run(self) -> None:
        """Follow until cancelled."""
        while True:
            entries = await self._stream.read(self._after, READ_ENTRIES_MAX, READ_WAIT_S)
            for entry in entries:
                self._after = entry.id
                self.tell(decode_websocket_entry(entry.payload))
            await asyncio.sleep(0)

    def tell(self, deltas: Iterable[MarketDelta]) -> None:
        """Take *deltas* in, and pass them on to who listens."""
        for delta in deltas:
            key = (delta.event_id, delta.market_id)
            if delta.removed:
                self._depths.pop(key, None)
                continue
            self.depth(key).apply(delta)
            for listener in tuple(self._listeners.get(key, ())):
                listener(delta)
