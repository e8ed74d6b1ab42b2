"""Laws of `apply` and `position`, the optional segment of a store."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from pmstore.errors import InvalidRecord
from pmstore.models.position import Position
from pmstore.protocols.positioned import Applied, Positioned
from pmstore.protocols.store import Store
from pmstore.testing.cancellation import Cancelling
from pmstore.testing.clause import Lawbook
from pmstore.testing.expect import expect, expect_equal, expect_raises
from pmstore.testing.rig import Trial

S = TypeVar("S", bound=Store)
R = TypeVar("R")


def positioned_laws(
    contract: str,
    *,
    record: Callable[[int], R],
    refused: R,
    held: Callable[[S], Awaitable[set[int]]],
) -> Lawbook[S]:
    """
    The laws of the segment.

    Args:
        contract: The contract that has the segment.
        record: Makes the record of a number.
        refused: A record that the store's own writing verb refuses with `InvalidRecord`.
        held: The numbers of the records that a store holds.
    """
    book: Lawbook[S] = Lawbook(contract)

    async def is_absent(trial: Trial[S]) -> None:
        async with trial.opened() as store:
            for verb in ("apply", "position"):
                expect(not hasattr(store, verb), f"the store has a verb {verb!r}")

    def law(need: str = "positioned") -> Callable[[Any], Any]:
        return book.law(need=need, otherwise=is_absent if need == "positioned" else None)

    @law()
    async def changes_and_position_move_together(trial: Trial[S]) -> None:
        """`apply` keeps the changes and moves the source, each source on its own."""
        async with trial.opened() as store:
            positioned = _positioned(store)
            expect_equal(await positioned.position("a"), None, "position of an unknown source")
            for number, source in ((1, "a"), (2, "b"), (3, "a")):
                at = Position(number, 0)
                answer = await positioned.apply([record(number)], source=source, position=at)
                expect_equal(answer, Applied.APPLIED, "answer")
                expect_equal(await positioned.position(source), at, f"position of {source}")
            expect_equal(await held(store), {1, 2, 3}, "records held")
            expect_equal(await positioned.position("b"), Position(2, 0), "position of b")

    @law()
    async def what_was_applied_is_a_duplicate(trial: Trial[S]) -> None:
        """`apply` at the source's position or an earlier one is `DUPLICATE` and does nothing."""
        async with trial.opened() as store:
            positioned = _positioned(store)
            at = Position(10, 5)
            await positioned.apply([record(1)], source="a", position=at)
            for position in (at, Position(10, 4), Position(9, 100)):
                answer = await positioned.apply([record(2)], source="a", position=position)
                expect_equal(answer, Applied.DUPLICATE, f"answer at {position}")
            expect_equal(await positioned.position("a"), at, "position")
            expect_equal(await held(store), {1}, "records held")

    @law()
    async def positions_are_compared_as_numbers(trial: Trial[S]) -> None:
        """Position 10-0 is behind 9-0, 9-10 behind 9-9, and 64 bits are kept exactly."""
        async with trial.opened() as store:
            positioned = _positioned(store)
            top = 2**64 - 1
            steps = [(9, 0), (9, 9), (9, 10), (10, 0), (2**53, 1), (2**53 + 1, 0), (top, top)]
            for number, (ms, seq) in enumerate(steps):
                at = Position(ms, seq)
                answer = await positioned.apply([record(number)], source="a", position=at)
                expect_equal(answer, Applied.APPLIED, f"answer at {at}")
                expect_equal(await positioned.position("a"), at, "position")

    @law()
    async def a_refused_apply_does_nothing(trial: Trial[S]) -> None:
        """An `apply` that is refused keeps none of its changes and does not move the source."""
        async with trial.opened() as store:
            positioned = _positioned(store)
            await positioned.apply([record(1)], source="a", position=Position(1, 0))
            call = positioned.apply([record(2), refused], source="a", position=Position(2, 0))
            await expect_raises(InvalidRecord, call, "apply of a refused record")
            expect_equal(await positioned.position("a"), Position(1, 0), "position")
            expect_equal(await held(store), {1}, "records held")

    @law()
    async def an_apply_without_changes_moves_the_source(trial: Trial[S]) -> None:
        """`apply` of no changes moves the source."""
        async with trial.opened() as store:
            positioned = _positioned(store)
            answer = await positioned.apply([], source="a", position=Position(7, 0))
            expect_equal(answer, Applied.APPLIED, "answer")
            expect_equal(await positioned.position("a"), Position(7, 0), "position")

    @law()
    async def racing_applies_happen_once(trial: Trial[S]) -> None:
        """Of many applies of one position at the same time exactly one is `APPLIED`."""
        async with trial.opened() as store:
            positioned = _positioned(store)
            answers = await asyncio.gather(
                *(
                    positioned.apply([record(number)], source="a", position=Position(1, 0))
                    for number in range(8)
                )
            )
            expect_equal(answers.count(Applied.APPLIED), 1, "count of APPLIED")
            expect_equal(await held(store), {answers.index(Applied.APPLIED)}, "records held")

    @law()
    async def a_cancelled_apply_is_whole_or_nothing(trial: Trial[S]) -> None:
        """Cancelling an `apply` at any await leaves both changes and position, or neither."""
        async with trial.opened() as store:
            positioned = _positioned(store)
            async for attempt in Cancelling():
                numbers = [3 * attempt.number + at for at in range(3)]
                source, at = f"source_{attempt.number}", Position(1, 0)
                records = [record(number) for number in numbers]
                call = positioned.apply(records[:2], source=source, position=at)
                ended = await attempt.call(call)
                await positioned.apply(records[2:], source=f"other_{source}", position=at)
                found = await held(store) & set(numbers)
                position = await positioned.position(source)
                whole = (found, position) == (set(numbers), at)
                none = (found, position) == (set(numbers[2:]), None) and not ended
                expect(whole or none, f"left {found} of {numbers} at {position}")

    @law(need="positioned and durable")
    async def positions_survive_reopening(trial: Trial[S]) -> None:
        """After closing and opening again the changes and the position are both there."""
        place = trial.place()
        async with trial.opened(place) as store:
            await _positioned(store).apply([record(1)], source="a", position=Position(1, 7))
        async with trial.opened(place) as store:
            expect_equal(await _positioned(store).position("a"), Position(1, 7), "position")
            expect_equal(await held(store), {1}, "records held")

    return book


def _positioned(store: Any) -> Positioned[Any]:
    positioned: Positioned[Any] = store
    return positioned
