"""Ladders that answer a match with one tuple, until the engine asks for each fill."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from pmengine.matching import contract, ladder, naive_ladder
from pmengine.matching.contract import NOBODY

Fill = tuple[int, int, int]
"""Handle of the maker, lots taken from it, and the price of its level."""


class Match(NamedTuple):
    """What a taker got: its fills in order, the lots left, and whether it met its own."""

    fills: list[Fill]
    rest: int
    own: bool


class LadderContract(Protocol):
    """The verbs of `contract.LadderContract`, of which `match` answers all at once."""

    def add(self, is_bid: bool, price: int, quantity: int, owner: int = NOBODY) -> int: ...
    def cancel(self, handle: int) -> int: ...
    def amend(self, handle: int, quantity: int) -> None: ...
    def match(self, is_bid: bool, price: int, quantity: int, owner: int = NOBODY) -> Match: ...
    def fillable(self, is_bid: bool, price: int, quantity: int, owner: int = NOBODY) -> int: ...
    def best(self, is_bid: bool) -> int: ...
    def first(self, is_bid: bool) -> int: ...
    def quantity_at(self, is_bid: bool, price: int) -> int: ...
    def levels(self, is_bid: bool, limit: int) -> list[tuple[int, int]]: ...
    def remaining(self, handle: int) -> int: ...
    def __len__(self) -> int: ...


class _Answering:
    def __init__(self, inner: contract.LadderContract) -> None:
        self.add = inner.add
        self.cancel = inner.cancel
        self.amend = inner.amend
        self.fillable = inner.fillable
        self.best = inner.best
        self.first = inner.first
        self.quantity_at = inner.quantity_at
        self.levels = inner.levels
        self.remaining = inner.remaining
        self._inner = inner

    def match(self, is_bid: bool, price: int, quantity: int, owner: int = NOBODY) -> Match:
        inner = self._inner
        rest = inner.match(is_bid, price, quantity, owner)
        fills = [
            (inner.fill_handle(index), inner.fill_quantity(index), inner.fill_price(index))
            for index in range(inner.fill_count)
        ]
        return Match(fills, rest, inner.met_own)

    def __len__(self) -> int:
        return len(self._inner)


class Ladder(_Answering):
    """The fast ladder."""

    def __init__(self) -> None:
        super().__init__(ladder.Ladder())


class NaiveLadder(_Answering):
    """The obviously right ladder."""

    def __init__(self) -> None:
        super().__init__(naive_ladder.NaiveLadder())
