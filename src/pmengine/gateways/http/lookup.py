"""Finds what a request names among the listed events, or answers that it is not there."""

from __future__ import annotations

from pmengine.facts import Refusal
from pmengine.gateways.http.freshness import Freshness
from pmengine.gateways.http.problems import Problem
from pmengine.services.shown_history import ShownHistory
from pmstore import Event, Market


async def find_event(history: ShownHistory, freshness: Freshness, event_id: int) -> Event:
    """
    An event as the stores have it, after everything that was told.

    Raises:
        Problem: There is none (404).
    """
    await freshness.reached()
    event = (await history.events.get([event_id])).get(event_id)
    if event is None or is_gone(event):
        raise missing(Refusal.UNKNOWN_EVENT)
    return event


def is_gone(event: Event) -> bool:
    """Whether nothing but its record is left of an event: it was removed with its last market."""
    return event.removing and not event.markets


async def find_market(
    history: ShownHistory, freshness: Freshness, event_id: int, market_id: int
) -> Market:
    """A market as the stores have it; raises as `find_event` does."""
    event = await find_event(history, freshness, event_id)
    market = event.markets.get(market_id)
    if market is None:
        raise missing(Refusal.UNKNOWN_MARKET)
    return market


def missing(refusal: Refusal) -> Problem:
    """What a request names is not there (404)."""
    return Problem(404, refusal.name, refusal.text)
