"""Laws of order stores under concurrency, cancellation and reopening."""

from __future__ import annotations

import asyncio
from typing import Final

from pmstore.models.query import OrderQuery
from pmstore.protocols.order_store import OrderStore
from pmstore.testing.cancellation import Cancelling
from pmstore.testing.clause import Lawbook
from pmstore.testing.expect import expect, expect_equal
from pmstore.testing.lifetime_laws import Verbs, lifetime_laws
from pmstore.testing.order_save_laws import expect_held
from pmstore.testing.positioned_laws import positioned_laws
from pmstore.testing.rig import Trial
from pmstore.testing.samples import order

book: Lawbook[OrderStore] = Lawbook("order_store")

verbs: Final[Verbs[OrderStore]] = {
    "save": lambda store: store.save([order(1)]),
    "get": lambda store: store.get(["order_1"]),
    "remove": lambda store: store.remove([("order_1", 1)]),
    "find": lambda store: store.find(OrderQuery()),
}
"""A harmless call of each verb."""

lifetime: Lawbook[OrderStore] = lifetime_laws("order_store", verbs)


async def _held(orders: OrderStore) -> set[int]:
    return {one.order_num for one in (await orders.find(OrderQuery(limit=1000))).items}


positioned: Lawbook[OrderStore] = positioned_laws(
    "order_store", record=order, refused=order(3, id=""), held=_held
)


@book.law()
async def of_racing_versions_the_newest_stays(trial: Trial[OrderStore]) -> None:
    """Many tasks save versions of the same orders in any order: the newest stays."""
    async with trial.opened() as orders:
        versions = [7, 2, 9, 4, 1, 8, 3, 10, 6, 5]
        await asyncio.gather(
            *(
                orders.save([order(number, version=version) for number in range(5)])
                for version in versions
            )
        )
        await expect_held(orders, *(order(number, version=10) for number in range(5)))


@book.law()
async def readers_see_batches_whole(trial: Trial[OrderStore]) -> None:
    """A reader sees a batch as it was before or after, for saves and removes alike."""
    async with trial.opened() as orders:

        async def write() -> None:
            for version in range(1, 9):
                await orders.save([order(number, version=version) for number in range(6)])
                await asyncio.sleep(0)
            await expect_held(orders, *(order(number, version=8) for number in range(6)))
            await orders.remove([(f"order_{number}", 9) for number in range(6)])

        writing = asyncio.ensure_future(write())
        while not writing.done():
            found = (await orders.find(OrderQuery())).items
            seen = [one.version for one in found]
            expect(len(seen) in (0, 6), f"{len(seen)} orders of a batch of 6")
            expect(len(set(seen)) <= 1, f"versions {seen} of one batch")
            await asyncio.sleep(0)
        await writing
        await expect_held(orders)


@book.law()
async def racing_removes_count_once(trial: Trial[OrderStore]) -> None:
    """Of many removes of the same order exactly one answers that it was there."""
    async with trial.opened() as orders:
        await orders.save([order(1)])
        answers = await asyncio.gather(*(orders.remove([("order_1", 1)]) for _ in range(8)))
        expect_equal(sorted(answers), [0] * 7 + [1], "answers")


@book.law()
async def a_cancelled_save_is_whole_or_nothing(trial: Trial[OrderStore]) -> None:
    """Cancelling a save at any await leaves all of its batch or nothing; the next call is right."""
    async with trial.opened() as orders:
        async for attempt in Cancelling():
            numbers = [3 * attempt.number + at for at in range(3)]
            before = [order(number) for number in numbers[:2]]
            after = [order(number, version=2) for number in numbers[:2]]
            next_one = order(numbers[2])
            await orders.save(before)
            ended = await attempt.call(orders.save(after))
            await orders.save([next_one])
            ids = [f"order_{number}" for number in numbers]
            found = list((await orders.find(OrderQuery(ids=ids))).items)
            states = [[*after, next_one]] if ended else [[*before, next_one], [*after, next_one]]
            expect(found in states, f"a cancelled save left {found}")
            expect_equal(await orders.get(ids[2:]), {ids[2]: next_one}, "the next get")


@book.law()
async def a_cancelled_remove_is_whole_or_nothing(trial: Trial[OrderStore]) -> None:
    """Cancelling a remove at any await takes all or nothing, and the next call is right."""
    async with trial.opened() as orders:
        async for attempt in Cancelling():
            numbers = [3 * attempt.number + at for at in range(3)]
            ids = [f"order_{number}" for number in numbers]
            await orders.save([order(number) for number in numbers[:2]])
            ended = await attempt.call(orders.remove([(id, 1) for id in ids[:2]]))
            await orders.save([order(numbers[2])])
            found = set(await orders.get(ids))
            gone = found == set(ids[2:])
            expect(gone or (found == set(ids) and not ended), f"left {found} of {ids}")


@book.law()
async def a_cancelled_read_harms_no_other(trial: Trial[OrderStore]) -> None:
    """After a `get` or `find` cancelled at any await the next call gets its own answer."""
    async with trial.opened() as orders:
        await orders.save([order(number) for number in range(5)])
        async for attempt in Cancelling():
            await attempt.call(orders.get(["order_1"]))
            expect_equal(await orders.get(["order_2"]), {"order_2": order(2)}, "the next get")
        async for attempt in Cancelling():
            await attempt.call(orders.find(OrderQuery(user_id="user_1")))
            found = (await orders.find(OrderQuery(ids=["order_3"]))).items
            expect_equal(found, (order(3),), "the next find")


async def _nothing_is_kept(trial: Trial[OrderStore]) -> None:
    place = trial.place()
    async with trial.opened(place) as orders:
        await orders.save([order(1)])
    async with trial.opened(place) as orders:
        await expect_held(orders)


@book.law(need="durable", otherwise=_nothing_is_kept)
async def orders_are_there_after_reopening(trial: Trial[OrderStore]) -> None:
    """After closing and opening again every order is there, and tombstones still work."""
    place = trial.place()
    async with trial.opened(place) as orders:
        await orders.save([order(1, version=3), order(2)])
        await orders.remove([("order_2", 5), ("order_9", 5)])
    async with trial.opened(place) as orders:
        await expect_held(orders, order(1, version=3))
        await orders.save([order(1, version=2), order(2, version=5), order(9, version=5)])
        await expect_held(orders, order(1, version=3))
        await orders.save([order(1, version=4), order(9, version=6)])
    async with trial.opened(place) as orders:
        await expect_held(orders, order(1, version=4), order(9, version=6))


@book.law(need="crash")
async def acknowledged_orders_survive_a_crash(trial: Trial[OrderStore]) -> None:
    """After a crash every acknowledged save and remove is there."""
    place = trial.place()
    orders = await trial.rig.open(place).__aenter__()
    await orders.save([order(1), order(2)])
    await orders.remove([("order_2", 1)])
    await orders.save([order(1, version=2)])
    await trial.crashed(orders)
    async with trial.opened(place) as orders:
        await orders.save([order(2)])
        await expect_held(orders, order(1, version=2))
