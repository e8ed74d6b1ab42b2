"""What is wrong with an order before it meets the ladder; pure."""

from __future__ import annotations

from typing import Final

from pmengine.commands import SubmitOrder
from pmengine.facts import Refusal
from pmengine.records import Book, Records
from pmstore import (
    MONEY_MAX,
    PRICE_MAX,
    PRICE_MIN,
    QUANTITY_MAX,
    MarketState,
    OrderType,
    Side,
    Symbol,
    TimeInForce,
)

# Enum members as module constants: looking one up on its class costs as much as a call.
_SELL: Final = Side.SELL
_LIMIT: Final = OrderType.LIMIT
_GTC: Final = TimeInForce.GTC
_GTD: Final = TimeInForce.GTD
_IOC: Final = TimeInForce.IOC


def malformed(command: SubmitOrder, tick_size: int, now_ms: int) -> Refusal | None:
    """What in the command itself cannot be: price, quantity, volume, and how they go together."""
    price = command.price
    quantity = command.quantity
    time_in_force = command.time_in_force
    expires_at_ms = command.expires_at_ms
    if price is not None and not PRICE_MIN <= price <= PRICE_MAX:
        return Refusal.INVALID_PRICE
    if (expires_at_ms is None) == (time_in_force is _GTD):
        return Refusal.INVALID_EXPIRY
    if expires_at_ms is not None and expires_at_ms <= now_ms:
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
        if command.post_only and time_in_force is not _GTC and time_in_force is not _GTD:
            return Refusal.MALFORMED
        return None
    if command.post_only or (time_in_force is not _GTC and time_in_force is not _IOC):
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
