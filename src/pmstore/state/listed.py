"""Events and markets as the facts tell them."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from pmstore.models.changes import (
    EventAdded,
    EventChanged,
    MarketAdded,
    MarketChanged,
    MarketUpdateId,
)
from pmstore.models.market import Event, Market
from pmstore.models.snapshot import MarketKey


class Listed:
    """The events, their markets, and the last change of each market's ladder."""

    def __init__(self) -> None:
        self.events: dict[int, Event] = {}
        self.updates: dict[MarketKey, MarketUpdateId] = {}
        """The last ladder change of each market."""

    def restore(self, events: Iterable[Event]) -> None:
        """Take up the events of a snapshot; their markets say how far their ladders came."""
        for event in events:
            self.events[event.event_id] = event
            for market in event.markets.values():
                if market.update_id:
                    key = (event.event_id, market.market_id)
                    self.updates[key] = MarketUpdateId(
                        *key, market.update_id, last_price=market.last_price
                    )

    def freeze(self) -> dict[int, Event]:
        """The events as they are now, their markets' update numbers and last prices included."""
        return {
            event_id: attrs.evolve(
                event,
                markets={
                    market_id: self._as_now(event_id, market)
                    for market_id, market in event.markets.items()
                },
            )
            for event_id, event in self.events.items()
        }

    def find(self, event_id: int, market_id: int) -> Market | None:
        """The market as it is now, its update number and last price included."""
        event = self.events.get(event_id)
        market = None if event is None else event.markets.get(market_id)
        return None if market is None else self._as_now(event_id, market)

    def _as_now(self, event_id: int, market: Market) -> Market:
        update = self.updates.get((event_id, market.market_id))
        if update is None:
            return market
        return attrs.evolve(market, update_id=update.update_id, last_price=update.last_price)

    def update(self, change: MarketUpdateId) -> None:
        """Note a ladder's change, unless a newer one is known."""
        key = (change.event_id, change.market_id)
        known = self.updates.get(key)
        if known is None or known.update_id < change.update_id:
            self.updates[key] = change

    def add_event(self, change: EventAdded) -> None:
        """List an event, unless it is."""
        self.events.setdefault(change.event.event_id, change.event)

    def change_event(self, change: EventChanged) -> None:
        """Note whether an event is being removed."""
        event = self.events.get(change.event_id)
        if event is not None:
            self.events[change.event_id] = attrs.evolve(event, removing=change.removing)

    def add_market(self, change: MarketAdded) -> None:
        """List a market of an event, unless it is."""
        event = self.events.get(change.event_id)
        if event is not None and change.market.market_id not in event.markets:
            self._set(event, change.market)

    def change_market(self, change: MarketChanged) -> bool:
        """Note the state of a market; whether there is such a market."""
        event = self.events.get(change.event_id)
        market = None if event is None else event.markets.get(change.market_id)
        if event is None or market is None:
            return False
        changed = attrs.evolve(
            market, state=change.state, removing=change.removing, payouts=change.payouts
        )
        self._set(event, changed)
        return True

    def remove_market(self, event_id: int, market_id: int) -> Market | None:
        """Drop a market; the one that was there."""
        event = self.events.get(event_id)
        market = None if event is None else event.markets.get(market_id)
        if event is None or market is None:
            return None
        markets = {key: value for key, value in event.markets.items() if value is not market}
        self.events[event_id] = attrs.evolve(event, markets=markets)
        self.updates.pop((event_id, market_id), None)
        return market

    def _set(self, event: Event, market: Market) -> None:
        markets = event.markets | {market.market_id: market}
        self.events[event.event_id] = attrs.evolve(event, markets=markets)
