"""What the engine needs of a ladder; the fast and the naive one both keep it."""

from __future__ import annotations

from typing import Final

from pmengine.matching.arrays import i64

NOBODY: Final = 0
"""The owner whose orders never meet their own."""


class LadderContract:
    """
    One price-time queue per price, bids and asks.

    Prices are any positive 64-bit integers, quantities positive lots, of which the sum of a
    side fits in 64 bits. A handle names a resting order until it is gone; afterwards the
    number is given out again, so that no handle is as large as the most orders that ever
    rested at once. The caller keeps the ladder uncrossed: match first, then add what is left.

    What `match` took stays here to be asked for until the next `match`. A class and no Protocol:
    compiled, calls through it are native; each verb is for the ladder that extends it to keep.
    """

    __slots__ = ("fill_count", "met_own")

    def __init__(self) -> None:
        self.fill_count: i64 = 0
        """How many orders the last `match` took from."""
        self.met_own: bool = False
        """Whether the last `match` ended because it met an order of the taker's owner."""

    def add(self, is_bid: bool, price: i64, quantity: i64, owner: i64 = NOBODY) -> i64:
        """Rest an order behind all others at its price; its handle."""
        raise NotImplementedError

    def cancel(self, handle: i64) -> i64:
        """Take an order off the ladder; the lots it still had."""
        raise NotImplementedError

    def amend(self, handle: i64, quantity: i64) -> None:
        """Set what remains of an order to a smaller positive quantity; it keeps its place."""
        raise NotImplementedError

    def match(self, is_bid: bool, price: i64, quantity: i64, owner: i64 = NOBODY) -> i64:
        """
        Take up to *quantity* from the other side at *price* or better, best price first and
        oldest first, ending before the first order of *owner*; the lots that are left.

        Filled makers are gone. Cost: O(1) for each of them, and no object is made.
        """
        raise NotImplementedError

    def fill_handle(self, index: i64) -> i64:
        """The maker of a fill of the last `match`; fills are numbered from 0 as they happened."""
        raise NotImplementedError

    def fill_quantity(self, index: i64) -> i64:
        """The lots that the maker of a fill gave."""
        raise NotImplementedError

    def fill_price(self, index: i64) -> i64:
        """The price of the level on which a fill happened."""
        raise NotImplementedError

    def fillable(
        self,
        is_bid: bool,
        price: i64,
        quantity: i64,
        owner: i64 = NOBODY,
        skip_own: bool = False,
    ) -> i64:
        """
        How many of *quantity* lots `match` would take, without touching anything.

        With *skip_own*: how many if the orders of *owner* stepped aside, instead of ending
        the walk. Where all orders that cross have less than *quantity*, the owner's own
        among them, the answer is what they have: it is not enough either way, and the
        orders need not be looked at one by one.
        """
        raise NotImplementedError

    def best(self, is_bid: bool) -> i64:
        """The best price of a side, 0 if it is empty."""
        raise NotImplementedError

    def first(self, is_bid: bool) -> i64:
        """The handle of the oldest order at the best price of a side, -1 if it is empty."""
        raise NotImplementedError

    def next(self, handle: i64) -> i64:
        """The handle of the order that a taker meets after this one, -1 after the last."""
        raise NotImplementedError

    def quantity_at(self, is_bid: bool, price: i64) -> i64:
        """All lots resting at *price* on a side, 0 if none."""
        raise NotImplementedError

    def levels(self, is_bid: bool, limit: i64) -> list[tuple[int, int]]:
        """Up to *limit* (price, lots) of a side, best first."""
        raise NotImplementedError

    def remaining(self, handle: i64) -> i64:
        """The lots that a resting order still has."""
        raise NotImplementedError

    def __len__(self) -> int:
        """How many orders rest."""
        raise NotImplementedError
