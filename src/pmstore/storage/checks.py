"""Which values a store may hold."""

from __future__ import annotations

from pmstore.errors import InvalidRecord
from pmstore.models.balance import Balance
from pmstore.models.ledger import LedgerEntry
from pmstore.models.market import Event
from pmstore.models.order import Order, OrderStatus, OrderType, SelfTrade, Side, TimeInForce
from pmstore.models.symbol import Symbol
from pmstore.models.trade import Trade
from pmstore.models.units import FEE_EXACT_MAX, INTEGER_MAX, is_id


def check_order(order: Order) -> None:
    """
    Refuse an order that no store may hold; its user and symbol are checked apart.

    Raises:
        InvalidRecord: A malformed id or text, or an integer outside 0..2^63-1; an exact fee
            outside 0..`FEE_EXACT_MAX`; a value of another type.
    """
    expires = order.expires_at_ms
    # Stores write what they are given: a boolean for a number, or a word for a member of an
    # enum, would come back as something else, or not at all.
    whole = (
        int
        is type(order.quantity)
        is type(order.price)
        is type(order.filled_quantity)
        is type(order.remaining_quantity)
        is type(order.timestamp)
        is type(order.order_num)
        is type(order.version)
        is type(order.volume)
        is type(order.spent)
        is type(order.fee_paid)
        is type(order.fee_exact)
    ) and (expires is None or type(expires) is int)
    named = (
        type(order.side) is Side
        and type(order.order_type) is OrderType
        and type(order.status) is OrderStatus
        and type(order.time_in_force) is TimeInForce
        and type(order.self_trade) is SelfTrade
        and type(order.post_only) is bool
    )
    if not named:
        raise InvalidRecord(
            f"order {order.id!r} has a value that is no member of its enum, or a post_only that "
            f"is no boolean: {order!r}"
        )
    try:
        # No bit above the 63rd in any of them, and no sign: one comparison for all.
        bits = (
            order.quantity
            | order.price
            | order.filled_quantity
            | order.remaining_quantity
            | order.timestamp
            | order.order_num
            | order.version
            | order.volume
            | order.spent
            | order.fee_paid
            | (0 if expires is None else expires)
        )
        fits = whole and 0 <= bits <= INTEGER_MAX and 0 <= order.fee_exact <= FEE_EXACT_MAX
    except TypeError:
        fits = False
    if not fits:
        raise InvalidRecord(
            f"order {order.id!r} has a number outside 0..2^63-1 (fee_exact: 10^10 times as much): "
            f"{order!r}"
        )
    if not is_id(order.id):
        check_ids("order", order.id)
    if order.client_order_id is not None:
        check_ids("order's client_order_id", order.client_order_id)
    if order.group is not None:
        check_ids("order's group", order.group)
    if order.session is not None:
        check_ids("order's session", order.session)


def check_ids(owner: str, *ids: str) -> None:
    """Refuse anything that is not 1..255 bytes of UTF-8 without control characters."""
    for text in ids:
        if not is_id(text):
            raise InvalidRecord(
                f"{owner}: {text!r} is not 1..255 bytes of UTF-8 without control characters"
            )


def check_integers(owner: str, *numbers: int) -> None:
    """Refuse anything that is not an integer of 0..2^63-1."""
    for number in numbers:
        if type(number) is not int or not 0 <= number <= INTEGER_MAX:
            raise InvalidRecord(f"{owner}: {number!r} is not an integer of 0..2^63-1")


def check_symbol(symbol: Symbol) -> None:
    """Refuse a symbol that no store may hold."""
    check_integers("symbol", symbol.event_id, symbol.market_id)
    check_ids("symbol's token", symbol.token_id)


def check_trade(trade: Trade) -> None:
    """Refuse a trade that no store may hold; symbols are checked by `check_symbol`."""
    check_integers(
        f"trade {trade.trade_id!r}",
        trade.trade_id,
        trade.price,
        trade.maker_price,
        trade.quantity,
        trade.timestamp,
        trade.taker_fee,
        trade.maker_fee,
    )
    check_ids(
        f"trade {trade.trade_id!r}",
        trade.taker_order_id,
        trade.maker_order_id,
        trade.taker_user_id,
        trade.maker_user_id,
    )


def check_balance(balance: Balance) -> None:
    """Refuse a balance that no store may hold; a transit account's cash may be below zero."""
    owner = f"balance of {balance.user_id!r} in {balance.asset!r}"
    check_ids(owner, balance.user_id, balance.asset)
    check_integers(owner, abs(balance.available), abs(balance.frozen), balance.version)


def check_entry(entry: LedgerEntry) -> None:
    """
    Refuse a line of the ledger that no store may hold; its ids are checked apart.

    Raises:
        InvalidRecord: Amounts outside -(2^63-1)..2^63-1, or another integer outside 0..2^63-1.
    """
    available, frozen = entry.available_after, entry.frozen_after
    try:
        # No bit above the 63rd in any of them: one comparison for all.
        bits = (
            entry.number
            | entry.line
            | entry.transaction
            | entry.timestamp
            | abs(entry.available)
            | abs(entry.frozen)
            | (0 if available is None else abs(available))
            | (0 if frozen is None else abs(frozen))
        )
        fits = 0 <= bits <= INTEGER_MAX
    except TypeError:
        fits = False
    if not fits:
        raise InvalidRecord(f"a line of the ledger has a number beyond 2^63-1: {entry!r}")


def check_event(event: Event, version: int) -> None:
    """Refuse an event that no store may hold."""
    owner = f"event {event.event_id!r}"
    check_integers(owner, event.event_id, version)
    if event.end_date_ms is not None:
        check_integers(owner, event.end_date_ms)
    for market_id, market in event.markets.items():
        check_integers(owner, market_id, market.market_id, market.tick_size)
        check_integers(owner, market.update_id, market.last_price, *(market.payouts or ()))
        check_ids(owner, *market.token_ids)
        if market.fees is not None:
            check_integers(owner, market.fees.maker_ppm, market.fees.taker_ppm)
