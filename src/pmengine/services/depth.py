"""The depth of every market as the feed tells it, for newcomers and for those who follow."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Final

import attrs

from pmengine.engine import Engine
from pmengine.market_deltas import MarketDelta
from pmengine.projections import WEBSOCKET_STREAM, decode_websocket_entry
from pmengine.services.log import Place
from pmengine.services.outages import persistently
from pmengine.services.projection_reader import ProjectionReader
from pmstore import PAYOUT, MarketKey, Position, Stream

LEVELS_MAX: Final = PAYOUT


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
        depth = Depth(book.update_id, engine.time_ms, book.last_price)
        if book.is_shown:
            depth.bids = dict(book.ladder.levels(True, LEVELS_MAX))
            depth.asks = dict(book.ladder.levels(False, LEVELS_MAX))
        depths[book.key] = depth
    return depths


@attrs.frozen
class DepthStart:
    """The depth of every market as it is after the log's entry at `place`."""

    place: Place
    depths: dict[MarketKey, Depth]


class DepthFeed:
    """
    Follows `websocket_stream`, keeps every market's depth and tells listeners each delta.

    Listeners are called in the loop, in order, and must return at once. Where the stream
    does not go on (this reader was left behind, or the log lost its tail) the feed begins anew,
    and listeners are told each market's whole depth.

    Args:
        after: Where on the stream to go on, with *depths* as they are there.
        begin: Finds a depth to begin with; then *after* and *depths* do not matter.
        owns: Whether the stream tells of a market; unset, of every one.
        beside: Another feed that has the other markets: both show all of them.
    """

    def __init__(
        self,
        stream: Stream,
        after: Position,
        depths: dict[MarketKey, Depth],
        *,
        begin: Callable[[], Awaitable[DepthStart]] | None = None,
        owns: Callable[[MarketKey], bool] = lambda key: True,
        beside: DepthFeed | None = None,
    ) -> None:
        self._reader = ProjectionReader(
            stream, WEBSOCKET_STREAM, decode_websocket_entry, "depth", after=after
        )
        self._owns = owns
        self._depths = depths
        self._begin = begin
        self._listeners: dict[MarketKey, set[Listener]] = {}
        if beside is not None:
            self._depths, self._listeners = beside._depths, beside._listeners
            self._depths.update(depths)

    def depth(self, key: MarketKey) -> Depth:
        """A market's depth now; empty for one that nothing was told of yet."""
        return self._depths.setdefault(key, Depth())

    def all(self) -> Mapping[MarketKey, Depth]:
        """The depth of every market that something was told of."""
        return self._depths

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

    @property
    def place(self) -> Place | None:
        """How far on the log the depths are; None before the first entry."""
        return self._reader.place

    async def prepare(self) -> None:
        """
        Find the depths to begin with; `run` does it if nobody did.

        Raises:
            CannotStart, CorruptData: From the log and its snapshots.
        """
        if self._begin is None:
            return
        start = await persistently(self._begin, "depth")
        await self._reader.stand_at(start.place)
        for key in [key for key in self._depths if self._owns(key)]:
            del self._depths[key]
        self._depths.update(start.depths)
        for key in filter(self._owns, tuple(self._listeners)):
            self._tell(key, _whole(key, self.depth(key)))

    async def run(self) -> None:
        """
        Follow until cancelled, over outages of the stream.

        Raises:
            LogGap: The stream does not go on and there is nothing to begin anew with.
            CannotStart, CorruptData: As for `prepare`.
        """
        if self.place is None:
            await self.prepare()
        anew = None if self._begin is None else self.prepare
        await self._reader.pass_on(self.tell, anew)

    def tell(self, deltas: Iterable[MarketDelta]) -> None:
        """Take *deltas* in, and pass them on to who listens."""
        for delta in deltas:
            key = (delta.event_id, delta.market_id)
            if delta.removed:
                self._depths.pop(key, None)
                continue
            self.depth(key).apply(delta)
            self._tell(key, delta)

    def _tell(self, key: MarketKey, delta: MarketDelta) -> None:
        for listener in tuple(self._listeners.get(key, ())):
            listener(delta)


def _whole(key: MarketKey, depth: Depth) -> MarketDelta:
    """*depth* as a delta that follows none: who is told of it takes a snapshot."""
    return MarketDelta(
        event_id=key[0],
        market_id=key[1],
        prev_update_id=-1,
        update_id=depth.update_id,
        timestamp=depth.timestamp,
        bids=depth.best_bids(),
        asks=depth.best_asks(),
        last_price=depth.last_price,
        cleared=True,
    )
