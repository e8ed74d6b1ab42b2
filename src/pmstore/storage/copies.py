"""
Cheap copies of the models that are not frozen.

Field by field and past `__init__`: three times faster than a call with all values, and
twenty times faster than `copy.copy`.
"""

from __future__ import annotations

from typing import Final

import attrs

from pmstore.models.balance import Balance
from pmstore.models.ledger import LedgerEntry
from pmstore.models.market import Event
from pmstore.models.order import Order
from pmstore.models.trade import Trade

_new: Final = object.__new__


def copy_order(order: Order) -> Order:
    """A copy of *order*."""
    copy = _new(Order)
    copy.id = order.id
    copy.symbol = order.symbol
    copy.side = order.side
    copy.order_type = order.order_type
    copy.quantity = order.quantity
    copy.price = order.price
    copy.status = order.status
    copy.filled_quantity = order.filled_quantity
    copy.remaining_quantity = order.remaining_quantity
    copy.timestamp = order.timestamp
    copy.user_id = order.user_id
    copy.order_num = order.order_num
    copy.version = order.version
    copy.time_in_force = order.time_in_force
    copy.expires_at_ms = order.expires_at_ms
    copy.post_only = order.post_only
    copy.client_order_id = order.client_order_id
    copy.volume = order.volume
    copy.spent = order.spent
    copy.self_trade = order.self_trade
    copy.group = order.group
    copy.session = order.session
    copy.fee_exact = order.fee_exact
    copy.fee_paid = order.fee_paid
    return copy


def copy_trade(trade: Trade) -> Trade:
    """A copy of *trade*."""
    copy = _new(Trade)
    copy.trade_id = trade.trade_id
    copy.match_type = trade.match_type
    copy.taker_order_id = trade.taker_order_id
    copy.maker_order_id = trade.maker_order_id
    copy.taker_user_id = trade.taker_user_id
    copy.maker_user_id = trade.maker_user_id
    copy.symbol = trade.symbol
    copy.maker_symbol = trade.maker_symbol
    copy.side = trade.side
    copy.maker_side = trade.maker_side
    copy.price = trade.price
    copy.maker_price = trade.maker_price
    copy.quantity = trade.quantity
    copy.timestamp = trade.timestamp
    copy.taker_is_bid = trade.taker_is_bid
    copy.taker_fee = trade.taker_fee
    copy.maker_fee = trade.maker_fee
    return copy


def copy_balance(balance: Balance) -> Balance:
    """A copy of *balance*."""
    copy = _new(Balance)
    copy.user_id = balance.user_id
    copy.asset = balance.asset
    copy.available = balance.available
    copy.frozen = balance.frozen
    copy.version = balance.version
    return copy


def copy_entry(entry: LedgerEntry) -> LedgerEntry:
    """A copy of *entry*."""
    copy = _new(LedgerEntry)
    copy.source = entry.source
    copy.number = entry.number
    copy.line = entry.line
    copy.transaction = entry.transaction
    copy.holder = entry.holder
    copy.account = entry.account
    copy.asset = entry.asset
    copy.available = entry.available
    copy.frozen = entry.frozen
    copy.available_after = entry.available_after
    copy.frozen_after = entry.frozen_after
    copy.kind = entry.kind
    copy.reference = entry.reference
    copy.timestamp = entry.timestamp
    copy.correlation_id = entry.correlation_id
    return copy


def copy_event(event: Event) -> Event:
    """The event with a dictionary of its own; markets are frozen."""
    return attrs.evolve(event, markets=dict(event.markets))
