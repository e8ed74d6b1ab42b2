"""Orders and symbols <-> JSON, in the dialect of the snapshot file and of `store_stream`."""

from __future__ import annotations

from sys import intern
from typing import Final

import msgspec

from pmstore.codec.json_text import (
    READ_ERRORS,
    corrupt,
    large,
    quote,
    symbol_text,
    utf8,
)
from pmstore.codec.later_dialect import translate_order
from pmstore.models.order import Order, OrderStatus, OrderType, SelfTrade, Side, TimeInForce
from pmstore.models.symbol import Symbol

_SYMBOLS_MAX = 65_536
_NUMBER_MAX: Final = 2**53
_GTC: Final = TimeInForce.GTC
_CANCEL_TAKER: Final = SelfTrade.CANCEL_TAKER


class WireSymbol(msgspec.Struct, frozen=True, cache_hash=True, gc=False):
    """A symbol as it is written."""

    event_id: int
    market_id: int
    token_id: str


class WireOrder(msgspec.Struct, gc=False):
    """
    An order as it is written.

    A struct of its own, because msgspec fills an attrs class with many defaults six
    times slower than this and `to_order` together.
    """

    id: str
    symbol: WireSymbol
    side: Side
    order_type: OrderType
    quantity: int
    price: int
    status: OrderStatus
    filled_quantity: int
    remaining_quantity: int
    timestamp: int
    user_id: str
    order_num: int
    version: int = 0
    time_in_force: TimeInForce = _GTC
    expires_at_ms: int | None = None
    post_only: bool = False
    client_order_id: str | None = None
    volume: int = 0
    spent: int = 0
    self_trade: SelfTrade = _CANCEL_TAKER
    group: str | None = None
    session: str | None = None
    fee_exact: int | str = 0
    fee_paid: int = 0


_decoder: Final = msgspec.json.Decoder(WireOrder)
_symbols: dict[WireSymbol, Symbol] = {}


def to_symbol(wire: WireSymbol) -> Symbol:
    """The symbol; equal ones are one object, as long as there are not too many."""
    symbol = _symbols.get(wire)
    if symbol is None:
        if len(_symbols) >= _SYMBOLS_MAX:
            _symbols.clear()
        symbol = _symbols[wire] = Symbol(wire.event_id, wire.market_id, wire.token_id)
    return symbol


def to_order(wire: WireOrder) -> Order:
    """
    The order that was written.

    Raises:
        ValueError: An exact fee in letters.
    """
    exact = wire.fee_exact
    return Order(
        wire.id,
        _symbols.get(wire.symbol) or to_symbol(wire.symbol),
        wire.side,
        wire.order_type,
        wire.quantity,
        wire.price,
        wire.status,
        wire.filled_quantity,
        wire.remaining_quantity,
        wire.timestamp,
        intern(wire.user_id),  # one object, and hashed once, in everything that names the user
        wire.order_num,
        wire.version,
        wire.time_in_force,
        wire.expires_at_ms,
        wire.post_only,
        wire.client_order_id,
        wire.volume,
        wire.spent,
        wire.self_trade,
        wire.group,
        wire.session,
        exact if type(exact) is int else large(exact),
        wire.fee_paid,
    )


def order_text(order: Order) -> str:
    """The order as JSON: the twelve keys of the source, then ours where not the default."""
    text = (
        f'{{"id":{quote(order.id)},"symbol":{symbol_text(order.symbol)}'
        f',"side":"{order.side._value_}","order_type":"{order.order_type._value_}"'
        f',"quantity":{order.quantity},"price":{order.price},"status":"{order.status._value_}"'
        f',"filled_quantity":{order.filled_quantity}'
        f',"remaining_quantity":{order.remaining_quantity},"timestamp":{order.timestamp}'
        f',"user_id":{quote(order.user_id)},"order_num":{order.order_num}'
    )
    if order.version:
        text += f',"version":{order.version}'
    if order.time_in_force is not _GTC:
        text += f',"time_in_force":"{order.time_in_force._value_}"'
    if order.expires_at_ms is not None:
        text += f',"expires_at_ms":{order.expires_at_ms}'
    if order.post_only:
        text += ',"post_only":true'
    if order.client_order_id is not None:
        text += f',"client_order_id":{quote(order.client_order_id)}'
    if order.volume:
        text += f',"volume":{order.volume}'
    if order.spent:
        text += f',"spent":{order.spent}'
    if order.self_trade is not _CANCEL_TAKER:
        text += f',"self_trade":"{order.self_trade._value_}"'
    if order.group is not None:
        text += f',"group":{quote(order.group)}'
    if order.session is not None:
        text += f',"session":{quote(order.session)}'
    exact = order.fee_exact
    if exact:
        # Beyond 2^53 in digits: not every reader keeps such a number exactly.
        text += f',"fee_exact":{exact}' if exact <= _NUMBER_MAX else f',"fee_exact":"{exact}"'
    if order.fee_paid:
        text += f',"fee_paid":{order.fee_paid}'
    return text + "}"


def encode_order(order: Order) -> bytes:
    """
    The order as a JSON document.

    Raises:
        InvalidRecord: Text that is not Unicode.
    """
    return utf8(order_text(order))


def decode_order(payload: bytes | msgspec.Raw, where: str) -> Order:
    """
    The order in a JSON document of either dialect; unknown fields are ignored.

    An order without `version` has version 0.

    Raises:
        CorruptData: It is no order; says what is wrong and *where*.
    """
    try:
        return to_order(_decoder.decode(payload))
    except msgspec.ValidationError:
        pass
    except READ_ERRORS as error:
        raise corrupt(error, "an order", where) from error
    try:
        return to_order(msgspec.convert(translate_order(msgspec.json.decode(payload)), WireOrder))
    except READ_ERRORS as error:
        raise corrupt(error, "an order", where) from error
