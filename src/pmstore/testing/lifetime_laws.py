"""Laws of the lifetime that every store has."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from pmstore.errors import StoreClosed
from pmstore.protocols.store import Store
from pmstore.testing.clause import Lawbook
from pmstore.testing.expect import expect, expect_equal, expect_raises
from pmstore.testing.rig import Trial

S = TypeVar("S", bound=Store)

Verbs = Mapping[str, Callable[[S], Awaitable[object]]]


def lifetime_laws(contract: str, verbs: Verbs[S]) -> Lawbook[S]:
    """The laws, checked with a harmless call of each of *verbs*."""
    book: Lawbook[S] = Lawbook(contract)

    @book.law()
    async def closed_before_entering(trial: Trial[S]) -> None:
        """Before `async with` every verb raises `StoreClosed`."""
        store = trial.rig.open(trial.place())
        for name, verb in verbs.items():
            await expect_raises(StoreClosed, verb(store), f"{name} before entering")

    @book.law()
    async def closed_after_leaving(trial: Trial[S]) -> None:
        """After `async with` every verb raises `StoreClosed`."""
        async with trial.opened() as store:
            pass
        for name, verb in verbs.items():
            await expect_raises(StoreClosed, verb(store), f"{name} after leaving")

    @book.law()
    async def leaving_twice_is_harmless(trial: Trial[S]) -> None:
        """Leaving twice is harmless, and the store stays closed."""
        async with trial.opened() as store:
            pass
        await store.__aexit__(None, None, None)
        for name, verb in verbs.items():
            await expect_raises(StoreClosed, verb(store), f"{name} after leaving twice")

    @book.law()
    async def an_error_inside_is_passed_on(trial: Trial[S]) -> None:
        """An error inside `async with` closes the store and is passed on."""
        passed_on = False
        try:
            async with trial.opened() as store:
                raise LookupError("the caller's own")
        except LookupError:
            passed_on = True
        expect(passed_on, "the caller's error was swallowed by leaving")
        for name, verb in verbs.items():
            await expect_raises(StoreClosed, verb(store), f"{name} after an error")

    @book.law()
    async def coverage_and_limits_are_as_declared(trial: Trial[S]) -> None:
        """The store states the coverage that is declared of it, and a batch limit of 1 or more."""
        async with trial.opened() as store:
            expect_equal(store.coverage, trial.rig.coverage, "coverage")
            expect(store.limits.batch_size_max >= 1, f"limits are {store.limits}")

    return book
