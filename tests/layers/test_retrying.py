"""Calls are repeated only where that is safe, never more often than said, never past a deadline."""

from __future__ import annotations

import asyncio

import pytest

from pmstore.errors import InvalidRecord, PmstoreError, StoreUnavailable, WriteOutcome
from pmstore.layers.deadline import remaining_s, within
from pmstore.layers.retrying import retried
from tests.layers.schedules.loop import run_in_order


class Failing:
    """Fails as told, then answers."""

    def __init__(self, *errors: PmstoreError) -> None:
        self.errors = list(errors)
        self.calls = 0

    async def __call__(self) -> str:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return "answer"


def away(outcome: WriteOutcome = WriteOutcome.UNKNOWN) -> StoreUnavailable:
    return StoreUnavailable("away", outcome=outcome)


async def tried(call: Failing, *, repeatable: bool = True, attempts: int = 3) -> str:
    return await retried(
        call, attempts=attempts, backoff_s=0.1, repeatable=repeatable, chance=lambda: 0.5
    )


def in_order(work: object) -> object:
    return run_in_order(work, lambda ready: 0)  # type: ignore[arg-type]


def test_a_retryable_failure_is_tried_again_with_growing_pauses() -> None:
    async def work() -> float:
        call = Failing(away(), away())
        assert await tried(call) == "answer"
        assert call.calls == 3
        return asyncio.get_running_loop().time()

    assert in_order(work()) == pytest.approx(0.1 + 0.2)


def test_tries_end() -> None:
    async def work() -> int:
        call = Failing(away(), away(), away())
        with pytest.raises(StoreUnavailable):
            await tried(call)
        return call.calls

    assert in_order(work()) == 3


def test_a_refusal_is_not_tried_again() -> None:
    async def work() -> int:
        call = Failing(InvalidRecord("bad"))
        with pytest.raises(InvalidRecord):
            await tried(call)
        return call.calls

    assert in_order(work()) == 1


def test_what_may_not_happen_twice_is_repeated_only_if_it_did_not_happen() -> None:
    async def work() -> tuple[int, int]:
        unknown, refused = Failing(away()), Failing(away(WriteOutcome.NOT_APPLIED))
        with pytest.raises(StoreUnavailable):
            await tried(unknown, repeatable=False)
        await tried(refused, repeatable=False)
        return unknown.calls, refused.calls

    assert in_order(work()) == (1, 2)


def test_tries_never_multiply() -> None:
    async def work() -> int:
        inner = Failing(*(away() for _ in range(20)))

        async def outer() -> str:
            return await tried(inner)

        with pytest.raises(StoreUnavailable):
            await retried(outer, attempts=3, backoff_s=0.1, repeatable=True)
        return inner.calls

    assert in_order(work()) == 3


def test_the_nearer_deadline_counts_and_no_pause_goes_past_it() -> None:
    async def work() -> tuple[int, float]:
        call = Failing(*(away() for _ in range(20)))
        async with within(0.25, "outer"), within(60, "inner"):
            assert remaining_s() == pytest.approx(0.25)
            with pytest.raises(StoreUnavailable, match="away"):
                await tried(call, attempts=20)
        return call.calls, asyncio.get_running_loop().time()

    calls, ended_s = in_order(work())  # type: ignore[misc]
    assert calls == 2
    assert ended_s < 0.25


def test_a_call_that_does_not_end_is_unavailable_with_unknown_outcome() -> None:
    async def work() -> WriteOutcome:
        with pytest.raises(StoreUnavailable, match="the stack did not end within 3 s") as caught:
            async with within(3, "the stack"):
                await asyncio.get_running_loop().create_future()
        assert asyncio.get_running_loop().time() == 3
        return caught.value.outcome

    assert in_order(work()) is WriteOutcome.UNKNOWN


def test_the_outcome_of_the_last_try_speaks_for_all_of_them() -> None:
    async def work() -> WriteOutcome:
        with pytest.raises(StoreUnavailable) as caught:
            await tried(Failing(away(), *[away(WriteOutcome.NOT_APPLIED)] * 2))
        return caught.value.outcome

    assert in_order(work()) is WriteOutcome.UNKNOWN
