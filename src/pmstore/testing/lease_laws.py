"""Laws of leases."""

from __future__ import annotations

import asyncio
from typing import Final

from pmstore.protocols.lease import Lease
from pmstore.testing.cancellation import Cancelling
from pmstore.testing.clause import Lawbook
from pmstore.testing.expect import expect, expect_equal
from pmstore.testing.lifetime_laws import Verbs, lifetime_laws
from pmstore.testing.rig import Trial
from pmstore.testing.samples import GOOD_IDS

book: Lawbook[Lease] = Lawbook("lease")

verbs: Final[Verbs[Lease]] = {
    "acquire": lambda store: store.acquire("a", 10),
    "renew": lambda store: store.renew("a", 1, 10),
    "release": lambda store: store.release("a", 1),
}
"""A harmless call of each verb."""

lifetime: Lawbook[Lease] = lifetime_laws("lease", verbs)

_TTL_S = 60.0


async def _taken(lease: Lease, name: str = "engine") -> int:
    epoch = await lease.acquire(name, _TTL_S)
    if epoch is None:
        raise AssertionError(f"the free lease {name!r} was not given")
    return epoch


@book.law()
async def one_holds_it_at_a_time(trial: Trial[Lease]) -> None:
    """While a lease is held, `acquire` answers None; leases of other names are free."""
    async with trial.opened() as lease:
        await _taken(lease)
        expect_equal(await lease.acquire("engine", _TTL_S), None, "a held lease")
        for name in GOOD_IDS:
            await _taken(lease, name)
            expect_equal(await lease.acquire(name, _TTL_S), None, f"the held lease {name!r}")


@book.law()
async def epochs_only_grow(trial: Trial[Lease]) -> None:
    """Every `acquire` of a name answers a higher epoch than all before it."""
    async with trial.opened() as lease:
        last = await _taken(lease)
        for _ in range(5):
            await lease.release("engine", last)
            epoch = await _taken(lease)
            expect(epoch > last, f"epoch {epoch} after {last}")
            last = epoch


@book.law()
async def only_its_epoch_renews_and_releases(trial: Trial[Lease]) -> None:
    """`renew` and `release` work under the epoch that holds it, and under no other."""
    async with trial.opened() as lease:
        expect_equal(await lease.renew("engine", 1, _TTL_S), False, "renew of a lease never taken")
        first = await _taken(lease)
        expect_equal(await lease.renew("engine", first, _TTL_S), True, "renew by the holder")
        await lease.release("engine", first)
        expect_equal(await lease.renew("engine", first, _TTL_S), False, "renew after release")
        second = await _taken(lease)
        for epoch in (first, second + 1):
            expect_equal(await lease.renew("engine", epoch, _TTL_S), False, f"renew of {epoch}")
            await lease.release("engine", epoch)
        expect_equal(await lease.acquire("engine", _TTL_S), None, "acquire while it is held")
        expect_equal(await lease.renew("engine", second, _TTL_S), True, "renew by the holder")


@book.law()
async def of_racing_tasks_one_gets_it(trial: Trial[Lease]) -> None:
    """Of many tasks that acquire a lease at the same time exactly one gets it."""
    async with trial.opened() as lease:
        answers = await asyncio.gather(*(lease.acquire("engine", _TTL_S) for _ in range(10)))
        expect_equal(answers.count(None), 9, f"refused of {answers}")


@book.law(need="clock")
async def a_lease_ends_with_its_time(trial: Trial[Lease]) -> None:
    """A lease that was not renewed in time is free, and its epoch is over."""
    async with trial.opened() as lease:
        first = await _taken(lease)
        trial.clock.move(_TTL_S - 1)
        expect_equal(await lease.renew("engine", first, _TTL_S), True, "renew in time")
        trial.clock.move(_TTL_S - 1)
        expect_equal(await lease.acquire("engine", _TTL_S), None, "acquire before its end")
        trial.clock.move(2)
        expect_equal(await lease.renew("engine", first, _TTL_S), False, "renew too late")
        second = await _taken(lease)
        expect(second > first, f"epoch {second} after {first}")
        await lease.release("engine", first)
        expect_equal(await lease.acquire("engine", _TTL_S), None, "acquire after a late release")


@book.law()
async def a_cancelled_acquire_harms_no_other(trial: Trial[Lease]) -> None:
    """After an `acquire` cancelled at any await the next call gets its own answer."""
    async with trial.opened() as lease:
        async for attempt in Cancelling():
            await attempt.call(lease.acquire("cancelled", _TTL_S))
            epoch = await _taken(lease)
            expect_equal(await lease.renew("engine", epoch, _TTL_S), True, "renew")
            await lease.release("engine", epoch)


@book.law(need="durable")
async def epochs_grow_over_reopening(trial: Trial[Lease]) -> None:
    """After closing and opening again epochs go on growing."""
    place = trial.place()
    last = 0
    for _ in range(3):
        async with trial.opened(place) as lease:
            epoch = await _taken(lease)
            expect(epoch > last, f"epoch {epoch} after {last}")
            last = epoch
            await lease.release("engine", epoch)
