"""What a store may hold: asked of everything that carries no hash of ours."""

from __future__ import annotations

from typing import Final

import attrs

from pmstore.models.balance import Balance
from pmstore.models.changes import (
    Change,
    EventAdded,
    GroupChanged,
    GroupFilled,
    MarketAdded,
    OrderCancelled,
    OrderCreated,
    OrderFilled,
    OrdersLeaving,
    OrderUpdated,
    SessionChanged,
)
from pmstore.models.market import Event, Market
from pmstore.models.order import Order
from pmstore.models.symbol import Symbol
from pmstore.models.trade import Trade
from pmstore.models.units import FEE_EXACT_MAX, INTEGER_MAX, is_id

_OPTIONAL_IDS: Final = {"client_order_id", "group", "session"}


def check_order(order: Order) -> None:
    """
    Raise `ValueError` unless every id of *order* is one and every number is 0..2^63-1.

    Also what 01-domain.md promises of every order: filled and remaining are the quantity.
    """
    _check_id(order.id, "id")
    _check_id(order.user_id, "user_id")
    for name in _OPTIONAL_IDS:
        if (value := getattr(order, name)) is not None:
            _check_id(value, name)
    check_symbol(order.symbol)
    _check_numbers(order)
    if order.filled_quantity + order.remaining_quantity != order.quantity:
        raise ValueError(
            f"order {order.id} has quantity {order.quantity}, but {order.filled_quantity} filled "
            f"and {order.remaining_quantity} remaining"
        )


def check_symbol(symbol: Symbol) -> None:
    """Raise `ValueError` unless the token is an id and both numbers are 0..2^63-1."""
    _check_id(symbol.token_id, "token_id")
    _check_numbers(symbol)


def check_event(event: Event) -> None:
    """Raise `ValueError` unless the tokens of its markets are ids and its numbers 0..2^63-1."""
    _check_numbers(event)
    for market in event.markets.values():
        check_market(market)


def check_market(market: Market) -> None:
    """Raise `ValueError` unless its tokens are ids and its numbers 0..2^63-1."""
    for token in market.token_ids:
        _check_id(token, "token_id")
    _check_numbers(market)
    if market.fees is not None:
        _check_numbers(market.fees)


def check_change(change: Change) -> None:
    """Raise `ValueError` unless everything that *change* names is something a store may hold."""
    if isinstance(change, OrderCreated | OrderUpdated):
        check_order(change.order)
    elif isinstance(change, OrderFilled | OrderCancelled):
        _check_id(change.order_id, "order_id")
        if change.user_id:
            _check_id(change.user_id, "user_id")
        check_symbol(change.symbol)
        _check_numbers(change)
    elif isinstance(change, Trade):
        for name in ("taker_order_id", "maker_order_id", "taker_user_id", "maker_user_id"):
            _check_id(getattr(change, name), name)
        check_symbol(change.symbol)
        check_symbol(change.maker_symbol)
        _check_numbers(change)
    elif isinstance(change, Balance):
        _check_id(change.user_id, "user_id")
        _check_id(change.asset, "asset")
        _check_numbers(change)
    elif isinstance(change, OrdersLeaving):
        for name in ("user_id", "group", "session"):
            if value := getattr(change.leaving, name):
                _check_id(value, name)
        _check_numbers(change.leaving)
    elif isinstance(change, GroupChanged | GroupFilled | SessionChanged):
        _check_id(change.user_id, "user_id")
        if isinstance(change, SessionChanged):
            _check_id(change.session, "session")
        else:
            _check_id(change.group, "group")
        _check_numbers(change)
    elif isinstance(change, EventAdded):
        check_event(change.event)
    elif isinstance(change, MarketAdded):
        check_market(change.market)
    else:
        _check_numbers(change)


def _check_id(value: str, name: str) -> None:
    if not is_id(value):
        raise ValueError(
            f"{name} {value[:60]!r} is no id: 1..255 bytes of UTF-8 without control characters"
        )


def _check_numbers(record: attrs.AttrsInstance) -> None:
    for field in attrs.fields(type(record)):
        value = getattr(record, field.name)
        if type(value) is int:
            most = FEE_EXACT_MAX if field.name == "fee_exact" else INTEGER_MAX
            if not 0 <= value <= most:
                raise ValueError(f"{field.name} is {value}; it takes 0..{most}")
