"""The ladder alone, without market or ledger: one, a hundred, one very deep price, in batches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from benchmarks.measuring import Advance, Figure, Stopwatch, rate
from benchmarks.tapes import ADD, CANCEL, Operation, Tape, make_tape
from pmengine.compiled import is_compiled
from pmengine.matching import batch
from pmengine.matching.ladder import Ladder

ONE_MARKET_TARGET: Final = 6_000_000
INTERPRETED_TARGET: Final = 1_500_000
BATCH_TARGET: Final = 10_000_000
MANY_MARKETS: Final = 100
MANY_MARKETS_SHARE: Final = 0.45
MANY_ORDERS: Final = 100_000
DEEP_ORDERS: Final = 100_000
DEEP_SHARE: Final = 0.5


def measure(count: int, repeats: int, advance: Advance) -> list[Figure]:
    """The figures of the ladder, their repeats taken in turn."""
    one = make_tape(count)
    many = make_tape(count, ladders=MANY_MARKETS)
    full = make_tape(count, ladders=MANY_MARKETS, resting=min(MANY_ORDERS, count))
    deep = make_tape(count, resting=min(DEEP_ORDERS, count), one_price=True)
    runs = [
        (_one_by_one, one, 1),
        (_one_by_one, many, MANY_MARKETS),
        (_one_by_one, full, MANY_MARKETS),
        (_one_by_one, deep, 1),
        (_in_batches, one, 1),
        (_in_batches, many, MANY_MARKETS),
    ]
    watches = [Stopwatch() for _ in runs]
    for _ in range(repeats):
        for (run, tape, ladders), watch in zip(runs, watches, strict=True):
            run(tape, ladders, watch)
            advance()
    compiled = is_compiled()
    one_market = rate(
        "ladder, one market",
        watches[0].runs,
        target=ONE_MARKET_TARGET if compiled else INTERPRETED_TARGET,
        detail=f"{one.resting} orders rest",
    )
    in_batch = rate(
        "ladder, one batch",
        watches[4].runs,
        target=BATCH_TARGET if compiled else None,
        detail="all operations in one call, with their answers and fills",
    )
    share = f"the target is {MANY_MARKETS_SHARE:.0%} of the figure for one market in this run"
    return [
        one_market,
        rate(
            f"ladder, {MANY_MARKETS} markets",
            watches[1].runs,
            target=MANY_MARKETS_SHARE * one_market.value,
            detail=f"{many.resting} orders rest in all; {share}",
        ),
        rate(
            f"ladder, {MANY_MARKETS} full markets",
            watches[2].runs,
            detail=f"{full.resting} orders rest in all, more than caches hold",
        ),
        rate(
            f"ladder, {deep.resting:,} at one price",
            watches[3].runs,
            target=DEEP_SHARE * one_market.value,
            detail="the target is half of the figure for one market in this run",
        ),
        in_batch,
        rate(
            f"ladder, batches for {MANY_MARKETS} markets",
            watches[5].runs,
            target=MANY_MARKETS_SHARE * in_batch.value if compiled else None,
            detail=f"one for each market and {_TOGETHER} operations",
        ),
    ]


_Step = tuple[int, Ladder, bool, int, int]


def _one_by_one(tape: Tape, ladders: int, watch: Stopwatch) -> None:
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


_TOGETHER: Final = 10_000
"""Operations of many markets that are put into batches together."""


def _in_batches(tape: Tape, ladders: int, watch: Stopwatch) -> None:
    books = [Ladder() for _ in range(ladders)]
    _play(_steps(books, tape.before))
    together = len(tape.measured) if ladders == 1 else _TOGETHER
    batches = [
        (book, batch.array_of(_numbers(step for step in part if step.ladder == number)))
        for start in range(0, len(tape.measured), together)
        for part in [tape.measured[start : start + together]]
        for number, book in enumerate(books)
    ]
    with watch.work(len(tape.measured)):
        for book, operations in batches:
            batch.run(book, operations)


def _numbers(operations: Iterable[Operation]) -> list[int]:
    """*operations* as a batch writes them."""
    numbers: list[int] = []
    for step in operations:
        if step.kind == CANCEL:
            numbers += (batch.CANCEL, step.handle, 0, 0, 0)
        else:
            kind = batch.ADD if step.kind == ADD else batch.MATCH
            numbers += (kind, step.is_bid, step.price, step.quantity, step.owner)
    return numbers
