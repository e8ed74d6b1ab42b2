"""What the engine needs of a ladder; the fast and the naive one both keep it."""

from __future__ import annotations

from typing import NamedTuple, Protocol

NOBODY = 0
"""The owner whose orders never meet their own."""

Fill = tuple[int, int, int]
"""Handle of the maker, lots taken from it, and the price of its level."""


class Match(NamedTuple):
    """
    What a taker got.

    `fills` in the order in which they happened; `rest` the lots not taken; `own` whether
    the walk ended because it met an order of the taker's owner.
    """

    fills: list[Fill]
    rest: int
    own: bool


class LadderContract(Protocol):
    """
    One price-time queue per price, bids and asks.

    Prices are any positive 64-bit integers, quantities positive lots. A handle names a
    resting order until it is gone; afterwards the number is given out again. The caller
    keeps the ladder uncrossed: match first, then add what is left.
    """

    def add(self, is_bid: bool, price: int, quantity: int, owner: int = NOBODY) -> int:
        """Rest an order behind all others at its price; its handle."""
        ...

    def cancel(self, handle: int) -> int:
        """Take an order off the ladder; the lots it still had."""
        ...

    def amend(self, handle: int, quantity: int) -> None:
        """Set what remains of an order to a smaller positive quantity; it keeps its place."""
        ...

    def match(self, is_bid: bool, price: int, quantity: int, owner: int = NOBODY) -> Match:
        """
        Take up to *quantity* from the other side at *price* or better, best price first and
        oldest first, ending before the first order of *owner*. Filled makers are gone.
        """
        ...

    def fillable(self, is_bid: bool, price: int, quantity: int, owner: int = NOBODY) -> int:
        """How many of *quantity* lots `match` would take, without touching anything."""
        ...

    def best(self, is_bid: bool) -> int:
        """The best price of a side, 0 if it is empty."""
        ...

    def first(self, is_bid: bool) -> int:
        """The handle of the oldest order at the best price of a side, -1 if it is empty."""
        ...

    def quantity_at(self, is_bid: bool, price: int) -> int:
        """All lots resting at *price* on a side, 0 if none."""
        ...

    def levels(self, is_bid: bool, limit: int) -> list[tuple[int, int]]:
        """Up to *limit* (price, lots) of a side, best first."""
        ...

    def remaining(self, handle: int) -> int:
        """The lots that a resting order still has."""
        ...

    def __len__(self) -> int:
        """How many orders rest."""
        ...
