"""Laws of a snapshot store."""

from __future__ import annotations

import asyncio
import warnings
from typing import Final

import attrs

from pmstore.errors import BrokenSnapshotWarning, CorruptData
from pmstore.models.group import Group
from pmstore.models.leaving import Leaving
from pmstore.models.snapshot import Snapshot
from pmstore.models.units import INTEGER_MAX
from pmstore.protocols.snapshot_store import SnapshotStore
from pmstore.testing.cancellation import Cancelling
from pmstore.testing.clause import Lawbook
from pmstore.testing.expect import expect, expect_equal, expect_raises
from pmstore.testing.lifetime_laws import Verbs, lifetime_laws
from pmstore.testing.rig import Trial
from pmstore.testing.samples import EXACT_FEES, GOOD_IDS, balance, event, order, snapshot

book: Lawbook[SnapshotStore] = Lawbook("snapshot_store")

verbs: Final[Verbs[SnapshotStore]] = {
    "save": lambda store: store.save(snapshot(1)),
    "load": lambda store: store.load(),
    "get": lambda store: store.get("1"),
    "list": lambda store: store.list(),
    "prune": lambda store: store.prune(1),
}
"""A harmless call of each verb."""

lifetime: Lawbook[SnapshotStore] = lifetime_laws("snapshot_store", verbs)


def expect_same(found: Snapshot | None, wanted: Snapshot, what: str) -> None:
    """The same snapshot, whether its sequences are lists or tuples."""
    expect(found is not None, f"{what}: there is none")
    assert found is not None
    for field in attrs.fields(Snapshot):
        one, other = getattr(found, field.name), getattr(wanted, field.name)
        if isinstance(other, (list, tuple)) and not hasattr(other, "_fields"):
            one, other = list(one), list(other)
        expect_equal(one, other, f"{what}: {field.name}")


@book.law()
async def the_newest_generation_is_loaded(trial: Trial[SnapshotStore]) -> None:
    """`load` answers what was saved last; None if there never was anything."""
    async with trial.opened() as store:
        expect_equal(await store.load(), None, "load of nothing")
        expect_equal(await store.list(), [], "list of nothing")
        # The one saved last counts, not the one with the highest number.
        for number in (1, 7, 3):
            await store.save(snapshot(number))
            expect_same(await store.load(), snapshot(number), f"load after saving {number}")


@book.law()
async def generations_stand_side_by_side(trial: Trial[SnapshotStore]) -> None:
    """Every generation is listed, oldest first, and can be got by its name."""
    async with trial.opened() as store:
        saved = [await store.save(snapshot(number)) for number in (5, 6, 7, 7)]
        listed = await store.list()
        expect_equal(listed, saved, "list")
        expect_equal(len({info.name for info in listed}), 4, "count of names")
        for info, number in zip(listed, (5, 6, 7, 7), strict=True):
            expect_same(await store.get(info.name), snapshot(number), f"get of {info.name}")
        expect_equal(await store.get("no such generation"), None, "get of an unknown name")


@book.law()
async def a_generation_is_described(trial: Trial[SnapshotStore]) -> None:
    """`save` answers what the snapshot says of itself, its size, and no problem."""
    async with trial.opened() as store:
        info = await store.save(snapshot(4))
        wanted = snapshot(4)
        expect_equal(
            (info.timestamp, info.number, info.hash, info.last_message_id, info.input_position),
            (
                wanted.timestamp,
                wanted.number,
                wanted.hash,
                wanted.last_message_id,
                wanted.input_position,
            ),
            "description",
        )
        expect_equal(info.problem, None, "problem")
        expect(info.size_bytes > 0, f"size is {info.size_bytes} bytes")


