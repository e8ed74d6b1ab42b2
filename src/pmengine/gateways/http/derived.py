"""What a gateway works out from the stores, and may forget and work out again at any time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import attrs

from pmengine.gateways.http.candle_cache import CandleCache
from pmengine.gateways.http.event_scan import EventScan
from pmengine.gateways.http.position_books import PositionBooks
from pmengine.gateways.http.rankings import Rankings
from pmengine.gateways.http.tokens import Tokens
from pmengine.gateways.http.turnover import Turnover
from pmengine.gateways.venue import Venue
from pmengine.services.log import Place


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

        def places() -> Sequence[Place]:
            return [one.place for one in histories]

        events = EventScan(history, lambda: [one.number for one in places()])
        return cls(
            events=events,
            turnover=Turnover(history, places),
            candles=CandleCache(history),
            rankings=Rankings(),
            books=PositionBooks(history, places),
            tokens=Tokens(events),
        )
