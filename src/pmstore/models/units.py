"""The units and bounds of everything traded: one place that edge, engine and models read."""

from typing import Final

PAYOUT: Final = 10_000
"""Ticks in the payout of one share, and micros that one lot of a Yes/No pair costs."""

PRICE_MIN: Final = 10
PRICE_MAX: Final = 9_990
QUANTITY_MAX: Final = 10**12
MONEY_MAX: Final = 9 * 10**18
FEE_PPM_MAX: Final = 100_000
INTEGER_MAX: Final = 2**63 - 1
"""The largest integer of any model but for exact fees; every backend keeps it exactly."""
FEE_EXACT_MAX: Final = INTEGER_MAX * 10**10
"""The largest exact fee that a store keeps: the largest sum of money, in 10^-10 micros."""

PRICE_DECIMALS: Final = 4
QUANTITY_DECIMALS: Final = 2
MONEY_DECIMALS: Final = 6

ID_BYTES_MAX: Final = 255
CASH: Final = "cash"
"""The asset name of the collateral; every other asset is a token id."""


def is_id(text: object) -> bool:
    """Whether *text* is an id: 1..255 bytes of UTF-8 without control characters."""
    if not isinstance(text, str) or not text:
        return False
    if text.isascii():
        return len(text) <= ID_BYTES_MAX and text.isprintable()
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        return False
    return size <= ID_BYTES_MAX and not any(
        ord(char) < 0x20 or 0x7F <= ord(char) < 0xA0 for char in text
    )
