"""Laws of an account store."""

from __future__ import annotations

import asyncio
from typing import Final

from pmstore.errors import InvalidQuery, InvalidRecord, LimitExceeded, VersionConflict
from pmstore.models.balance import Balance
from pmstore.models.query import BalanceQuery
from pmstore.protocols.account_store import AccountStore
from pmstore.testing.cancellation import Cancelling
from pmstore.testing.clause import Lawbook
from pmstore.testing.expect import expect, expect_equal, expect_raises
from pmstore.testing.lifetime_laws import Verbs, lifetime_laws
from pmstore.testing.positioned_laws import positioned_laws
from pmstore.testing.rig import Trial
from pmstore.testing.samples import BAD_IDS, BAD_INTEGERS, GOOD_IDS, INTEGERS, balance

book: Lawbook[AccountStore] = Lawbook("account_store")

verbs: Final[Verbs[AccountStore]] = {
    "save": lambda store: store.save([balance("u", "cash")]),
    "get": lambda store: store.get([("u", "cash")]),
    "find": lambda store: store.find(BalanceQuery()),
}
"""A harmless call of each verb."""

lifetime: Lawbook[AccountStore] = lifetime_laws("account_store", verbs)


async def _held(store: AccountStore) -> set[int]:
    return {one.available for one in (await store.find(BalanceQuery(limit=1000))).items}


def _numbered(number: int) -> Balance:
    return balance(f"user_{number}", "cash", available=number)


positioned: Lawbook[AccountStore] = positioned_laws(
    "account_store", record=_numbered, refused=balance("", "cash"), held=_held
)


def _key(one: Balance) -> tuple[str, str]:
    return (one.user_id, one.asset)


async def expect_held(store: AccountStore, *wanted: Balance) -> None:
    """Exactly *wanted* are there, for `get` and for `find`."""
    found = list((await store.find(BalanceQuery(limit=1000))).items)
    expect_equal(found, sorted(wanted, key=_key), "find of everything")
    keys = {_key(one): one for one in wanted}
    expect_equal(await store.get([*keys, ("nobody", "cash")]), keys, "get of all keys")


@book.law()
async def the_newest_version_is_kept(trial: Trial[AccountStore]) -> None:
    """A higher version replaces, a lower one is ignored, the same one again changes nothing."""
    newest = balance("u", "cash", 10, 7)
    async with trial.opened() as store:
        await store.save([balance("u", "cash", 9, 5), balance("u", "token", 1)])
        await store.save([newest])
        await store.save([balance("u", "cash", 9, 5)])
        await store.save([newest, balance("v", "cash")])
        await expect_held(store, newest, balance("u", "token", 1), balance("v", "cash"))


@book.law()
async def the_same_version_with_other_content_conflicts(trial: Trial[AccountStore]) -> None:
    """The same version with other content is a `VersionConflict`; its batch is not applied."""
    async with trial.opened() as store:
        await store.save([balance("u", "cash")])
        batch = [balance("a", "cash"), balance("u", "cash", available=1), balance("z", "cash")]
        await expect_raises(VersionConflict, store.save(batch), "save of other content")
        await expect_held(store, balance("u", "cash"))


@book.law()
async def every_value_comes_out(trial: Trial[AccountStore]) -> None:
    """Legal ids and integers to 2^63-1 come out as they went in; look-alikes stay apart."""
    held = [balance(id, asset) for id in GOOD_IDS for asset in ("cash", id) if id != "cash"]
    held += [Balance("numbers", f"{n}", n, n, n) for n in INTEGERS]
    async with trial.opened() as store:
        await store.save(held)
        await expect_held(store, *held)


@book.law()
async def every_filter_is_honoured(trial: Trial[AccountStore]) -> None:
    """`find` answers by (`user_id`, `asset`), filtered before limited, page by page."""
    users = ["a", "a ", "ab", "b", "B", "é", "zz"]
    held = [balance(user, asset) for user in users for asset in ("cash", "t1", "t10", "t2")]
    async with trial.opened() as store:
        await store.save(held[::2])
        await store.save(held[1::2])
        for user in (None, "a", "b", "nobody"):
            for asset in (None, "t1", "none"):
                wanted = sorted(
                    (
                        one
                        for one in held
                        if user in (None, one.user_id) and asset in (None, one.asset)
                    ),
                    key=_key,
                )
                for limit in (1, 3, 100):
                    found: list[Balance] = []
                    after: str | None = None
                    for _ in range(100):
                        page = await store.find(
                            BalanceQuery(user_id=user, asset=asset, after=after, limit=limit)
                        )
                        expect(len(page.items) <= limit, f"{len(page.items)} with limit={limit}")
                        found += page.items
                        after = page.next
                        if after is None:
                            break
                    expect_equal(found, wanted, f"{user=} {asset=} {limit=}")
        for cursor in ("", "nonsense", "W10="):
            call = store.find(BalanceQuery(after=cursor))
            await expect_raises(InvalidQuery, call, f"find after {cursor!r}")


