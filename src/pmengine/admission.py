"""What is wrong with an order before it meets the ladder; pure."""

from __future__ import annotations

from pmengine.book import Book
from pmengine.commands import SubmitOrder
from pmengine.facts import Refusal
from pmstore import (
    MONEY_MAX,
    PRICE_MAX,
    PRICE_MIN,
    QUANTITY_MAX,
    MarketState,
    OrderType,
    Side,
    State,
    Symbol,
    TimeInForce,
)

# Enum members as module constants: looking one up on its class costs as much as a call.
_SELL = Side.SELL
_LIMIT = OrderType.LIMIT
_GTC, _IOC = TimeInForce.GTC, TimeInForce.IOC


def malformed(command: SubmitOrder, tick_size: int) -> Refusal | None:
    """What in the command itself cannot be: price, quantity, volume, and how they go together."""
    price = command.price
    quantity = command.quantity
    if price is not None and not PRICE_MIN <= price <= PRICE_MAX:
        return Refusal.INVALID_PRICE
    if command.expires_at_ms is not None:
        return Refusal.INVALID_EXPIRY
    if command.order_type is _LIMIT:
        if price is None:
            return Refusal.INVALID_PRICE
        if price % tick_size:
            return Refusal.INVALID_TICK
        if not 1 <= quantity <= QUANTITY_MAX:
            return Refusal.INVALID_QUANTITY
        if command.volume:
            return Refusal.MALFORMED
        if command.time_in_force is _GTC:
            return None
        if command.time_in_force is _IOC and not command.post_only:
            return None
        return Refusal.MALFORMED
    if command.post_only or command.time_in_force not in (_GTC, _IOC):
        return Refusal.MALFORMED
    if command.side is _SELL:
        if not 1 <= quantity <= QUANTITY_MAX:
            return Refusal.INVALID_QUANTITY
        return Refusal.MALFORMED if command.volume else None
    if not 1 <= command.volume <= MONEY_MAX:
        return Refusal.INVALID_VOLUME
    return Refusal.MALFORMED if quantity else None


def wrong_terms(price: int, quantity: int, tick_size: int) -> Refusal | None:
    """What is wrong with the new terms of a limit order."""
    if not PRICE_MIN <= price <= PRICE_MAX:
        return Refusal.INVALID_PRICE
    if price % tick_size:
        return Refusal.INVALID_TICK
    return None if 1 <= quantity <= QUANTITY_MAX else Refusal.INVALID_QUANTITY


def unknown(symbol: Symbol, state: State) -> Refusal:
    """Which part of *symbol* does not exist, or does not belong to the others."""
    event = state.events.get(symbol.event_id)
    if event is None:
        return Refusal.UNKNOWN_EVENT
    if symbol.market_id not in event.markets:
        return Refusal.UNKNOWN_MARKET
    return Refusal.UNKNOWN_TOKEN


def closed(book: Book, state: State) -> Refusal:
    """Why a market that is not open takes no orders."""
    end_date_ms = state.events[book.event_id].end_date_ms
    expired = end_date_ms is not None and state.time_ms >= end_date_ms
    if book.market.state is MarketState.CLOSED and not book.market.removing and expired:
        return Refusal.EVENT_EXPIRED
    return Refusal.MARKET_CLOSED
