"""Compares the engine's best levels with the pictures that the venue sent of its own."""

from __future__ import annotations

import enum
import math
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Final

import attrs

from pmengine.replay.events import OrderEvent, Picture
from pmengine.replay.prints import Miss, Unmatched
from pmstore import Level

PICTURE_DEPTH: Final = 20
"""A side of a picture has at most so many levels; one with fewer shows all there are."""

DEPTH: Final = 2 * PICTURE_DEPTH
"""
How many of our levels to compare with: with only as many as the picture has, one level too many
at our top would make its last one look missing.
"""

MOVING_MS: Final = 1_000
"""A level that an event touched within this time of a picture was on the move."""


class Difference(enum.Enum):
    """Why a level is not what the picture shows."""

    SILENT = "the same surplus at every picture: orders older than the recording, never told of"
    ONE_CENT = "the rest of a market buy's budget, at the order that it met"
    MOVING = "an event touched the level within a second of the picture"
    OTHER = "none of these"


@attrs.frozen(kw_only=True)
class PictureReport:
    """
    How our best levels and the venue's agree, over all pictures.

    Attributes:
        off_by: Pictures by the number of levels that differ, over both sides; 0 is equal.
        levels: Differing levels by cause, over all pictures.
        equal_but_silent: Pictures that are equal but for orders that were never told of.
        silent_levels: At how many prices such orders stand.
    """

    pictures: int
    off_by: dict[int, int]
    levels: dict[Difference, int]
    equal_but_silent: int
    silent_levels: int

    @property
    def equal(self) -> int:
        """Pictures in which every level is equal."""
        return self.off_by.get(0, 0)


# Slotted and not frozen, because made by the thousand; nobody mutates it.
@attrs.define
class _Gap:
    picture: int
    is_bid: bool
    price: int
    surplus: int


class PictureComparison:
    """
    Compares every level of a picture, and every one of ours as far down as the picture shows.

    Prices are cents less *price_offset*, amounts lots. The causes are told apart at the end,
    since only all pictures together show what never moves.
    """

    def __init__(self, price_offset: int) -> None:
        self._offset = price_offset
        self._times: list[int] = []
        self._worst: dict[bool, list[float]] = {True: [], False: []}
        self._gaps: list[_Gap] = []
        self._touched: dict[int, list[int]] = {}

    def touch(self, event: OrderEvent) -> None:
        """Remember when an event named a price; in the order of time."""
        self._touched.setdefault(event.price - self._offset, []).append(event.time_ms)

    def compare(self, picture: Picture, bids: Sequence[Level], asks: Sequence[Level]) -> None:
        """Compare *picture* with our best levels (ticks, lots) as they are now."""
        number = len(self._times)
        self._times.append(picture.time_ms)
        for is_bid, theirs, ours in ((True, picture.bids, bids), (False, picture.asks, asks)):
            shown = {price - self._offset: amount for price, amount in theirs}
            have = dict(ours)
            worst = _worst_shown(is_bid, shown)
            self._worst[is_bid].append(worst)
            if shown == have:
                continue
            for price in shown.keys() | have.keys():
                beyond = price < worst if is_bid else price > worst
                surplus = shown.get(price, 0) - have.get(price, 0)
                if surplus and not beyond:
                    self._gaps.append(_Gap(number, is_bid, price, surplus))

    def report(self, extra: Iterable[Unmatched]) -> PictureReport:
        """
        How all pictures agree.

        Args:
            extra: The fills that no print equals; those that took a cent's worth too much
                explain what is missing at their maker afterwards.
        """
        silent = self._silent()
        budget = _budget_surpluses(extra)
        levels: Counter[Difference] = Counter()
        gaps: Counter[int] = Counter()
        loud: set[int] = set()
        for gap in self._gaps:
            gaps[gap.picture] += 1
            if (gap.is_bid, gap.price, gap.surplus) in silent:
                cause = Difference.SILENT
            elif gap.surplus in budget.get(gap.price, ()):
                cause = Difference.ONE_CENT
            elif self._is_moving(gap):
                cause = Difference.MOVING
            else:
                cause = Difference.OTHER
            levels[cause] += 1
            if cause is not Difference.SILENT:
                loud.add(gap.picture)
        off_by = Counter(gaps[number] for number in range(len(self._times)))
        return PictureReport(
            pictures=len(self._times),
            off_by=dict(sorted(off_by.items())),
            levels={one: levels[one] for one in Difference if levels[one]},
            equal_but_silent=len(self._times) - len(loud),
            silent_levels=len(silent),
        )

    def _silent(self) -> set[tuple[bool, int, int]]:
        """The surpluses that are the same in every picture which reaches their price."""
        seen = Counter((gap.is_bid, gap.price, gap.surplus) for gap in self._gaps)
        worst_bids = sorted(self._worst[True])
        worst_asks = sorted(self._worst[False])

        def reaching(is_bid: bool, price: int) -> int:
            if is_bid:
                return bisect_right(worst_bids, price)
            return len(worst_asks) - bisect_left(worst_asks, price)

        return {
            (is_bid, price, surplus)
            for (is_bid, price, surplus), count in seen.items()
            if surplus > 0 and count > 1 and count == reaching(is_bid, price)
        }

    def _is_moving(self, gap: _Gap) -> bool:
        times = self._touched.get(gap.price, [])
        at = self._times[gap.picture]
        return bisect_left(times, at - MOVING_MS) < bisect_right(times, at + MOVING_MS)


def _worst_shown(is_bid: bool, shown: dict[int, int]) -> float:
    """The price down to which a side of a picture shows everything."""
    if len(shown) < PICTURE_DEPTH:
        return -math.inf if is_bid else math.inf
    return min(shown) if is_bid else max(shown)


def _budget_surpluses(extra: Iterable[Unmatched]) -> dict[int, set[int]]:
    """By price, what market buys left at their maker beyond what we did, one after another."""
    over: dict[int, list[int]] = {}
    for fill in extra:
        if fill.cause is Miss.ONE_CENT and fill.other_amount is not None:
            over.setdefault(fill.price, []).append(fill.amount - fill.other_amount)
    return {price: set(accumulate(lots)) for price, lots in over.items()}
