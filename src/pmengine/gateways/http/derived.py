"""What a gateway works out from the stores, and may forget and work out again at any time."""

from __future__ import annotations

from typing import Self

import attrs

from pmengine.gateways.http.candle_cache import CandleCache
from pmengine.gateways.http.event_scan import EventScan
from pmengine.gateways.http.position_books import PositionBooks
from pmengine.gateways.http.rankings import Rankings
from pmengine.gateways.http.tokens import Tokens
from pmengine.gateways.http.turnover import Turnover
from pmengine.gateways.venue import Venue


@attrs.frozen(kw_only=True)
class Derived:
    """Caches over the stores of one venue; no truth of their own."""

    events: EventScan
    turnover: Turnover
    candles: CandleCache
    rankings: Rankings
    books: PositionBooks
    tokens: Tokens

    @classmethod
    def of(cls, venue: Venue) -> Self:
        """Those of *venue*, empty."""
        history = venue.history
        histories = [history, *(one.history for one in venue.further)]
        is_sharded = len(histories) > 1
        events = EventScan(history, lambda: [one.place.number for one in histories])
        return cls(
            events=events,
            turnover=Turnover(history, is_sharded=is_sharded),
            candles=CandleCache(history),
            rankings=Rankings(),
            books=PositionBooks(history, is_sharded=is_sharded),
            tokens=Tokens(events),
        )
