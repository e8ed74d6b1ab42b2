"""Laws of the lifetime that every store has."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from pmstore.errors import StoreClosed, StoreUnavailable
from pmstore.protocols.store import Store
from pmstore.testing.cancellation import Cancelling
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
    async def a_cancelled_opening_leaves_nothing_open(trial: Trial[S]) -> None:
        """
        Opening cancelled at any await leaves the store closed, and soon afterwards the place
        can be opened again.
        """
        place = trial.place()
        async for attempt in Cancelling():
            store = trial.rig.open(place)
            # What still works on the attempt before, in a thread, has the place a little longer.
            with suppress(StoreUnavailable):
                if await attempt.call(store.__aenter__()):
                    await store.__aexit__(None, None, None)
            for name, verb in verbs.items():
                await expect_raises(StoreClosed, verb(store), f"{name} after a cancelled opening")
            await _expect_opens(trial, place)

    @book.law()
    async def coverage_and_limits_are_as_declared(trial: Trial[S]) -> None:
        """The store states the coverage that is declared of it, and a batch limit of 1 or more."""
        async with trial.opened() as store:
            expect_equal(store.coverage, trial.rig.coverage, "coverage")
            expect(store.limits.batch_size_max >= 1, f"limits are {store.limits}")

    return book


async def _expect_opens(trial: Trial[S], place: Path) -> None:
    """Go on only if *place* can be opened, as soon as what still works there has ended."""
    loop = asyncio.get_running_loop()
    until = loop.time() + trial.rig.gives_up_s
    while True:
        try:
            async with trial.opened(place):
                return
        except StoreUnavailable as error:
            if loop.time() >= until:
                raise AssertionError(
                    f"after a cancelled opening the place could not be opened again within "
                    f"{trial.rig.gives_up_s:g} s: {error!r}"
                ) from error
        await asyncio.sleep(0.01)
