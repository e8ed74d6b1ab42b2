"""Laws of an event store."""

from __future__ import annotations

from typing import Final

import attrs

from pmstore.errors import InvalidQuery, InvalidRecord, LimitExceeded, VersionConflict
from pmstore.models.market import Event, Fees, Market, MarketState
from pmstore.models.query import EventQuery
from pmstore.models.units import INTEGER_MAX
from pmstore.protocols.event_store import EventStore
from pmstore.testing.cancellation import Cancelling
from pmstore.testing.clause import Lawbook
from pmstore.testing.expect import expect, expect_equal, expect_raises
from pmstore.testing.lifetime_laws import Verbs, lifetime_laws
from pmstore.testing.rig import Trial
from pmstore.testing.samples import BAD_INTEGERS, GOOD_IDS, event

book: Lawbook[EventStore] = Lawbook("event_store")

verbs: Final[Verbs[EventStore]] = {
    "save": lambda store: store.save([(event(1), 1)]),
    "get": lambda store: store.get([1]),
    "find": lambda store: store.find(EventQuery()),
}
"""A harmless call of each verb."""

lifetime: Lawbook[EventStore] = lifetime_laws("event_store", verbs)


async def expect_held(store: EventStore, *wanted: Event) -> None:
    """Exactly *wanted* are there, for `get` and for `find`."""
    found = list((await store.find(EventQuery(limit=1000))).items)
    expect_equal(found, sorted(wanted, key=lambda one: one.event_id), "find of everything")
    by_id = {one.event_id: one for one in wanted}
    expect_equal(await store.get([*by_id, 10**6]), by_id, "get of all ids")


@book.law()
async def the_highest_version_is_kept(trial: Trial[EventStore]) -> None:
    """A higher version replaces, a lower one is ignored, the same one again changes nothing."""
    newest = event(1, end_date_ms=7)
    async with trial.opened() as store:
        await store.save([(event(1), 9)])
        await store.save([(newest, 10), (event(2), 1)])
        await store.save([(event(1), 9), (event(3), 1)])
        await store.save([(newest, 10)])
        await expect_held(store, newest, event(2), event(3))


@book.law()
async def the_same_version_with_other_content_conflicts(trial: Trial[EventStore]) -> None:
    """The same version with other content is a `VersionConflict`; its batch is not applied."""
    async with trial.opened() as store:
        await store.save([(event(1), 5)])
        batch = [(event(0), 1), (event(1, end_date_ms=7), 5), (event(2), 1)]
        await expect_raises(VersionConflict, store.save(batch), "save of other content")
        await expect_held(store, event(1))


@book.law()
async def every_value_comes_out(trial: Trial[EventStore]) -> None:
    """Any ids, integers, states, payouts, fees and outcomes come out as they went in."""
    states = tuple(MarketState)
    fees = (None, Fees("linear", 0, INTEGER_MAX), Fees("quadratic", 100_000, 1))
    markets = {
        number: Market(
            market_id=number,
            token_ids=(id, f"no {number}"),
            outcomes=("Да", 'say "no"'),
            tick_size=100,
            state=states[number % len(states)],
            payouts=(10_000, 0) if number % 2 else None,
            update_id=INTEGER_MAX,
            last_price=9_990,
            fees=fees[number % len(fees)],
        )
        for number, id in enumerate(GOOD_IDS)
    }
    held = [
        Event(event_id=0),
        Event(event_id=1, markets=markets, end_date_ms=0, exclusive=True, removing=True),
        event(INTEGER_MAX, markets={}, end_date_ms=INTEGER_MAX),
    ]
    async with trial.opened() as store:
        await store.save([(one, INTEGER_MAX) for one in held])
        await expect_held(store, *held)


