"""Laws about calls that share a store's connections: each gets its own answer."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from pmstore.models.position import START
from pmstore.protocols.lease import Lease
from pmstore.protocols.store import Store
from pmstore.testing.cancellation import Cancelling, all_answers
from pmstore.testing.clause import Lawbook
from pmstore.testing.consumers_laws import ConsumedStream
from pmstore.testing.expect import expect, expect_equal
from pmstore.testing.rig import Trial
from pmstore.testing.subjects import Question, Subject, write_each

S = TypeVar("S", bound=Store)

_ROUNDS = 8
_TTL_S = 600.0

Prepared = Callable[[S], Awaitable[list[Question[S]]]]


def questions_of(subject: Subject[S]) -> Prepared[S]:
    """Writes some records, and asks about each of them."""
    numbers = range(8)

    async def prepared(store: S) -> list[Question[S]]:
        await write_each(subject, store, numbers)
        found = await subject.questions(store, numbers)
        # A stream has no question about its first entry.
        expect(len(found) >= len(numbers) - 1, f"{len(found)} of {len(numbers)} records are there")
        return found

    return prepared


async def lease_questions(lease: Lease) -> list[Question[Lease]]:
    """Takes some leases, and renews each of them, and others that are not held."""
    found: list[Question[Lease]] = []
    for name in ("a", "b", "c", "d"):
        epoch = await lease.acquire(name, _TTL_S)
        assert epoch is not None, f"the free lease {name!r} was not given"
        for asked, holds in ((epoch, True), (epoch + 1, False)):
            found.append(
                Question(
                    f"renew of {name} under {asked}",
                    lambda one, name=name, asked=asked: one.renew(name, asked, _TTL_S),  # type: ignore[misc]
                    holds,
                )
            )
    return found


async def consumers_questions(both: ConsumedStream) -> list[Question[ConsumedStream]]:
    """Lets a group owe entries, and asks for positions and for entries again."""
    await both.stream.append([b"%d" % number for number in range(6)])
    entries = await both.stream.read(START, 10)
    expect_equal(len(entries), 6, "count of entries")
    await both.consumers.read("g", "a", 3)
    positions = await both.consumers.positions()
    found: list[Question[ConsumedStream]] = [
        Question("positions", lambda one: one.consumers.positions(), positions)
    ]
    for at, entry in enumerate(entries[:-1]):
        wanted = [entries[at + 1]]
        found.append(
            Question(f"read after {at}", lambda one, id=entry.id: one.stream.read(id, 1), wanted)  # type: ignore[misc]
        )
    return [*found, *found[:1]]


def answer_laws(contract: str, prepared: Prepared[S]) -> Lawbook[S]:
    """The laws, checked with the questions that *prepared* answers."""
    book: Lawbook[S] = Lawbook(contract)

    @book.law()
    async def calls_at_once_get_their_own_answers(trial: Trial[S]) -> None:
        """Of many calls at the same time each gets its own answer."""
        async with trial.opened() as store:
            questions = await prepared(store)
            for _ in range(_ROUNDS):
                asked = questions * 4
                answers = await all_answers(one.ask(store) for one in asked)
                for one, answer in zip(asked, answers, strict=True):
                    expect_equal(answer, one.wanted, one.what)

    @book.law()
    async def calls_after_a_cancelled_one_get_their_own_answers(trial: Trial[S]) -> None:
        """After a call cancelled at any await the next calls get their own answers."""
        async with trial.opened() as store:
            questions = await prepared(store)
            for cancelled in questions[:3]:
                async for attempt in Cancelling():
                    await attempt.call(_asked(cancelled, store))
                    for one in questions:
                        if one is not cancelled:
                            what = f"{one.what} after a cancelled {cancelled.what}"
                            expect_equal(await one.ask(store), one.wanted, what)

    @book.law()
    async def calls_beside_cancelled_ones_get_their_own_answers(trial: Trial[S]) -> None:
        """Of many calls at the same time those that are not cancelled get their own answers."""
        chance = random.Random(7)
        async with trial.opened() as store:
            questions = await prepared(store)
            asked = questions * 3
            loop = asyncio.get_running_loop()
            for _ in range(2):
                began = loop.time()
                await all_answers(one.ask(store) for one in asked)
                # The second time everything is connected.
                took_s = loop.time() - began
            for _ in range(2 * _ROUNDS):
                tasks = [asyncio.ensure_future(one.ask(store)) for one in asked]
                doomed = chance.sample(tasks, len(tasks) // 3)
                await asyncio.wait(tasks, timeout=chance.uniform(0, took_s))
                for task in doomed:
                    task.cancel()
                await asyncio.wait(tasks)
                for one, task in zip(asked, tasks, strict=True):
                    if task.cancelled():
                        expect(task in doomed, f"{one.what} was cancelled with another call")
                    else:
                        expect_equal(task.result(), one.wanted, f"{one.what} beside cancelled ones")
                # All at once, so that every connection is used again.
                answers = await all_answers(one.ask(store) for one in asked)
                for one, answer in zip(asked, answers, strict=True):
                    expect_equal(answer, one.wanted, f"{one.what} afterwards")

    return book


async def _asked(question: Question[S], store: S) -> object:
    return await question.ask(store)
