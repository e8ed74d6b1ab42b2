"""Laws of saving, getting and removing orders."""

from __future__ import annotations

import attrs

from pmstore.errors import InvalidRecord, LimitExceeded, VersionConflict
from pmstore.models.order import Order, OrderStatus
from pmstore.models.query import OrderQuery
from pmstore.models.units import FEE_EXACT_MAX
from pmstore.protocols.order_store import OrderStore
from pmstore.testing.clause import Lawbook
from pmstore.testing.expect import expect, expect_equal, expect_raises
from pmstore.testing.rig import Trial
from pmstore.testing.samples import BAD_EXACT_FEES, BAD_IDS, BAD_INTEGERS, order

book: Lawbook[OrderStore] = Lawbook("order_store")

FILLED = OrderStatus.FILLED


async def expect_held(orders: OrderStore, *wanted: Order) -> None:
    """Exactly *wanted* are there, for `get` and for `find`."""
    found = (await orders.find(OrderQuery(limit=1000))).items
    in_order = sorted(wanted, key=lambda one: (one.order_num, one.id))
    expect_equal(list(found), in_order, "find of everything")
    ids = [one.id for one in wanted]
    expect_equal(await orders.get(ids), {one.id: one for one in wanted}, "get of all ids")


@book.law()
async def what_is_saved_can_be_got(trial: Trial[OrderStore]) -> None:
    """What `save` was given, `get` answers, and `find` too."""
    async with trial.opened() as orders:
        await orders.save([order(1), order(2)])
        await expect_held(orders, order(1), order(2))


@book.law()
async def an_absent_order_is_a_missing_key(trial: Trial[OrderStore]) -> None:
    """An absent order is a missing key, and no error."""
    async with trial.opened() as orders:
        await orders.save([order(1)])
        expect_equal(await orders.get(["order_9"]), {}, "get of an absent order")
        found = await orders.get(["order_9", "order_1", "order_1"])
        expect_equal(found, {"order_1": order(1)}, "get of an absent and a known order")


@book.law()
async def the_newest_version_is_kept(trial: Trial[OrderStore]) -> None:
    """A higher version takes the place of a lower one."""
    newer = order(1, version=5, filled_quantity=40, remaining_quantity=60)
    async with trial.opened() as orders:
        await orders.save([order(1)])
        await orders.save([newer, order(2)])
        await expect_held(orders, newer, order(2))


@book.law()
async def an_older_version_is_ignored(trial: Trial[OrderStore]) -> None:
    """A lower version than the known one is ignored, the rest of its batch is not."""
    newer = order(1, version=5, filled_quantity=40, remaining_quantity=60)
    async with trial.opened() as orders:
        await orders.save([newer])
        await orders.save([order(1, version=4), order(2)])
        await expect_held(orders, newer, order(2))


@book.law()
async def versions_are_compared_as_numbers(trial: Trial[OrderStore]) -> None:
    """Version 10 is newer than version 9, and 2^63-1 is newer than 2^63-2."""
    async with trial.opened() as orders:
        for low, high in ((9, 10), (2**63 - 2, 2**63 - 1)):
            newer = order(1, version=high, price=high % 1000)
            await orders.save([order(1, version=low, price=low % 1000)])
            await orders.save([newer])
            await orders.save([order(1, version=low, price=low % 1000)])
            await expect_held(orders, newer)


@book.law()
async def the_same_version_again_changes_nothing(trial: Trial[OrderStore]) -> None:
    """The same version with the same content is a repeat and changes nothing."""
    async with trial.opened() as orders:
        await orders.save([order(1)])
        await orders.save([order(1)])
        await expect_held(orders, order(1))


@book.law()
async def the_same_version_with_other_content_conflicts(trial: Trial[OrderStore]) -> None:
    """
    The same version with other content is a `VersionConflict`; nothing of the batch is applied.
    """
    async with trial.opened() as orders:
        await orders.save([order(1)])
        batch = [order(0), order(1, price=4000), order(2)]
        await expect_raises(VersionConflict, orders.save(batch), "save of other content")
        await expect_held(orders, order(1))
        large = order(3, fee_exact=FEE_EXACT_MAX)
        await orders.save([large])
        other = attrs.evolve(large, fee_exact=FEE_EXACT_MAX - 1)
        await expect_raises(VersionConflict, orders.save([other]), "save of another exact fee")
        await expect_held(orders, order(1), large)


