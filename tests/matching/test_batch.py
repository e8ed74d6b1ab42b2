"""A batch on one ladder does what its operations do one by one, and tells as much."""

from __future__ import annotations

import random

import pytest

from pmengine.matching import batch
from pmengine.matching.ladder import Ladder
from tests.matching.fills import fills_of

OPERATIONS = 5_000


def made_one_by_one(chance: random.Random) -> tuple[list[int], list[int], list[int], Ladder]:
    """Random operations, what a ladder answered to each, its fills, and the ladder."""
    ladder = Ladder()
    resting: dict[int, int] = {}
    operations: list[int] = []
    answers: list[int] = []
    fills: list[int] = []
    for number in range(OPERATIONS):
        is_bid, owner = chance.random() < 0.5, chance.randrange(4)
        kind = chance.choice([batch.ADD, batch.ADD, batch.MATCH, batch.CANCEL, batch.AMEND])
        if kind in (batch.CANCEL, batch.AMEND) and not resting:
            kind = batch.ADD
        if kind == batch.ADD:
            price = chance.randint(40, 50) if is_bid else chance.randint(51, 60)
            quantity = chance.randint(1, 9)
            operations += [kind, is_bid, price, quantity, owner]
            answers.append(ladder.add(is_bid, price, quantity, owner))
            resting[answers[-1]] = quantity
        elif kind == batch.MATCH:
            quantity = chance.randint(1, 30)
            operations += [kind, is_bid, 50, quantity, owner]
            answers.append(ladder.match(is_bid, 50, quantity, owner))
            for handle, lots, price in fills_of(ladder):
                fills += [number, handle, lots, price]
                resting[handle] -= lots
                if not resting[handle]:
                    del resting[handle]
        else:
            handle = chance.choice(list(resting))
            if kind == batch.CANCEL:
                operations += [kind, handle, 0, 0, 0]
                answers.append(ladder.cancel(handle))
                del resting[handle]
            else:
                resting[handle] = chance.randint(1, resting[handle])
                operations += [kind, handle, resting[handle], 0, 0]
                ladder.amend(handle, resting[handle])
                answers.append(resting[handle])
    return operations, answers, fills, ladder


@pytest.mark.parametrize("seed", range(3))
def test_a_batch_answers_as_the_verbs_do_one_by_one(seed: int) -> None:
    operations, answers, fills, one_by_one = made_one_by_one(random.Random(seed))
    ladder = Ladder()
    told, taken = batch.run(ladder, batch.array_of(operations))
    assert list(told) == answers
    assert list(taken) == fills
    assert fills
    for is_bid in (True, False):
        assert ladder.levels(is_bid, 100) == one_by_one.levels(is_bid, 100)


def test_two_batches_are_as_one() -> None:
    operations, answers, _, _ = made_one_by_one(random.Random(4))
    half = OPERATIONS // 2 * batch.WIDTH
    ladder = Ladder()
    told = [
        answer
        for part in (operations[:half], operations[half:])
        for answer in batch.run(ladder, batch.array_of(part))[0]
    ]
    assert told == answers


@pytest.mark.parametrize(
    ("operation", "complaint"),
    [
        ([9, 0, 0, 0, 0], "operation 1 is of no kind that there is: 9"),
        ([batch.ADD, 1, 50], "operation 1 has 3 integers, not 5"),
    ],
)
def test_what_is_no_operation_is_named_and_those_before_it_are_done(
    operation: list[int], complaint: str
) -> None:
    ladder = Ladder()
    with pytest.raises(ValueError, match=complaint):
        batch.run(ladder, batch.array_of([batch.ADD, 1, 50, 7, 0, *operation]))
    assert ladder.levels(True, 1) == [(50, 7)]
