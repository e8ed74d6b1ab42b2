"""Decimal strings say whole units exactly, or are refused."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmstore.decimals import format_decimal, parse_decimal
from pmstore.errors import InvalidRecord
from pmstore.models.units import (
    INTEGER_MAX,
    MONEY_DECIMALS,
    PRICE_DECIMALS,
    QUANTITY_DECIMALS,
)


@given(st.integers(0, INTEGER_MAX), st.integers(0, 9))
def test_what_is_formatted_is_parsed_to_the_same(value: int, decimals: int) -> None:
    text = format_decimal(value, decimals)
    assert parse_decimal(text, decimals, "amount") == value
    assert Decimal(text).scaleb(decimals) == value


@pytest.mark.parametrize(
    ("text", "decimals", "value"),
    [
        ("0.5", PRICE_DECIMALS, 5000),
        ("0.5000", PRICE_DECIMALS, 5000),
        ("0.0001", PRICE_DECIMALS, 1),
        ("0", PRICE_DECIMALS, 0),
        ("0.0", PRICE_DECIMALS, 0),
        ("1.00", QUANTITY_DECIMALS, 100),
        ("3", MONEY_DECIMALS, 3_000_000),
        ("7", 0, 7),
        ("9223372036854.775807", MONEY_DECIMALS, INTEGER_MAX),
    ],
)
def test_a_decimal_is_its_units(text: str, decimals: int, value: int) -> None:
    assert parse_decimal(text, decimals, "price") == value


@pytest.mark.parametrize(
    "text",
    [
        "", "-", "-1", "+1", " 1", "1 ", "1\n", ".5", "1.", ".", "1e3", "1E3", "0x1", "1_0", "1,5",
        "00", "01", "00.5", "nan", "inf", "٥", "0.٥", "1.2.3", "½", "9" * 100_000,
    ],
)  # fmt: skip
def test_what_is_no_plain_decimal_is_refused(text: str) -> None:
    with pytest.raises(InvalidRecord, match=r"^price is .*send a plain decimal") as refusal:
        parse_decimal(text, PRICE_DECIMALS, "price")
    assert len(str(refusal.value)) < 200


@pytest.mark.parametrize(("text", "decimals"), [("0.50000", 4), ("1.000", 2), ("1.0", 0)])
def test_too_many_digits_are_refused_and_not_rounded(text: str, decimals: int) -> None:
    with pytest.raises(InvalidRecord, match=rf"digits after the point; it takes {decimals}"):
        parse_decimal(text, decimals, "price")


def test_more_than_an_integer_holds_is_refused() -> None:
    with pytest.raises(InvalidRecord, match=r"at most 9223372036854\.775807"):
        parse_decimal("9223372036854.775808", MONEY_DECIMALS, "amount")


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (5000, 4, "0.5"),
        (1, 4, "0.0001"),
        (10_000, 4, "1"),
        (0, 4, "0"),
        (100, 2, "1"),
        (125, 2, "1.25"),
        (-125, 2, "-1.25"),
        (-1, 6, "-0.000001"),
        (12, 0, "12"),
    ],
)
def test_units_are_their_shortest_decimal(value: int, decimals: int, text: str) -> None:
    assert format_decimal(value, decimals) == text
