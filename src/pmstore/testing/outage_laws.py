"""Laws of a store whose server is away, silent, slow, or cut off in the middle of a call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from pmstore.errors import StoreUnavailable, WriteOutcome
from pmstore.models.position import START, Position
from pmstore.protocols.store import Store
from pmstore.protocols.stream import Stream
from pmstore.testing.answer_laws import Prepared
from pmstore.testing.cancellation import all_answers
from pmstore.testing.clause import Lawbook
from pmstore.testing.expect import expect, expect_equal
from pmstore.testing.fault_proxy import FaultProxy, Script
from pmstore.testing.lifetime_laws import Verbs
from pmstore.testing.rig import Trial
from pmstore.testing.subjects import Question, Subject

S = TypeVar("S", bound=Store)

_PARTS_MAX = 60


@asynccontextmanager
async def _through(trial: Trial[S], place: Any) -> AsyncIterator[tuple[S, FaultProxy]]:
    """A store at *place* whose server is reached through a proxy."""
    rig = trial.rig
    assert rig.open_through is not None
    assert rig.server is not None
    with FaultProxy(*rig.server) as proxy:
        store = await rig.open_through(place, proxy.host, proxy.port).__aenter__()
        try:
            yield store, proxy
        finally:
            proxy.heal()
            await store.__aexit__(None, None, None)


async def _unavailable(trial: Trial[S], call: Awaitable[object], what: str) -> WriteOutcome:
    """What is known of *call*, which must end with an error in time."""
    try:
        async with asyncio.timeout(trial.rig.gives_up_s) as bound:
            answer = await call
    except StoreUnavailable as error:
        expect(error.retryable, f"{what}: {error!r} does not say that it is retryable")
        expect(
            error.outcome is not WriteOutcome.APPLIED,
            f"{what}: {error!r} says applied of what nobody confirmed",
        )
        return error.outcome
    except TimeoutError as error:
        if not bound.expired():
            raise AssertionError(f"{what}: raised {error!r}, not StoreUnavailable") from error
        raise AssertionError(f"{what}: no error within {trial.rig.gives_up_s} s") from error
    except Exception as error:
        raise AssertionError(f"{what}: raised {error!r}, not StoreUnavailable") from error
    raise AssertionError(f"{what}: answered {answer!r} without its server")


async def _all_unavailable(
    trial: Trial[S], store: Any, verbs: Verbs[S], questions: list[Question[S]], when: str
) -> None:
    calls = [(name, verb(store)) for name, verb in verbs.items()]
    calls += [(one.what, one.ask(store)) for one in questions]
    if verbs and trial.rig.positioned:
        calls.append(("position", store.position("a")))
        calls.append(("apply", store.apply([], source="a", position=Position(1, 0))))
    await all_answers(_unavailable(trial, call, f"{what} {when}") for what, call in calls)


async def _works_again(
    trial: Trial[S], ask: Callable[[], Awaitable[object]], wanted: object, what: str
) -> None:
    """The same object answers rightly, at the latest when the rig says so."""
    loop = asyncio.get_running_loop()
    until = loop.time() + trial.rig.gives_up_s
    while True:
        try:
            expect_equal(await ask(), wanted, what)
        except StoreUnavailable as error:
            if loop.time() > until:
                raise AssertionError(f"{what}: still raises {error!r}") from error
            await asyncio.sleep(0.01)
        else:
            return


def outage_laws(contract: str, verbs: Verbs[S], prepared: Prepared[S]) -> Lawbook[S]:
    """The laws for every contract, with a call of each of *verbs* and *prepared*'s questions."""
    book: Lawbook[S] = Lawbook(contract)

    @book.law(need="proxied")
    async def an_outage_never_looks_like_absence(trial: Trial[S]) -> None:
        """
        While its server is away every verb raises `StoreUnavailable`, in time; afterwards the
        same object works again by itself.
        """
        async with _through(trial, trial.place()) as (store, proxy):
            questions = await prepared(store)
            for _ in range(2):
                proxy.refuse()
                proxy.cut()
                await _all_unavailable(trial, store, verbs, questions, "in an outage")
                proxy.heal()
                for one in questions:
                    await _works_again(trial, lambda one=one: one.ask(store), one.wanted, one.what)  # type: ignore[misc]

    @book.law(need="proxied")
    async def a_silent_server_is_an_error_in_time(trial: Trial[S]) -> None:
        """
        While its server is silent every verb ends with `StoreUnavailable` in time; afterwards
        the same object works again by itself.
        """
        # A server whose answers alone are held does what it hears: then it is only asked.
        for script, called in (
            (Script(hold_requests=True), verbs),
            (Script(hold_answers=True), {}),
        ):
            async with _through(trial, trial.place()) as (store, proxy):
                questions = await prepared(store)
                proxy.play(script)
                await _all_unavailable(trial, store, called, questions[:2], f"under {script}")
                proxy.cut()
                proxy.heal()
                for one in questions[2:]:
                    await _works_again(trial, lambda one=one: one.ask(store), one.wanted, one.what)  # type: ignore[misc]

    @book.law(need="proxied")
    async def opening_without_a_server_ends_in_time(trial: Trial[S]) -> None:
        """Without a server opening raises `StoreUnavailable` in time, or the first call does."""
        rig = trial.rig
        assert rig.open_through is not None
        assert rig.server is not None
        verb = next(iter(verbs.values()))
        with FaultProxy(*rig.server) as proxy:
            proxy.refuse()

            async def enter_and_call() -> object:
                async with rig.open_through(trial.place(), proxy.host, proxy.port) as store:  # type: ignore[misc]
                    return await verb(store)

            await _unavailable(trial, enter_and_call(), "opening and a call")

    @book.law(need="proxied")
    async def a_late_answer_is_nobody_elses(trial: Trial[S]) -> None:
        """An answer that comes after its call was cancelled is given to no other call."""
        async with _through(trial, trial.place()) as (store, proxy):
            questions = await prepared(store)
            for at, cancelled in enumerate(questions):
                others = questions[at + 1 :] + questions[:at]
                proxy.play(Script(hold_answers=True))
                task = asyncio.ensure_future(_asked(cancelled.ask(store)))
                await asyncio.wait({task}, timeout=0.02)
                task.cancel()
                await asyncio.wait({task})
                proxy.heal()
                for one in others[:3]:
                    what = f"{one.what} after a cancelled {cancelled.what}"
                    await _works_again(trial, lambda one=one: one.ask(store), one.wanted, what)  # type: ignore[misc]

    @book.law(need="proxied")
    async def a_cut_at_any_byte_is_an_error_or_the_answer(trial: Trial[S]) -> None:
        """A call whose answer is cut off anywhere answers rightly or raises, and nothing else."""
        async with _through(trial, trial.place()) as (store, proxy):
            questions = await prepared(store)
            for count in (0, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89):
                for one in questions[:4]:
                    proxy.play(Script(cut_answers_after=count))
                    try:
                        async with asyncio.timeout(trial.rig.gives_up_s):
                            answer = await one.ask(store)
                    except StoreUnavailable:
                        pass
                    else:
                        expect_equal(answer, one.wanted, f"{one.what} cut after {count} bytes")
                    proxy.heal()
                    await _works_again(trial, lambda one=one: one.ask(store), one.wanted, one.what)  # type: ignore[misc]

    return book


