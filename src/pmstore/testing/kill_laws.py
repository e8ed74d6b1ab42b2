"""Laws of a store whose process dies in the middle of a write."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any, TypeVar

from pmstore.models.position import Position
from pmstore.protocols.store import Store
from pmstore.testing.cancellation import CountedAwaits
from pmstore.testing.clause import Lawbook
from pmstore.testing.expect import expect, expect_equal
from pmstore.testing.other_process import OtherProcessDied
from pmstore.testing.rig import Trial
from pmstore.testing.subjects import Subject

S = TypeVar("S", bound=Store)

_KILLS = 3
_WRITES = 40
_AWAITS_MAX = 40


def kill_laws(subject: Subject[S]) -> Lawbook[S]:
    """The laws, checked on the records of *subject*."""
    book: Lawbook[S] = Lawbook(subject.contract)
    size = min(5, subject.batch_max)

    def batch(at: int) -> list[int]:
        return list(range(size * at, size * at + size))

    @book.law(need="crash")
    async def a_crash_in_a_write_leaves_all_or_nothing(trial: Trial[S]) -> None:
        """After a crash at any await of a write its batch is there whole or not at all."""
        number = 0
        ended = False
        while not ended and number < _AWAITS_MAX:
            number += 1
            place = trial.place()
            store = await trial.rig.open(place).__aenter__()
            await subject.write(store, batch(0))
            ended = await _crashed_in(trial, store, subject.write(store, batch(1)), number)
            async with trial.opened(place) as store:
                held = await subject.held(store)
                whole = batch(0) + batch(1)
                acknowledged = whole if ended else batch(0)
                expect(
                    held in (whole, acknowledged),
                    f"after a crash at await {number} of a write the reopened store holds "
                    f"records {held}; it had acknowledged {acknowledged}"
                    + (
                        ", so all of these must be there"
                        if ended
                        else f", and {batch(1)} "
                        "was under way: either these alone must be there, or both batches"
                    ),
                )
                await subject.write(store, batch(2))
                expect_equal(await subject.held(store), held + batch(2), "after writing on")

    @book.law(need="durable and elsewhere")
    async def a_killed_process_leaves_batches_whole(trial: Trial[S]) -> None:
        """
        What was acknowledged to a process that is killed while it writes is there; of the rest
        each batch is there whole or not at all.
        """
        for kill in range(_KILLS):
            place = trial.place()
            acknowledged: list[int] = []
            async with trial.opened_elsewhere(place) as other:

                async def write(at: int, store: Any = other.store) -> None:
                    await subject.write(store, batch(at))
                    acknowledged.extend(batch(at))  # noqa: B023

                writes = [asyncio.ensure_future(write(at)) for at in range(_WRITES)]
                while len(acknowledged) < size * (1 + 4 * kill):
                    under_way = [one for one in writes if not one.done()]
                    await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
                    _raise_what_was_no_kill(writes)
                await other.kill()
                await asyncio.wait(writes)
                _raise_what_was_no_kill(writes)
            async with trial.opened(place) as store:
                _expect_whole(await subject.held(store), acknowledged, size)
                # A server may have gone on with what it heard before the death.
                await subject.write(store, batch(_WRITES))
                wanted = acknowledged + batch(_WRITES)
                _expect_whole(await subject.held(store), wanted, size)

    return book


def _raise_what_was_no_kill(writes: Sequence[asyncio.Future[None]]) -> None:
    for write in writes:
        error = write.exception() if write.done() else None
        if error is not None and not isinstance(error, OtherProcessDied):
            raise error


def _expect_whole(held: Sequence[int], acknowledged: Sequence[int], size: int) -> None:
    lost = set(acknowledged) - set(held)
    expect(not lost, f"acknowledged and lost: {sorted(lost)}")
    counts = Counter(number // size for number in held)
    expect(set(counts.values()) == {size}, f"records of each batch: {counts}")


async def _crashed_in(trial: Trial[S], store: S, call: Any, number: int) -> bool:
    """Crash when *call* waits for the *number*-th time; whether it had been acknowledged."""
    reached = asyncio.Event()

    async def run() -> None:
        await CountedAwaits(_made(call), number, reached.set)

    writing = asyncio.ensure_future(run())
    waiting = asyncio.ensure_future(reached.wait())
    await asyncio.wait({writing, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    acknowledged = writing.done()
    if acknowledged:
        await writing
    await trial.crashed(store)
    writing.cancel()
    # Whatever a write of a dead process says, nobody hears it.
    await asyncio.gather(writing, waiting, return_exceptions=True)
    return acknowledged


async def _made(call: Any) -> object:
    return await call


def killed_positions(subject: Subject[S], record: Any) -> Lawbook[S]:
    """The laws of `apply` and a process that dies; *record* makes the record of a number."""
    book: Lawbook[S] = Lawbook(subject.contract)

    async def expect_in_step(trial: Trial[S], place: Any, acknowledged: int) -> None:
        async with trial.opened(place) as store:
            held = await subject.held(store)
            at = await store.position("a")  # type: ignore[attr-defined]
            count = 0 if at is None else at.ms
            expect(count >= acknowledged, f"position {at}; acknowledged: {acknowledged}")
            expect_equal(held, list(range(3, 3 * count + 3)), f"records at position {at}")

    def changes(number: int) -> dict[str, Any]:
        return {"source": "a", "position": Position(number, 0)}

    def records(number: int) -> list[Any]:
        return [record(3 * number + at) for at in range(3)]

    @book.law(need="crash and positioned")
    async def a_crash_in_an_apply_leaves_both_or_neither(trial: Trial[S]) -> None:
        """After a crash at any await of an `apply` its changes and its position are in step."""
        number = 0
        ended = False
        while not ended and number < _AWAITS_MAX:
            number += 1
            place = trial.place()
            store: Any = await trial.rig.open(place).__aenter__()
            await store.apply(records(1), **changes(1))
            call = store.apply(records(2), **changes(2))
            ended = await _crashed_in(trial, store, call, number)
            await expect_in_step(trial, place, 2 if ended else 1)

    @book.law(need="durable and elsewhere and positioned")
    async def a_killed_process_leaves_positions_in_step(trial: Trial[S]) -> None:
        """After the death of a process that applies, changes and position are in step."""
        for kill in range(_KILLS):
            place = trial.place()
            acknowledged = 0
            async with trial.opened_elsewhere(place) as other:
                for number in range(1, 10 + 5 * kill):
                    await other.store.apply(records(number), **changes(number))
                    acknowledged = number
                number = acknowledged + 1
                last = asyncio.ensure_future(other.store.apply(records(number), **changes(number)))
                # How far it gets is up to chance: both ends are right.
                for _ in range(kill):
                    await asyncio.sleep(0)
                await other.kill()
                await asyncio.gather(last, return_exceptions=True)
            await expect_in_step(trial, place, acknowledged)

    return book
