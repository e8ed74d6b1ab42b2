"""
Many operations on one ladder in one call, for those who want only a book and want it fast.

Operations are one flat list of integers, `WIDTH` for each::

    ADD     is_bid  price  quantity  owner    the handle of the order, which now rests
    MATCH   is_bid  price  quantity  owner    the lots that were left
    CANCEL  handle  0      0         0        the lots that the order still had
    AMEND   handle  quantity  0      0        the same quantity

What stands on the right is the answer, one for each operation. Fills are in a flat list of
their own, `FILL_WIDTH` integers for each: the number of the operation, counted from 0, the
handle of the maker, the lots and the price.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pmengine.matching.arrays import Array, append, i64
from pmengine.matching.ladder import Ladder

ADD: Final = 0
MATCH: Final = 1
CANCEL: Final = 2
AMEND: Final = 3

WIDTH: Final = 5
"""Integers of an operation."""
FILL_WIDTH: Final = 4
"""Integers of a fill."""


def array_of(numbers: Iterable[int]) -> Array[i64]:
    """The array that `run` takes: a vector where this is compiled, a list where not."""
    return Array[i64](numbers)


def run(ladder: Ladder, operations: Array[i64]) -> tuple[Array[i64], Array[i64]]:
    """
    Do all *operations* in order; their answers, and the fills of those that matched.

    As with the ladder's own verbs, handles are those of orders that rest, and quantities are
    positive; that is for the caller to see to.

    Raises:
        ValueError: An operation is unknown or has not all of its integers. Those before it
            are done.
    """
    answers = Array[i64]()
    fills = Array[i64]()
    size: i64 = len(operations)
    number: i64 = 0
    start: i64 = 0
    while start < size:
        if size - start < WIDTH:
            raise ValueError(f"operation {number} has {size - start} integers, not {WIDTH}")
        kind = operations[start]
        first = operations[start + 1]
        second = operations[start + 2]
        if kind == ADD:
            answer = ladder.add(first != 0, second, operations[start + 3], operations[start + 4])
        elif kind == CANCEL:
            answer = ladder.cancel(first)
        elif kind == MATCH:
            answer = ladder.match(first != 0, second, operations[start + 3], operations[start + 4])
            for index in range(ladder.fill_count):
                fills = append(fills, number)
                fills = append(fills, ladder.fill_handle(index))
                fills = append(fills, ladder.fill_quantity(index))
                fills = append(fills, ladder.fill_price(index))
        elif kind == AMEND:
            ladder.amend(first, second)
            answer = second
        else:
            raise ValueError(f"operation {number} is of no kind that there is: {kind}")
        answers = append(answers, answer)
        number += 1
        start += WIDTH
    return answers, fills
