"""Follows which markets there are, those that a command removes until it is over; pure."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from pmengine.invariants.queues import Handler
from pmstore import (
    EventAdded,
    EventRemoved,
    Market,
    MarketAdded,
    MarketChanged,
    MarketKey,
    MarketRemoved,
    State,
)


class Listings:
    """
    Every market as the facts tell it.

    A command may pay the last holders of a market and remove it before it says what it was.
    """

    def __init__(self, state: State) -> None:
        self.markets: dict[MarketKey, Market] = {}
        self.key_of_token: dict[str, MarketKey] = {}
        self.changed: dict[MarketKey, None] = {}
        """Markets that came, changed or left since the last `settle`."""
        self._events: dict[int, dict[int, Market]] = {}
        self._removed: dict[MarketKey, None] = {}
        for event in state.events.values():
            for market in event.markets.values():
                self._add((event.event_id, market.market_id), market)
        self.handlers: Mapping[type, Handler] = {
            EventAdded: self._event_added,
            EventRemoved: self._event_removed,
            MarketAdded: self._market_added,
            MarketChanged: self._market_changed,
            MarketRemoved: self._market_removed,
        }

    def of_event(self, event_id: int) -> dict[int, Market]:
        """The markets of an event by their own numbers."""
        return self._events.get(event_id, {})

    def settle(self) -> None:
        """The command is over: what it removed is gone."""
        if not self.changed:
            return
        self.changed.clear()
        for key in self._removed:
            market = self.markets.pop(key)
            for token in market.token_ids:
                del self.key_of_token[token]
            of_event = self._events[key[0]]
            del of_event[key[1]]
            if not of_event:
                del self._events[key[0]]
        self._removed.clear()

    def _add(self, key: MarketKey, market: Market) -> None:
        self._set(key, market)
        for token in market.token_ids:
            self.key_of_token[token] = key

    def _set(self, key: MarketKey, market: Market) -> None:
        self.markets[key] = market
        self._events.setdefault(key[0], {})[key[1]] = market
        self.changed[key] = None

    def _event_added(self, fact: EventAdded) -> None:
        for market in fact.event.markets.values():
            self._add((fact.event.event_id, market.market_id), market)

    def _market_added(self, fact: MarketAdded) -> None:
        self._add((fact.event_id, fact.market.market_id), fact.market)

    def _market_changed(self, fact: MarketChanged) -> None:
        key = (fact.event_id, fact.market_id)
        market = self.markets.get(key)
        if market is not None:
            changed = attrs.evolve(
                market, state=fact.state, removing=fact.removing, payouts=fact.payouts
            )
            self._set(key, changed)

    def _market_removed(self, fact: MarketRemoved) -> None:
        self._remove((fact.event_id, fact.market_id))

    def _event_removed(self, fact: EventRemoved) -> None:
        for key in self.markets:
            if key[0] == fact.event_id:
                self._remove(key)

    def _remove(self, key: MarketKey) -> None:
        if key in self.markets:
            self._removed[key] = None
            self.changed[key] = None
