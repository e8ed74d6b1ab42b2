"""The ladder alone, without market or ledger: one, a hundred, and one very deep price."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from benchmarks.measuring import Advance, Figure, Stopwatch, rate
from benchmarks.tapes import ADD, CANCEL, Operation, Tape, make_tape
from pmengine.matching import Ladder

ONE_MARKET_TARGET: Final = 1_200_000
MANY_MARKETS_TARGET: Final = 800_000
MANY_MARKETS: Final = 100
MANY_ORDERS: Final = 100_000
DEEP_ORDERS: Final = 100_000
DEEP_SHARE: Final = 0.5


def measure(count: int, repeats: int, advance: Advance) -> list[Figure]:
    """The figures of the ladder, their repeats taken in turn."""
    tapes = [
        (1, make_tape(count)),
        (MANY_MARKETS, make_tape(count, ladders=MANY_MARKETS)),
        (MANY_MARKETS, make_tape(count, ladders=MANY_MARKETS, resting=MANY_ORDERS)),
        (1, make_tape(count, resting=DEEP_ORDERS, one_price=True)),
    ]
    watches = [Stopwatch() for _ in tapes]
    for _ in range(repeats):
        for (ladders, tape), watch in zip(tapes, watches, strict=True):
            _run(tape, ladders, watch)
            advance()
    one, many, many_full, deep = watches
    one_market = rate(
        "ladder, one market",
        one.runs,
        target=ONE_MARKET_TARGET,
        detail=f"{tapes[0][1].resting} orders rest",
    )
    return [
        one_market,
        rate(
            f"ladder, {MANY_MARKETS} markets",
            many.runs,
            target=MANY_MARKETS_TARGET,
            detail=f"{tapes[1][1].resting} orders rest in all",
        ),
        rate(
            f"ladder, {MANY_MARKETS} full markets",
            many_full.runs,
            target=MANY_MARKETS_TARGET,
            detail=f"{tapes[2][1].resting} orders rest in all, more than caches hold",
        ),
        rate(
            f"ladder, {DEEP_ORDERS:,} at one price",
            deep.runs,
            target=DEEP_SHARE * one_market.value,
            detail="the target is half of the figure for one market in this run",
        ),
    ]


_Step = tuple[int, Ladder, bool, int, int]


def _run(tape: Tape, ladders: int, watch: Stopwatch) -> None:
    books = [Ladder() for _ in range(ladders)]
    _play(_steps(books, tape.before))
    steps = _steps(books, tape.measured)
    with watch.work(len(steps)):
        _play(steps)


def _steps(books: Sequence[Ladder], operations: Sequence[Operation]) -> list[_Step]:
    """What `_play` needs of each operation: a cancel's last member is its handle."""
    return [
        (
            step.kind,
            books[step.ladder],
            step.is_bid,
            step.price,
            step.handle if step.kind == CANCEL else step.quantity,
        )
        for step in operations
    ]


def _play(steps: Sequence[_Step]) -> None:
    for kind, book, is_bid, price, number in steps:
        if kind == ADD:
            book.add(is_bid, price, number)
        elif kind == CANCEL:
            book.cancel(number)
        else:
            book.match(is_bid, price, number)