async def _asked(call: Awaitable[object]) -> object:
    return await call


def lost_write_laws(subject: Subject[S]) -> Lawbook[S]:
    """The laws of writes that a fault hits, for stores of records."""
    book: Lawbook[S] = Lawbook(subject.contract)
    size = min(3, subject.batch_max)

    async def attempt(trial: Trial[S], script: Script) -> bool:
        """One write under *script*; whether the fault came before the write had ended."""
        place = trial.place()
        # What is really there is asked of the server itself, on a way without faults.
        async with trial.opened(place) as witness, _through(trial, place) as (store, proxy):
            await subject.write(store, list(range(size)))
            before = await subject.held(witness)
            batch = list(range(100, 100 + size))
            proxy.play(script)
            outcome = await _outcome(trial, subject.write(store, batch), f"write under {script}")
            fired = proxy.fired
            held = await subject.held(witness)
            _expect_honest(held, before, batch, outcome, f"{script}")
            proxy.heal()
            await _works_again(trial, lambda: subject.held(store), held, f"held after {script}")
            rest = list(range(200, 200 + size))
            await subject.write(store, rest)
            expect_equal(await subject.held(witness), held + rest, "after writing on")
            return fired

    @book.law(need="proxied")
    async def a_lost_request_is_told_honestly(trial: Trial[S]) -> None:
        """
        A write whose connection dies before any part of it is sent ends with an error that
        says honestly whether it happened, or succeeds by trying again.
        """
        part = 1
        while part < _PARTS_MAX and await attempt(trial, Script(lose_request=part)):
            part += 1

    @book.law(need="proxied")
    async def a_lost_answer_is_told_honestly(trial: Trial[S]) -> None:
        """
        A write whose connection dies before any part of the answer ends with an error that
        never says `not_applied` of what happened, or succeeds by trying again.
        """
        part = 1
        while part < _PARTS_MAX and await attempt(trial, Script(lose_answer=part)):
            part += 1

    @book.law(need="proxied")
    async def a_late_request_is_told_honestly(trial: Trial[S]) -> None:
        """
        A write that was given up is not `not_applied` if its request can still arrive: what
        the network held comes when it heals.
        """
        place = trial.place()
        async with trial.opened(place) as witness, _through(trial, place) as (store, proxy):
            await subject.write(store, list(range(size)))
            before = await subject.held(witness)
            batch = list(range(100, 100 + size))
            proxy.play(Script(hold_requests=True))
            outcome = await _unavailable(trial, subject.write(store, batch), "a held write")
            expect_equal(await subject.held(witness), before, "held while nothing arrives")
            proxy.heal()
            # The store works again after what was held has gone on its way.
            await _works_again(trial, lambda: _true(subject.held(store)), True, "held")
            until = asyncio.get_running_loop().time() + 0.2
            while asyncio.get_running_loop().time() < until:
                held = await subject.held(witness)
                _expect_honest(held, before, batch, outcome, "a late request")
                await asyncio.sleep(0.01)

    return book