@book.law()
async def bad_records_are_refused(trial: Trial[AccountStore]) -> None:
    """Bad ids, integers beyond 64 bits and a row twice are `InvalidRecord`; nothing is applied."""
    bad = [balance(id, "cash") for id in BAD_IDS] + [balance("u", id) for id in BAD_IDS]
    bad += [balance("u", "cash", available=number) for number in BAD_INTEGERS]
    bad += [balance("u", "cash", version=number) for number in BAD_INTEGERS]
    bad += [balance("a", "cash", 2)]
    async with trial.opened() as store:
        for one in bad:
            call = store.save([balance("a", "cash"), one])
            await expect_raises(InvalidRecord, call, f"save of {one!r}")
        await expect_held(store)


@book.law()
async def a_batch_beyond_the_limit_is_refused(trial: Trial[AccountStore]) -> None:
    """One more than `limits.batch_size_max` is `LimitExceeded` and does nothing; empty is fine."""
    async with trial.opened() as store:
        batch = [_numbered(number) for number in range(store.limits.batch_size_max + 1)]
        await expect_raises(LimitExceeded, store.save(batch), "save beyond the limit")
        call = store.get([_key(one) for one in batch])
        await expect_raises(LimitExceeded, call, "get beyond the limit")
        await store.save([])
        expect_equal(await store.get([]), {}, "get of nothing")
        await expect_held(store)


@book.law()
async def results_are_copies_or_frozen(trial: Trial[AccountStore]) -> None:
    """Changing what was saved or answered changes nothing in the store."""
    async with trial.opened() as store:
        given = balance("u", "cash")
        await store.save([given])
        given.available = 1
        (await store.get([("u", "cash")]))["u", "cash"].available = 2
        (await store.find(BalanceQuery())).items[0].available = 3
        await expect_held(store, balance("u", "cash"))


@book.law()
async def of_racing_versions_the_newest_stays(trial: Trial[AccountStore]) -> None:
    """Many tasks save versions of the same rows in any order: the newest stays."""
    async with trial.opened() as store:
        await asyncio.gather(
            *(
                store.save([balance("u", "cash", version), balance("v", "cash", version)])
                for version in (3, 1, 9, 2, 10, 4)
            )
        )
        await expect_held(store, balance("u", "cash", 10), balance("v", "cash", 10))


@book.law()
async def a_cancelled_save_is_whole_or_nothing(trial: Trial[AccountStore]) -> None:
    """Cancelling a save at any await leaves all of its batch or nothing; the next call is right."""
    async with trial.opened() as store:
        async for attempt in Cancelling():
            rows = [_numbered(3 * attempt.number + at) for at in range(3)]
            keys = [_key(one) for one in rows]
            ended = await attempt.call(store.save(rows[:2]))
            await store.save(rows[2:])
            found = list(await store.get(keys))
            left = set(found)
            none = left == {keys[2]} and not ended
            expect(none or left == set(keys), f"left {found} of {keys}")


async def _nothing_is_kept(trial: Trial[AccountStore]) -> None:
    place = trial.place()
    async with trial.opened(place) as store:
        await store.save([balance("u", "cash")])
    async with trial.opened(place) as store:
        await expect_held(store)


@book.law(need="durable", otherwise=_nothing_is_kept)
async def balances_are_there_after_reopening(trial: Trial[AccountStore]) -> None:
    """After closing and opening again every balance is there in its newest version."""
    place = trial.place()
    async with trial.opened(place) as store:
        await store.save([balance("u", "cash", 5), balance("v", "cash")])
    async with trial.opened(place) as store:
        await store.save([balance("u", "cash", 4)])
        await expect_held(store, balance("u", "cash", 5), balance("v", "cash"))
