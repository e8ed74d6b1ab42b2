"""Follows Yes less No in the markets of exclusive events, which must be the same in each; pure."""

from __future__ import annotations

from collections.abc import Iterator

from pmengine.invariants.laws import Law, Violation
from pmstore import MarketKey


class Surpluses:
    """How many markets of each event have which surplus: looking costs what differs."""

    def __init__(self) -> None:
        self._of: dict[MarketKey, int] = {}
        self._markets: dict[int, dict[int, set[int]]] = {}
        """By event and surplus, the markets that have it."""

    def put(self, key: MarketKey, surplus: int | None) -> None:
        """A market of an exclusive event has *surplus* now; None if it is none any more."""
        event_id, market_id = key
        known = self._of.pop(key, None)
        if known is not None:
            by_surplus = self._markets[event_id]
            by_surplus[known].discard(market_id)
            if not by_surplus[known]:
                del by_surplus[known]
            if not by_surplus:
                del self._markets[event_id]
        if surplus is not None:
            self._of[key] = surplus
            by_surplus = self._markets.setdefault(event_id, {})
            by_surplus.setdefault(surplus, set()).add(market_id)

    def check(self, event_id: int) -> Iterator[Violation]:
        """Whether the markets of an event differ."""
        by_surplus = self._markets.get(event_id, {})
        if len(by_surplus) > 1:
            some = [f"{surplus} in market {min(ids)}" for surplus, ids in by_surplus.items()]
            text = f"Yes less No is {' and '.join(some)}"
            yield Violation(Law.EXCLUSIVE, f"event {event_id}", text)
