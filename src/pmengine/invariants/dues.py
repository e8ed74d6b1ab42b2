"""Follows what has its time: orders, events and sessions that should have ended; pure."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pmengine.invariants.laws import Law, Violation, market_name
from pmengine.invariants.needs import market_of
from pmengine.invariants.queues import Handler
from pmengine.invariants.single import TRADABLE
from pmstore import EventAdded, OrderCreated, SessionChanged, State

_ORDER: Final = 0
_EVENT: Final = 1
_SESSION: Final = 2


class Dues:
    """Knows what is due next, so that looking costs what has become due."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._due: list[tuple[int, int, Any]] = []
        for order in state.orders.values():
            self._add(order.expires_at_ms, _ORDER, order.id)
        for event in state.events.values():
            self._add(event.end_date_ms, _EVENT, event.event_id)
        for session, deadline_ms in state.sessions.items():
            self._add(deadline_ms, _SESSION, session)
        self.handlers: Mapping[type, Handler] = {
            OrderCreated: self._created,
            EventAdded: self._event_added,
            SessionChanged: self._session_changed,
        }

    def settle(self) -> Iterator[Violation]:
        """What was due by the engine's time and has not happened, at the end of an entry."""
        now_ms = self._state.time_ms
        while self._due and self._due[0][0] <= now_ms:
            due_ms, kind, key = heapq.heappop(self._due)
            if kind == _ORDER:
                yield from self._order(due_ms, key)
            elif kind == _EVENT:
                yield from self._event(due_ms, key)
            elif self._state.sessions.get(key) == due_ms:
                text = f"lapsed at {due_ms} and lives at {now_ms}"
                yield Violation(Law.DUE, f"{key[0]}'s session {key[1]}", text)

    def _order(self, due_ms: int, order_id: str) -> Iterator[Violation]:
        order = self._state.orders.get(order_id)
        if order is None or order.expires_at_ms != due_ms:
            return
        market = market_of(self._state, order)
        is_closing = market is None or market.state not in TRADABLE
        if not is_closing and not self._state.leaving_of(order):
            text = f"expired at {due_ms} and is open at {self._state.time_ms}"
            yield Violation(Law.DUE, f"order {order_id}", text)

    def _event(self, due_ms: int, event_id: int) -> Iterator[Violation]:
        event = self._state.events.get(event_id)
        if event is None or event.end_date_ms != due_ms:
            return
        for market in event.markets.values():
            if market.state in TRADABLE:
                name = market_name(event_id, market.market_id)
                yield Violation(Law.DUE, name, f"is {market.state.value} after its end date")

    def _created(self, fact: OrderCreated) -> None:
        self._add(fact.order.expires_at_ms, _ORDER, fact.order.id)

    def _event_added(self, fact: EventAdded) -> None:
        self._add(fact.event.end_date_ms, _EVENT, fact.event.event_id)

    def _session_changed(self, fact: SessionChanged) -> None:
        self._add(fact.deadline_ms or None, _SESSION, (fact.user_id, fact.session))

    def _add(self, due_ms: int | None, kind: int, key: Any) -> None:
        if due_ms is not None:
            heapq.heappush(self._due, (due_ms, kind, key))
