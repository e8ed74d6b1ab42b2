"""JSON strings for the formatted templates of the hot path."""

from __future__ import annotations

from collections.abc import Callable
from json.encoder import encode_basestring
from typing import Any, Final

import msgspec

from pmstore.errors import CorruptData, InvalidRecord
from pmstore.models.symbol import Symbol

quote: Final[Callable[[str], str]] = encode_basestring
"""A text as a JSON string, quotes included; the standard library's own C function (60 ns)."""

_encode: Final = msgspec.json.Encoder().encode

_CACHED_MAX = 65_536
_symbol_texts: dict[str, tuple[Symbol, str]] = {}

READ_ERRORS: Final = (msgspec.MsgspecError, ValueError, OverflowError, RecursionError)
"""What reading foreign bytes can raise; always turned into `CorruptData`."""


def symbol_text(symbol: Symbol) -> str:
    """A symbol as JSON; remembered, because every order and trade of a token repeats it."""
    known = _symbol_texts.get(symbol.token_id)
    if known is not None and (known[0] is symbol or known[0] == symbol):
        return known[1]
    if len(_symbol_texts) >= _CACHED_MAX:
        _symbol_texts.clear()
    text = (
        f'{{"event_id":{symbol.event_id},"market_id":{symbol.market_id}'
        f',"token_id":{quote(symbol.token_id)}}}'
    )
    _symbol_texts[symbol.token_id] = (symbol, text)
    return text


def utf8(text: str) -> bytes:
    """
    The bytes of *text*.

    Raises:
        InvalidRecord: It holds half a surrogate pair, which no UTF-8 can carry.
    """
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        part = text[max(0, error.start - 20) : error.end + 20]
        message = f"text that is not Unicode, near {part!r}; send whole characters"
        raise InvalidRecord(message) from error


def plain_text(value: Any) -> str:
    """
    Anything made of plain values as JSON.

    Raises:
        InvalidRecord: It holds half a surrogate pair, or what JSON cannot carry.
    """
    try:
        return _encode(value).decode()
    except (msgspec.MsgspecError, UnicodeEncodeError, OverflowError, TypeError) as error:
        raise InvalidRecord(f"{repr(value)[:80]} cannot be written: {error}") from error


def large(written: int | str) -> int:
    """
    An integer that is a number or, beyond what every reader keeps exactly, a string of digits.

    Raises:
        ValueError: A string of anything but decimal digits.
    """
    if isinstance(written, int):
        return written
    if not (written.isascii() and written.isdigit()):
        raise ValueError(f"{written[:40]!r} is no integer")
    return int(written)


def corrupt(error: Exception, what: str, where: str) -> CorruptData:
    """The error that says what could not be read, where, and why."""
    if isinstance(error, CorruptData):
        return error
    reason = str(error) or type(error).__name__
    return CorruptData(f"this is not {what}: {reason}", where=where)
