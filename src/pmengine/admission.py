"""What is wrong with an order before it meets the ladder; pure."""

from __future__ import annotations

from pmengine.entities import Book
from pmengine.facts import Refusal
from pmengine.records import Records
from pmstore import (
    PRICE_MAX,
    PRICE_MIN,
    QUANTITY_MAX,
    MarketState,
    Symbol,
)


def wrong_terms(price: int, quantity: int, tick_size: int) -> Refusal | None:
    """What is wrong with the new terms of a limit order."""
    if not PRICE_MIN <= price <= PRICE_MAX:
        return Refusal.INVALID_PRICE
    if price % tick_size:
        return Refusal.INVALID_TICK
    return None if 1 <= quantity <= QUANTITY_MAX else Refusal.INVALID_QUANTITY


def unknown(symbol: Symbol, records: Records) -> Refusal:
    """Which part of *symbol* does not exist, or does not belong to the others."""
    event = records.events.get(symbol.event_id)
    if event is None:
        return Refusal.UNKNOWN_EVENT
    if symbol.market_id not in event.markets:
        return Refusal.UNKNOWN_MARKET
    return Refusal.UNKNOWN_TOKEN


def closed(book: Book, records: Records) -> Refusal:
    """Why a market that is not open takes no orders."""
    market = book.market
    if market.state is MarketState.PAUSED:
        return Refusal.PAUSED
    end_date_ms = records.events[book.event_id].end_date_ms
    expired = end_date_ms is not None and records.time_ms >= end_date_ms
    if market.state is MarketState.CLOSED and not market.removing and expired:
        return Refusal.EVENT_EXPIRED
    return Refusal.MARKET_CLOSED
