"""What a type checker says about the ladder on its own; mypy runs over this file, nobody else."""

from __future__ import annotations

from typing import assert_type

from pmengine.matching import Ladder, LadderContract, NaiveLadder, batch


def ladders() -> list[LadderContract]:
    return [Ladder(), NaiveLadder()]


def verbs(ladder: LadderContract) -> None:
    handle: int = ladder.add(False, 101, 5)
    rest: int = ladder.match(True, 101, 3, owner=7)
    lots: int = ladder.fillable(True, 101, rest, 7, skip_own=True)
    taken: list[tuple[int, int, int]] = [
        (ladder.fill_handle(fill), ladder.fill_quantity(fill), ladder.fill_price(fill))
        for fill in range(ladder.fill_count)
    ]
    assert_type(ladder.met_own, bool)
    assert_type(ladder.levels(True, 5), list[tuple[int, int]])
    ladder.amend(handle, lots + len(taken))
    ladder.match(True, "101", 3)  # type: ignore[arg-type]
    ladder.add(price=101, quantity=5)  # type: ignore[call-arg]


def batches(operations: list[int]) -> list[int]:
    answers, fills = batch.run(Ladder(), batch.array_of(operations))
    return [*answers, *fills]