@book.law()
async def every_value_comes_out(trial: Trial[SnapshotStore]) -> None:
    """
    A snapshot comes out as it went in: any ids, integers to 2^63-1 and larger exact fees, work
    left over, groups and sessions, and nothing at all.
    """
    leaving = [
        Leaving("expired", 0, INTEGER_MAX),
        Leaving("cancel_all", INTEGER_MAX, 1, "u", 1, INTEGER_MAX),
        *(Leaving("group", 1, 1, id, group=id) for id in GOOD_IDS),
        Leaving("session", 1, 1, "u", session="s"),
    ]
    full = snapshot(
        1,
        orders=[order(at, id=id, user_id=id, client_order_id=id) for at, id in enumerate(GOOD_IDS)]
        + [order(1000, quantity=INTEGER_MAX, price=INTEGER_MAX, version=INTEGER_MAX)]
        + [order(1001 + at, fee_exact=exact, fee_paid=1) for at, exact in enumerate(EXACT_FEES)],
        events={number: event(number, end_date_ms=number * 1000) for number in range(1, 20)},
        balances=[balance(id, "cash", available=INTEGER_MAX) for id in GOOD_IDS],
        user_update_ids=dict.fromkeys(GOOD_IDS, INTEGER_MAX),
        work=[(1, 2), *leaving, (3, 4)],
        groups={
            (id, id[::-1]): Group(
                quantity_max=INTEGER_MAX,
                window_ms=at,
                triggered=bool(at % 2),
                fills=tuple((time_ms, INTEGER_MAX) for time_ms in range(at)),
            )
            for at, id in enumerate(GOOD_IDS)
        },
        sessions={(id, id[::-1]): INTEGER_MAX for id in GOOD_IDS},
        paused=True,
        post_only_until_ms=INTEGER_MAX,
        order_counter=INTEGER_MAX,
    )
    empty = Snapshot(orders=[], events={}, timestamp=0, last_message_id=None)
    async with trial.opened() as store:
        for one in (full, empty):
            info = await store.save(one)
            expect_same(await store.load(), one, "load")
            expect_same(await store.get(info.name), one, "get")


@book.law()
async def results_share_nothing(trial: Trial[SnapshotStore]) -> None:
    """Changing what was saved or answered changes nothing in the store."""
    async with trial.opened() as store:
        orders = [order(1), order(2)]
        await store.save(snapshot(1, orders=orders))
        orders.append(order(3))
        orders[0].price = 1
        for _ in range(2):
            loaded = await store.load()
            expect_same(loaded, snapshot(1), "load")
            assert loaded is not None
            loaded.orders[0].price = 2


@book.law()
async def pruning_keeps_the_newest(trial: Trial[SnapshotStore]) -> None:
    """`prune` keeps the newest *keep* generations and answers how many went."""
    async with trial.opened() as store:
        saved = [await store.save(snapshot(number)) for number in range(5)]
        expect_equal(await store.prune(7), 0, "removed of 5, keeping 7")
        expect_equal(await store.prune(3), 2, "removed of 5, keeping 3")
        expect_equal(await store.list(), saved[2:], "list")
        expect_equal(await store.prune(1), 2, "removed of 3, keeping 1")
        expect_same(await store.load(), snapshot(4), "load")
        expect_equal(await store.get(saved[0].name), None, "get of a pruned one")


@book.law()
async def names_are_not_used_again(trial: Trial[SnapshotStore]) -> None:
    """A new generation never takes the name of one that is there."""
    async with trial.opened() as store:
        for number in range(6):
            await store.save(snapshot(number % 2))
            if number % 2:
                await store.prune(2)
            names = [info.name for info in await store.list()]
            expect_equal(len(set(names)), len(names), "distinct names")
            expect_same(await store.load(), snapshot(number % 2), "load")


@book.law()
async def keeping_nothing_is_refused(trial: Trial[SnapshotStore]) -> None:
    """`prune` keeps at least one generation: less is a ValueError and removes nothing."""
    async with trial.opened() as store:
        await store.save(snapshot(1))
        for keep in (0, -1):
            await expect_raises(ValueError, store.prune(keep), f"prune({keep})")
        expect_same(await store.load(), snapshot(1), "load")


@book.law()
async def concurrent_saves_are_all_kept(trial: Trial[SnapshotStore]) -> None:
    """Concurrent saves are all kept, each under a name of its own."""
    async with trial.opened() as store:
        infos = await asyncio.gather(*(store.save(snapshot(number)) for number in range(5)))
        for number, info in enumerate(infos):
            expect_same(await store.get(info.name), snapshot(number), f"get of {info.name}")
        expect_equal(len(await store.list()), 5, "count of generations")