@book.law()
async def events_come_by_id(trial: Trial[EventStore]) -> None:
    """`find` answers by `event_id` as a number, filtered before limited, page by page."""
    held = [event(number) for number in (10, 9, 2, 100, 33, 1)]
    async with trial.opened() as store:
        for one in held:
            await store.save([(one, 1)])
        await expect_held(store, *held)
        for ids in (None, [9, 100, 5, 2], []):
            wanted = sorted(
                number for number in (10, 9, 2, 100, 33, 1) if ids is None or number in ids
            )
            for limit in (1, 2, 100):
                found: list[int] = []
                after: str | None = None
                for _ in range(100):
                    page = await store.find(EventQuery(ids=ids, after=after, limit=limit))
                    expect(len(page.items) <= limit, f"{len(page.items)} with limit={limit}")
                    found += [one.event_id for one in page.items]
                    after = page.next
                    if after is None:
                        break
                expect_equal(found, wanted, f"{ids=} {limit=}")
        for cursor in ("", "nonsense", "W10="):
            await expect_raises(
                InvalidQuery, store.find(EventQuery(after=cursor)), f"find after {cursor!r}"
            )


@book.law()
async def bad_records_are_refused(trial: Trial[EventStore]) -> None:
    """Integers beyond 64 bits and an event twice are `InvalidRecord`; nothing is applied."""
    async with trial.opened() as store:
        bad = [(event(number, markets={}), 1) for number in BAD_INTEGERS]
        bad += [(event(2), number) for number in BAD_INTEGERS]
        bad += [
            (event(2, markets={1: Market(market_id=1, token_ids=("y", "n"), fees=fees)}), 1)
            for number in BAD_INTEGERS
            for fees in (Fees("linear", number, 0), Fees("linear", 0, number))
        ]
        bad += [(event(1), 2)]
        for one in bad:
            await expect_raises(InvalidRecord, store.save([(event(1), 1), one]), f"save of {one}")
        await expect_held(store)


@book.law()
async def a_batch_beyond_the_limit_is_refused(trial: Trial[EventStore]) -> None:
    """One more than `limits.batch_size_max` is `LimitExceeded` and does nothing; empty is fine."""
    async with trial.opened() as store:
        most = store.limits.batch_size_max
        batch = [(Event(event_id=number), 1) for number in range(most + 1)]
        await expect_raises(LimitExceeded, store.save(batch), "save beyond the limit")
        await expect_raises(LimitExceeded, store.get(range(most + 1)), "get beyond the limit")
        await store.save([])
        expect_equal(await store.get([]), {}, "get of nothing")
        await expect_held(store)


@book.law()
async def results_are_copies_or_frozen(trial: Trial[EventStore]) -> None:
    """Changing the markets of what was saved or answered changes nothing in the store."""
    async with trial.opened() as store:
        given = attrs.evolve(event(1), markets=dict(event(1).markets))
        await store.save([(given, 1)])
        for one in (given, (await store.get([1]))[1], (await store.find(EventQuery())).items[0]):
            one.markets.clear()
        await expect_held(store, event(1))


@book.law()
async def a_cancelled_save_is_whole_or_nothing(trial: Trial[EventStore]) -> None:
    """Cancelling a save at any await leaves all of its batch or nothing; the next call is right."""
    async with trial.opened() as store:
        async for attempt in Cancelling():
            ids = [3 * attempt.number + at for at in range(3)]
            ended = await attempt.call(store.save([(event(id), 1) for id in ids[:2]]))
            await store.save([(event(ids[2]), 1)])
            found = set(await store.get(ids))
            none = found == set(ids[2:]) and not ended
            expect(none or found == set(ids), f"left {found} of {ids}")


async def _nothing_is_kept(trial: Trial[EventStore]) -> None:
    place = trial.place()
    async with trial.opened(place) as store:
        await store.save([(event(1), 1)])
    async with trial.opened(place) as store:
        await expect_held(store)


@book.law(need="durable", otherwise=_nothing_is_kept)
async def events_are_there_after_reopening(trial: Trial[EventStore]) -> None:
    """After closing and opening again every event is there under its version."""
    place = trial.place()
    async with trial.opened(place) as store:
        await store.save([(event(1, end_date_ms=5), 5), (event(2), 1)])
    async with trial.opened(place) as store:
        await store.save([(event(1), 4)])
        await expect_held(store, event(1, end_date_ms=5), event(2))
