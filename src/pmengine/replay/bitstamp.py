"""Reads the order flow of Bitstamp's public stream: `<receive time, ms> <kind> <JSON>` a line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Final, Literal

import msgspec

from pmengine.replay.events import (
    AMOUNT_DECIMALS,
    PRICE_DECIMALS,
    Event,
    Level,
    OrderEvent,
    OrderEventKind,
    Picture,
    Print,
    RecordingError,
)
from pmengine.replay.recording import read_lines
from pmstore.decimals import parse_decimal

_SHOWN_MAX: Final = 60
_DIGITS_MAX: Final = 18


class _Order(msgspec.Struct, gc=False):
    price: str
    amount: str
    id: int
    order_type: Literal[0, 1]


class _Trade(msgspec.Struct, gc=False):
    # The venue sends binary floats here: 1.7885566900000001 is 1.78855669.
    price: Decimal
    amount: Decimal
    id: int


class _Book(msgspec.Struct, gc=False):
    bids: list[tuple[str, str]]
    asks: list[tuple[str, str]]


_order = msgspec.json.Decoder(_Order).decode
_trade = msgspec.json.Decoder(_Trade).decode
_book = msgspec.json.Decoder(_Book).decode


def read_bitstamp(path: Path) -> Iterator[Event]:
    """
    The events of a Bitstamp recording, plain or xz, in arrival order, one at a time.

    A print's float is rounded to the nearest 1e-8; everything else is read exactly.

    Raises:
        RecordingError: A line that is not of this format, or a file that cannot be read.
    """
    empty = True
    for number, line in read_lines(path):
        empty = False
        try:
            time, kind, document = line.split(b" ", 2)
            make = _KINDS[kind]
            if not time.isdigit():
                raise ValueError("the receive time is not a whole number of milliseconds")
            yield make(int(time), document)
        except (KeyError, ValueError) as error:
            shown = line[:_SHOWN_MAX].decode("ascii", "backslashreplace")
            raise RecordingError(
                f"{path}: line {number} is no line of a Bitstamp recording: {_reason(error)}; "
                f"it begins {shown!r}, expected '<ms> <kind> <JSON>'"
            ) from error
    if empty:
        raise RecordingError(f"{path}: the file is empty; expected a recording of order flow")


def _reason(error: Exception) -> str:
    if isinstance(error, KeyError):
        known = ", ".join(kind.decode() for kind in _KINDS)
        return f"its kind is none of {known}"
    if "unpack" in str(error):
        return "it has fewer than three parts"
    return str(error)


def _order_event(kind: OrderEventKind) -> Callable[[int, bytes], Event]:
    def make(time_ms: int, document: bytes) -> Event:
        order = _order(document)
        return OrderEvent(
            time_ms,
            kind,
            str(order.id),
            order.order_type == 0,
            parse_decimal(order.price, PRICE_DECIMALS, "its price"),
            parse_decimal(order.amount, AMOUNT_DECIMALS, "its amount"),
        )

    return make


def _print(time_ms: int, document: bytes) -> Event:
    trade = _trade(document)
    return Print(
        time_ms,
        _rounded(trade.price, PRICE_DECIMALS),
        _rounded(trade.amount, AMOUNT_DECIMALS),
        str(trade.id),
    )


def _rounded(value: Decimal, decimals: int) -> int:
    if value.adjusted() >= _DIGITS_MAX - decimals:
        raise ValueError("a number is too large")
    return int(value.scaleb(decimals).to_integral_value(ROUND_HALF_EVEN))


def _picture(time_ms: int, document: bytes) -> Event:
    book = _book(document)
    return Picture(time_ms, _levels(book.bids), _levels(book.asks))


def _levels(pairs: list[tuple[str, str]]) -> tuple[Level, ...]:
    return tuple(
        [
            (
                parse_decimal(price, PRICE_DECIMALS, "its price"),
                parse_decimal(amount, AMOUNT_DECIMALS, "its amount"),
            )
            for price, amount in pairs
        ]
    )


_KINDS: Final[dict[bytes, Callable[[int, bytes], Event]]] = {
    **{kind.value.encode(): _order_event(kind) for kind in OrderEventKind},
    b"trade": _print,
    b"order_book": _picture,
}