async def _true(call: Awaitable[object]) -> bool:
    await call
    return True


async def _outcome(trial: Trial[S], call: Awaitable[object], what: str) -> WriteOutcome:
    """What is known of a write: applied if it answered, else what its error says."""
    try:
        async with asyncio.timeout(trial.rig.gives_up_s):
            await call
    except StoreUnavailable as error:
        expect(error.retryable, f"{what}: {error!r} does not say that it is retryable")
        return error.outcome
    except Exception as error:
        raise AssertionError(f"{what}: raised {error!r}") from error
    return WriteOutcome.APPLIED


def _expect_honest(
    held: list[int], before: list[int], batch: list[int], outcome: WriteOutcome, what: str
) -> None:
    after = before + batch
    expect(held in (before, after), f"{what} left {held}, which is neither {before} nor {after}")
    if outcome is WriteOutcome.APPLIED:
        expect_equal(held, after, f"{what}: said to be applied")
    elif outcome is WriteOutcome.NOT_APPLIED:
        expect_equal(held, before, f"{what}: said to be not applied")


stream_book: Lawbook[Stream] = Lawbook("stream")


@stream_book.law(need="proxied")
async def a_waiting_read_is_not_ended_emptily_by_an_outage(trial: Trial[Stream]) -> None:
    """
    A `read` that waits while its server goes away or silent raises `StoreUnavailable`, and
    never answers that nothing came.
    """
    for how in ("away", "silent"):
        async with _through(trial, trial.place()) as (stream, proxy):
            last = await stream.append([b"a"])
            expect_equal(len(await stream.read(START, 10)), 1, "entries")
            wait_s = 0.3
            reading = asyncio.ensure_future(stream.read(last, 10, wait_s))
            await asyncio.wait({reading}, timeout=0.05)
            if how == "away":
                proxy.refuse()
                proxy.cut()
            else:
                proxy.play(Script(hold_answers=True))
            await _unavailable(trial, reading, f"a read that waits, the server {how}")
            proxy.cut()
            proxy.heal()
            await _works_again(trial, lambda: stream.read(last, 10), [], "read afterwards")  # noqa: B023
