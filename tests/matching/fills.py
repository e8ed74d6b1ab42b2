"""The fills of a ladder's last match, as a list."""

from __future__ import annotations

from pmengine.matching.contract import LadderContract


def fills_of(ladder: LadderContract) -> list[tuple[int, int, int]]:
    """Handle, lots and price of every fill of the last match, as they happened."""
    return [
        (ladder.fill_handle(index), ladder.fill_quantity(index), ladder.fill_price(index))
        for index in range(ladder.fill_count)
    ]
