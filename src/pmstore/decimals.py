"""Exact decimal strings of the edge <-> the integer units inside."""

from __future__ import annotations

import re
from typing import Final

from pmstore.errors import InvalidRecord
from pmstore.models.units import INTEGER_MAX

_FORM: Final = re.compile(r"(0|[1-9][0-9]{0,18})(?:\.([0-9]{1,18}))?")
_SHOWN_MAX: Final = 40


def parse_decimal(text: str, decimals: int, what: str) -> int:
    """
    The integer of units that *text* says exactly: `"0.5"` with 4 decimals is 5000.

    Nothing is rounded. A sign, an exponent, a space, a leading zero, a missing digit on
    either side of the point, and more than *decimals* digits after it are refused, zeros
    too: `"0.50000"` is no price.

    Args:
        decimals: Digits that one unit has after the point, 0 or more.
        what: What is being read, for the error.

    Raises:
        InvalidRecord: It is no such decimal, or beyond 2^63-1 units.
    """
    match = _FORM.fullmatch(text)
    if match is None:
        shown = text if len(text) <= _SHOWN_MAX else text[:_SHOWN_MAX] + "…"
        raise InvalidRecord(f'{what} is {shown!r}; send a plain decimal such as "0.5" or "12"')
    whole, fraction = match[1], match[2] or ""
    if len(fraction) > decimals:
        raise InvalidRecord(
            f"{what} is {text!r} with {len(fraction)} digits after the point; it takes {decimals}"
        )
    value = int(whole + fraction.ljust(decimals, "0"))
    if value > INTEGER_MAX:
        raise InvalidRecord(f"{what} is {text!r}; it takes at most {_most(decimals)}")
    return value


def format_decimal(value: int, decimals: int) -> str:
    """The shortest decimal string of *value* units: 5000 with 4 decimals is `"0.5"`."""
    sign, size = ("-", -value) if value < 0 else ("", value)
    if decimals == 0:
        return f"{sign}{size}"
    whole, fraction = divmod(size, 10**decimals)
    digits = f"{fraction:0{decimals}d}".rstrip("0")
    return f"{sign}{whole}.{digits}" if digits else f"{sign}{whole}"


def _most(decimals: int) -> str:
    return format_decimal(INTEGER_MAX, decimals)