@book.law()
async def an_order_moves_between_lists(trial: Trial[OrderStore]) -> None:
    """A new version is found by what it says now, and no longer by what it said before."""
    before = order(7, status=OrderStatus.NEW, client_order_id="first")
    after = order(
        7,
        version=2,
        status=FILLED,
        order_num=70,
        user_id="user_9",
        symbol=order(0).symbol,
        client_order_id="second",
    )
    async with trial.opened() as orders:
        await orders.save([before, order(8)])
        await orders.save([after])
        for query, wanted in (
            (OrderQuery(statuses=[OrderStatus.NEW]), [order(8)]),
            (OrderQuery(statuses=[FILLED]), [after]),
            (OrderQuery(user_id=before.user_id), []),
            (OrderQuery(user_id="user_9"), [after]),
            (OrderQuery(token_id=before.symbol.token_id), []),
            (OrderQuery(token_id=after.symbol.token_id), [order(8), after]),
            (OrderQuery(client_order_id="first"), []),
            (OrderQuery(client_order_id="second"), [after]),
            (OrderQuery(), [order(8), after]),
        ):
            expect_equal(list((await orders.find(query)).items), wanted, f"find of {query}")


@book.law()
async def a_removed_order_is_gone(trial: Trial[OrderStore]) -> None:
    """`remove` answers how many were there and are gone, for `get` and `find`."""
    async with trial.opened() as orders:
        await orders.save([order(1), order(2), order(3)])
        removed = await orders.remove([("order_1", 1), ("order_3", 5), ("order_9", 1)])
        expect_equal(removed, 2, "count of removed orders")
        await expect_held(orders, order(2))
        expect_equal(await orders.get(["order_1", "order_3"]), {}, "get of removed orders")
        mine = await orders.find(OrderQuery(user_id=order(1).user_id))
        expect_equal(mine.items, (), "find of a removed order's user")
        expect_equal(await orders.remove([("order_1", 1)]), 0, "count of a repeated remove")


@book.law()
async def a_remove_spares_a_newer_version(trial: Trial[OrderStore]) -> None:
    """`remove` through a lower version than the known one leaves the order."""
    async with trial.opened() as orders:
        await orders.save([order(1, version=5)])
        expect_equal(await orders.remove([("order_1", 4)]), 0, "count of removed orders")
        await expect_held(orders, order(1, version=5))


@book.law()
async def a_tombstone_beats_late_saves(trial: Trial[OrderStore]) -> None:
    """After `remove` a save of the same or a lower version is ignored."""
    async with trial.opened() as orders:
        await orders.save([order(1, version=3)])
        await orders.remove([("order_1", 5)])
        for version in (3, 4, 5):
            await orders.save([order(1, version=version), order(2)])
            await expect_held(orders, order(2))


@book.law()
async def a_tombstone_beats_an_id_never_seen(trial: Trial[OrderStore]) -> None:
    """`remove` of an id never seen beats a later save of the same or a lower version."""
    async with trial.opened() as orders:
        expect_equal(await orders.remove([("order_1", 5)]), 0, "count of removed orders")
        await orders.save([order(1, version=5), order(2)])
        await expect_held(orders, order(2))


@book.law()
async def a_higher_version_lives_after_a_remove(trial: Trial[OrderStore]) -> None:
    """A save of a higher version than the tombstone's lives, and can be removed again."""
    async with trial.opened() as orders:
        await orders.save([order(1)])
        await orders.remove([("order_1", 5)])
        await orders.save([order(1, version=6)])
        await expect_held(orders, order(1, version=6))
        expect_equal(await orders.remove([("order_1", 6)]), 1, "count of the second remove")
        await expect_held(orders)


@book.law()
async def a_lower_remove_keeps_the_tombstone(trial: Trial[OrderStore]) -> None:
    """A later `remove` through a lower version does not weaken a tombstone."""
    async with trial.opened() as orders:
        await orders.remove([("order_1", 5)])
        await orders.remove([("order_1", 2)])
        await orders.save([order(1, version=4), order(2)])
        await expect_held(orders, order(2))


