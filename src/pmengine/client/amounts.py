"""Prices, quantities and money: exact `Decimal`s here, plain decimal texts on the wire."""

from __future__ import annotations

from decimal import Decimal
from typing import TypeAlias

Amount: TypeAlias = Decimal | int | str
"""What the client takes for a price, a quantity or money; never a float, which is not exact."""


def to_decimal(amount: Amount, /) -> Decimal:
    """
    *amount* exactly.

    Raises:
        TypeError: It is a float, or no number at all.
        ValueError: It is a text that is no number, or none that is finite.
    """
    if isinstance(amount, bool) or not isinstance(amount, Decimal | int | str):
        raise TypeError(
            f"an amount is {amount!r}; give a Decimal, an int or a text such as '0.5', which are "
            "exact"
        )
    try:
        number = Decimal(amount)
    except ArithmeticError:
        raise ValueError(f"an amount is {amount!r}; it takes a number such as '0.5'") from None
    if not number.is_finite():
        raise ValueError(f"an amount is {amount!r}; it takes a finite number")
    return number


def to_optional_decimal(amount: Amount | None, /) -> Decimal | None:
    """The same where nothing may be said."""
    return None if amount is None else to_decimal(amount)


def to_text(amount: Amount, /) -> str:
    """
    The shortest plain decimal text of *amount*: `Decimal("1.50")` is `"1.5"`.

    Raises:
        TypeError: As for `to_decimal`.
        ValueError: Likewise.
    """
    text = format(to_decimal(amount), "f")
    if "." in text:
        text = text.rstrip("0").removesuffix(".")
    return "0" if text == "-0" else text
