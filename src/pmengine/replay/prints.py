"""Compares the engine's fills with the trades that the venue printed."""

from __future__ import annotations

import enum
from collections import Counter, deque
from collections.abc import Iterable
from typing import Final

import attrs

from pmengine.replay.events import Print
from pmengine.replay.fills import Fill
from pmstore import PRICE_MAX, PRICE_MIN

LAG_MS_MAX: Final = 5_000
"""A print and a fill that are further apart are not the same trade."""

ONE_COIN: Final = 10**8


class Miss(enum.Enum):
    """Why a print has no equal fill, or a fill no equal print."""

    OFF_GRID = "the print's price is outside the grid"
    ONE_CENT = "same price, amounts one cent's worth apart (the rest of a market buy's budget)"
    OTHER_AMOUNT = "same price, another amount"
    ALONE = "nothing at that price at that time (hidden order, or one that we lack)"


@attrs.frozen(kw_only=True)
class Unmatched:
    """A print without its fill or a fill without its print; price in ticks, amounts in lots."""

    time_ms: int
    price: int
    amount: int
    other_amount: int | None
    cause: Miss


@attrs.frozen(kw_only=True)
class PrintReport:
    """
    How fills and prints agree.

    Attributes:
        matched: Prints with a fill of exactly their price and amount.
        matched_older: Those of them in which an order older than the recording took part.
        missed: Prints without one.
        extra: Fills that no print equals.
    """

    prints: int
    fills: int
    matched: int
    matched_older: int
    missed: tuple[Unmatched, ...]
    extra: tuple[Unmatched, ...]

    @property
    def explained(self) -> float:
        """Share of the prints that are matched exactly, 0..1; 1 if there are none."""
        return self.matched / self.prints if self.prints else 1.0


class PrintComparison:
    """
    Pairs each print with the oldest waiting fill of its price and amount, one to one.

    Args:
        price_offset: Cents that are taken off a print's price to make ticks.
        older: Ids of the orders older than the recording.
    """

    def __init__(self, price_offset: int, older: Iterable[str]) -> None:
        self._offset = price_offset
        self._older = frozenset(older)
        self._fills = 0
        self._prints = 0
        self._matched = 0
        self._matched_older = 0
        self._waiting_fills: dict[tuple[int, int], deque[Fill]] = {}
        self._waiting_prints: dict[tuple[int, int], deque[Print]] = {}

    def add_fill(self, fill: Fill) -> None:
        """Take in a fill of ours; in the order of time."""
        self._fills += 1
        key = (fill.price, fill.quantity)
        waiting = self._waiting_prints.get(key)
        for one in waiting or ():
            if fill.time_ms - one.time_ms <= LAG_MS_MAX:
                assert waiting is not None
                waiting.remove(one)
                self._match(fill)
                return
        self._waiting_fills.setdefault(key, deque()).append(fill)

    def add_print(self, event: Print) -> None:
        """Take in a print of the venue; in the order of time."""
        self._prints += 1
        key = (event.price - self._offset, event.amount)
        waiting = self._waiting_fills.get(key)
        for one in waiting or ():
            if event.time_ms - one.time_ms <= LAG_MS_MAX:
                assert waiting is not None
                waiting.remove(one)
                self._match(one)
                return
        self._waiting_prints.setdefault(key, deque()).append(event)

    def report(self) -> PrintReport:
        """How all that was taken in agrees; what is left over is paired by price and time."""
        prints = [
            (one.time_ms, one.price - self._offset, one.amount) for one in self._left_prints()
        ]
        fills = [(one.time_ms, one.price, one.quantity) for one in self._left_fills()]
        free = list(fills)
        missed: list[Unmatched] = []
        paired: dict[tuple[int, int, int], tuple[int, Miss]] = {}
        for time_ms, price, amount in prints:
            near = [
                (abs(one[2] - amount), index)
                for index, one in enumerate(free)
                if one[1] == price and abs(one[0] - time_ms) <= LAG_MS_MAX
            ]
            other: int | None = None
            cause = Miss.ALONE if PRICE_MIN <= price <= PRICE_MAX else Miss.OFF_GRID
            if near:
                fill = free.pop(min(near)[1])
                other = fill[2]
                cents_worth = -(-ONE_COIN // (price + self._offset))
                cause = Miss.ONE_CENT if abs(other - amount) <= cents_worth else Miss.OTHER_AMOUNT
                paired[fill] = (amount, cause)
            missed.append(
                Unmatched(
                    time_ms=time_ms, price=price, amount=amount, other_amount=other, cause=cause
                )
            )
        extra: list[Unmatched] = []
        for fill in fills:
            partner = paired.pop(fill, None)
            extra.append(
                Unmatched(
                    time_ms=fill[0],
                    price=fill[1],
                    amount=fill[2],
                    other_amount=partner[0] if partner else None,
                    cause=partner[1] if partner else Miss.ALONE,
                )
            )
        return PrintReport(
            prints=self._prints,
            fills=self._fills,
            matched=self._matched,
            matched_older=self._matched_older,
            missed=tuple(missed),
            extra=tuple(extra),
        )

    def _match(self, fill: Fill) -> None:
        self._matched += 1
        if fill.maker_order_id in self._older or fill.taker_order_id in self._older:
            self._matched_older += 1

    def _left_prints(self) -> list[Print]:
        left = [one for waiting in self._waiting_prints.values() for one in waiting]
        return sorted(left, key=lambda one: one.time_ms)

    def _left_fills(self) -> list[Fill]:
        left = [one for waiting in self._waiting_fills.values() for one in waiting]
        return sorted(left, key=lambda one: one.time_ms)


def by_cause(unmatched: Iterable[Unmatched]) -> dict[Miss, int]:
    """How many there are of each cause, in the order in which causes are declared."""
    counts = Counter(one.cause for one in unmatched)
    return {cause: counts[cause] for cause in Miss if counts[cause]}