@book.law()
async def a_cancelled_save_harms_no_other(trial: Trial[SnapshotStore]) -> None:
    """Cancelling a save at any await leaves it whole or absent, and the next save is right."""
    async with trial.opened() as store:
        async for attempt in Cancelling():
            await store.save(snapshot(1))
            await store.prune(1)
            await attempt.call(store.save(snapshot(2)))
            await store.save(snapshot(3))
            expect_same(await store.load(), snapshot(3), "load")
            infos = await store.list()
            expect_equal([info.problem for info in infos if info.problem], [], "problems")
            numbers = [info.number for info in infos if info.number != 2]
            expect_equal(numbers, [1, 3], "the generations that were not cancelled")
            for info in infos:
                expect_same(await store.get(info.name), snapshot(info.number), f"{info.name}")


async def _nothing_is_kept(trial: Trial[SnapshotStore]) -> None:
    place = trial.place()
    async with trial.opened(place) as store:
        await store.save(snapshot(1))
    async with trial.opened(place) as store:
        expect_equal(await store.load(), None, "load from a store that is not durable")


@book.law(need="durable", otherwise=_nothing_is_kept)
async def generations_are_there_after_reopening(trial: Trial[SnapshotStore]) -> None:
    """After closing and opening again every generation is there, and new ones are newer."""
    place = trial.place()
    async with trial.opened(place) as store:
        saved = [await store.save(snapshot(number)) for number in range(3)]
    async with trial.opened(place) as store:
        expect_equal(await store.list(), saved, "list")
        expect_same(await store.load(), snapshot(2), "load")
        saved.append(await store.save(snapshot(1)))
    async with trial.opened(place) as store:
        expect_equal(await store.list(), saved, "list")
        expect_same(await store.load(), snapshot(1), "load")


@book.law(need="crash")
async def acknowledged_generations_survive_a_crash(trial: Trial[SnapshotStore]) -> None:
    """After a crash every acknowledged generation is there."""
    place = trial.place()
    store = await trial.rig.open(place).__aenter__()
    saved = [await store.save(snapshot(number)) for number in range(3)]
    await trial.crashed(store)
    async with trial.opened(place) as store:
        expect_equal(await store.list(), saved, "list")
        expect_same(await store.load(), snapshot(2), "load")


@book.law(need="damage")
async def a_broken_generation_is_skipped(trial: Trial[SnapshotStore]) -> None:
    """
    `load` skips a broken generation with a warning, `get` of it and a store of broken ones is
    `CorruptData`.
    """
    place = trial.place()
    damage = trial.rig.damage
    assert damage is not None
    async with trial.opened(place) as store:
        saved = [await store.save(snapshot(number)) for number in range(3)]
    damage(place, saved[2].name)
    async with trial.opened(place) as store:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            expect_same(await store.load(), snapshot(1), "load past a broken one")
        kinds = [warning.category for warning in caught]
        expect(BrokenSnapshotWarning in kinds, f"the warnings are {kinds}")
        await expect_raises(CorruptData, store.get(saved[2].name), "get of a broken one")
        problems = [info.problem is None for info in await store.list()]
        expect_equal(problems, [True, True, False], "which are listed without a problem")
    damage(place, saved[0].name)
    damage(place, saved[1].name)
    async with trial.opened(place) as store:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", BrokenSnapshotWarning)
            await expect_raises(CorruptData, store.load(), "load of broken ones alone")


@book.law(need="damage")
async def broken_generations_do_not_count(trial: Trial[SnapshotStore]) -> None:
    """
    `prune` never counts a broken generation towards *keep*, and removes those older than the
    kept.
    """
    place = trial.place()
    damage = trial.rig.damage
    assert damage is not None
    async with trial.opened(place) as store:
        saved = [await store.save(snapshot(number)) for number in range(5)]
    damage(place, saved[1].name)
    damage(place, saved[3].name)
    async with trial.opened(place) as store:
        # Kept: 4 and 2. Gone: 0 and the broken 1. The broken 3 is newer than 2 and stays.
        expect_equal(await store.prune(2), 2, "removed")
        names = [info.name for info in await store.list()]
        expect_equal(names, [saved[2].name, saved[3].name, saved[4].name], "left")
