"""JSON -> changes, as our own batches carry them: all of one array in one call of msgspec."""

from __future__ import annotations

from collections.abc import Callable
from sys import intern
from typing import Any, Final

import msgspec

from pmstore.codec.balances import WireBalance, to_balance
from pmstore.codec.events import WireEvent, WireMarket, to_event, to_market
from pmstore.codec.json_text import READ_ERRORS, corrupt
from pmstore.codec.orders import WireOrder, WireSymbol, to_order, to_symbol
from pmstore.codec.trades import WireTrade, to_trade
from pmstore.models.changes import (
    Change,
    Counters,
    EventAdded,
    EventChanged,
    EventRemoved,
    GroupChanged,
    GroupFilled,
    MarketAdded,
    MarketChanged,
    MarketRemoved,
    MarketUpdateId,
    OrderCancelled,
    OrderCreated,
    OrderFilled,
    OrdersLeaving,
    OrderUpdated,
    Paused,
    Remembered,
    Restored,
    SessionChanged,
)
from pmstore.models.order import OrderType, SelfTrade, Side, TimeInForce


class WireEnd(msgspec.Struct, gc=False):
    """
    The end of an order as it is written.

    The source writes the first two fields alone: what it does not say is empty or 0, and
    quantities that are both 0 say nothing.
    """

    order_id: str
    symbol: WireSymbol
    user_id: str = ""
    version: int = 0
    filled_quantity: int = 0
    remaining_quantity: int = 0
    timestamp: int = 0
    spent: int = 0
    reason: str = ""


class WireUpdate(msgspec.Struct, gc=False):
    """A market's update as it is written; the source writes the first three fields alone."""

    event_id: int
    market_id: int
    update_id: int
    bids: tuple[tuple[int, int], ...] = ()
    asks: tuple[tuple[int, int], ...] = ()
    last_price: int = 0
    timestamp: int = 0
    cleared: bool = False


class WireRemembered(msgspec.Struct, gc=False):
    """A remembered outcome as it is written."""

    user_id: str
    kind: str
    id: str
    outcome: str
    order_id: str
    timestamp: int
    content: tuple[str | int | bool | None, ...] = ()
    correlation_id: str = ""
    repeat: bool = False


class WireMarketAdded(msgspec.Struct):
    """A new market as it is written."""

    event_id: int
    market: WireMarket


class WireFrequent(msgspec.Struct, gc=False):
    """
    One of the frequent changes as it is written: at most one of these is there.

    Apart from the rare ones, because each member that is not there costs time.
    """

    OrderCreated: WireOrder | None = None
    AccountChanged: WireBalance | None = None
    Remembered: WireRemembered | None = None
    MarketUpdateId: WireUpdate | None = None
    Traded: WireTrade | None = None
    OrderUpdated: WireOrder | None = None
    OrderFilled: WireEnd | None = None
    OrderCancelled: WireEnd | None = None
    Counters: Counters | None = None
    GroupFilled: GroupFilled | None = None
    SessionChanged: SessionChanged | None = None


class WireChange(WireFrequent, gc=False):
    """One change as it is written: exactly one of these is there, its name is the tag."""

    EventAdded: WireEvent | None = None
    EventChanged: EventChanged | None = None
    EventRemoved: int | None = None
    MarketAdded: WireMarketAdded | None = None
    MarketRemoved: MarketRemoved | None = None
    MarketChanged: MarketChanged | None = None
    OrdersLeaving: OrdersLeaving | None = None
    Paused: Paused | None = None
    GroupChanged: GroupChanged | None = None
    Restored: Restored | None = None


TAGS = frozenset(WireChange.__struct_fields__)
"""The names of all changes on the wire."""

_WORDS_MAX: Final = 1_024
_words: Final[dict[str, str]] = {
    word.value: word.value for words in (Side, OrderType, TimeInForce, SelfTrade) for word in words
}
"""Texts of which there are few, each one object: millions of outcomes are kept for a day."""
_known: Final[Callable[[Any, Any], Any]] = _words.get

_decoder: Final = msgspec.json.Decoder(list[WireChange])


def to_remembered(wire: WireRemembered) -> Remembered:
    """The outcome that was written."""
    return Remembered(
        intern(wire.user_id),
        _words.get(wire.kind) or _new_word(wire.kind),
        wire.id,
        _words.get(wire.outcome) or _new_word(wire.outcome),
        wire.order_id,
        wire.timestamp,
        tuple(map(_known, wire.content, wire.content)),
        wire.correlation_id,
        wire.repeat,
    )


def _new_word(word: str) -> str:
    return _words.setdefault(word, word) if len(_words) < _WORDS_MAX else word


def decode_changes(payload: bytes, where: str) -> list[Change]:
    """
    The changes in a JSON array, as `encode_changes` writes it.

    Raises:
        CorruptData: It is none, or holds a change that this release does not know; says what
            and *where*.
    """
    try:
        return [to_change(wire) for wire in _decoder.decode(payload)]
    except READ_ERRORS as error:
        raise corrupt(error, "an array of changes", where) from error


def to_change(wire: WireChange) -> Change:
    """
    The change that was written.

    Raises:
        ValueError: None of the known tags is there, or an event contradicts itself.
    """
    change = to_frequent(wire)
    return _rare(wire) if change is None else change


def to_frequent(wire: WireFrequent) -> Change | None:
    """The change that was written, None for a rare one; tried by how often they come."""
    if (created := wire.OrderCreated) is not None:
        return OrderCreated(to_order(created))
    if (balance := wire.AccountChanged) is not None:
        return to_balance(balance)
    if (memory := wire.Remembered) is not None:
        return to_remembered(memory)
    if (update := wire.MarketUpdateId) is not None:
        return MarketUpdateId(
            update.event_id,
            update.market_id,
            update.update_id,
            update.bids,
            update.asks,
            update.last_price,
            update.timestamp,
            update.cleared,
        )
    if (trade := wire.Traded) is not None:
        return to_trade(trade)
    if (updated := wire.OrderUpdated) is not None:
        return OrderUpdated(to_order(updated))
    if (filled := wire.OrderFilled) is not None:
        return _end(OrderFilled, filled)
    if (cancelled := wire.OrderCancelled) is not None:
        return _end(OrderCancelled, cancelled)
    return wire.Counters or wire.GroupFilled or wire.SessionChanged


def _end(
    kind: type[OrderFilled] | type[OrderCancelled], wire: WireEnd
) -> OrderFilled | OrderCancelled:
    return kind(
        wire.order_id,
        to_symbol(wire.symbol),
        wire.user_id,
        wire.version,
        wire.filled_quantity,
        wire.remaining_quantity,
        wire.timestamp,
        wire.spent,
        wire.reason,
    )


def _rare(wire: WireChange) -> Change:
    if wire.EventAdded is not None:
        return EventAdded(to_event(wire.EventAdded))
    if wire.EventRemoved is not None:
        return EventRemoved(wire.EventRemoved)
    if wire.MarketAdded is not None:
        return MarketAdded(wire.MarketAdded.event_id, to_market(wire.MarketAdded.market))
    change = (
        wire.EventChanged
        or wire.MarketRemoved
        or wire.MarketChanged
        or wire.OrdersLeaving
        or wire.Paused
        or wire.GroupChanged
        or wire.Restored
    )
    if change is None:
        raise ValueError("none of its tags is a known change; a newer release may have written it")
    return change
