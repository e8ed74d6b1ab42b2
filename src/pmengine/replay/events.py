"""What a recording holds, whatever its format: orders coming, changing, going; prints; pictures."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import attrs

AMOUNT_DECIMALS: Final = 8
PRICE_DECIMALS: Final = 2

Level = tuple[int, int]
"""Price in cents, amount in 1e-8."""


class RecordingError(Exception):
    """A recording that cannot be read; the message says which, where, why and what to do."""


class OrderEventKind(enum.Enum):
    CREATED = "order_created"
    CHANGED = "order_changed"
    DELETED = "order_deleted"


# The three below are made tens of thousands of times a second: slotted and not frozen, and
# nobody mutates them.


@attrs.define
class OrderEvent:
    """
    One order at the venue, as it is after something happened to it.

    `time_ms` is when the event was received, `price` in cents, `amount` what remains in
    1e-8: 0 when the order was filled.
    """

    time_ms: int
    kind: OrderEventKind
    order_id: str
    is_bid: bool
    price: int
    amount: int


@attrs.define
class Print:
    """A trade as the venue reported it: price in cents, amount in 1e-8."""

    time_ms: int
    price: int
    amount: int
    print_id: str


@attrs.define
class Picture:
    """The venue's own view of its best levels at one moment, best first."""

    time_ms: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


Event = OrderEvent | Print | Picture

Reader = Callable[[Path], Iterator[Event]]
"""
Gives the events of a recording in arrival order, one at a time.

Raises `RecordingError` where the recording ends to be readable, after all events before it.
"""