@book.law(need="tombstones")
async def tombstones_are_purged_in_time(trial: Trial[OrderStore]) -> None:
    """A tombstone works for `tombstone_s`, and is purged by some write after that."""
    lifetime_s = trial.rig.tombstone_s
    assert lifetime_s is not None
    async with trial.opened() as orders:
        await orders.remove([("order_1", 5)])
        trial.clock.move(lifetime_s - 1)
        await orders.save([order(1, version=5)])
        await expect_held(orders)
        trial.clock.move(2)
        await orders.remove([("order_9", 1)])
        await orders.save([order(1, version=5)])
        await expect_held(orders, order(1, version=5))


@book.law()
async def empty_calls_do_nothing(trial: Trial[OrderStore]) -> None:
    """Empty batches and empty lists of ids do nothing and are no error."""
    async with trial.opened() as orders:
        await orders.save([])
        expect_equal(await orders.remove([]), 0, "count of an empty remove")
        expect_equal(await orders.get([]), {}, "get of nothing")
        await expect_held(orders)


@book.law()
async def an_id_twice_in_a_batch_is_refused(trial: Trial[OrderStore]) -> None:
    """A batch that names an id twice is an `InvalidRecord`; nothing of it is applied."""
    async with trial.opened() as orders:
        batch = [order(2), order(1), order(1, version=2)]
        await expect_raises(InvalidRecord, orders.save(batch), "save of an id twice")
        await expect_held(orders)


@book.law()
async def ids_that_are_none_are_refused(trial: Trial[OrderStore]) -> None:
    """An empty, too long or malformed id is an `InvalidRecord`; nothing of its batch is applied."""
    async with trial.opened() as orders:
        for bad in BAD_IDS:
            for field in ("id", "user_id", "client_order_id"):
                batch = [order(1), order(2, **{field: bad}), order(3)]
                what = f"save with {field}={bad!r}"
                await expect_raises(InvalidRecord, orders.save(batch), what)
        await expect_held(orders)


@book.law()
async def integers_beyond_64_bits_are_refused(trial: Trial[OrderStore]) -> None:
    """
    An integer beyond 2^63-1, or an exact fee of more than 2^63-1 micros, is an `InvalidRecord`;
    nothing of its batch is applied.
    """
    async with trial.opened() as orders:
        fields = ("price", "quantity", "timestamp", "order_num", "version", "spent")
        spoilt = [(field, bad) for bad in BAD_INTEGERS for field in fields]
        spoilt += [("fee_exact", bad) for bad in BAD_EXACT_FEES]
        for field, bad in spoilt:
            batch = [order(1), order(2, **{field: bad}), order(3)]
            what = f"save with {field}={bad!r}"
            await expect_raises(InvalidRecord, orders.save(batch), what)
        await expect_held(orders)


@book.law()
async def a_batch_beyond_the_limit_is_refused(trial: Trial[OrderStore]) -> None:
    """
    One more than `limits.batch_size_max` is `LimitExceeded` and does nothing; the limit itself
    is taken.
    """
    async with trial.opened() as orders:
        most = orders.limits.batch_size_max
        batch = [order(number) for number in range(most + 1)]
        await expect_raises(LimitExceeded, orders.save(batch), "save beyond the limit")
        await expect_held(orders)
        await orders.save(batch[:most])
        ids = [one.id for one in batch]
        expect_equal(len(await orders.get(ids[:most])), most, "orders got of a full batch")
        await expect_raises(LimitExceeded, orders.get(ids), "get beyond the limit")
        pairs = [(id, 1) for id in ids]
        await expect_raises(LimitExceeded, orders.remove(pairs), "remove beyond the limit")
        expect_equal(await orders.remove(pairs[:most]), most, "count of a full remove")


@book.law()
async def results_are_copies_or_frozen(trial: Trial[OrderStore]) -> None:
    """Changing what was saved or answered changes nothing in the store."""
    async with trial.opened() as orders:
        given = order(1)
        await orders.save([given])
        _spoil(given)
        _spoil((await orders.get(["order_1"]))["order_1"])
        _spoil((await orders.find(OrderQuery())).items[0])
        await expect_held(orders, order(1))


def _spoil(one: Order) -> None:
    try:
        one.price = 1
    except AttributeError:
        # Frozen: that is the other way to keep this law.
        expect(one.price == 5000, "a frozen order was changed")
