"""Laws of a trade store."""

from __future__ import annotations

import asyncio
import itertools
from typing import Final

from pmstore.errors import InvalidQuery, InvalidRecord, LimitExceeded
from pmstore.models.order import Side
from pmstore.models.query import TradeQuery
from pmstore.models.trade import MatchType, Trade
from pmstore.protocols.trade_store import TradeStore
from pmstore.testing.cancellation import Cancelling
from pmstore.testing.clause import Lawbook
from pmstore.testing.expect import expect, expect_equal, expect_raises
from pmstore.testing.lifetime_laws import Verbs, lifetime_laws
from pmstore.testing.positioned_laws import positioned_laws
from pmstore.testing.reference import trades_asked_for
from pmstore.testing.rig import Trial
from pmstore.testing.samples import BAD_IDS, BAD_INTEGERS, GOOD_IDS, INTEGERS, START_MS, trade

book: Lawbook[TradeStore] = Lawbook("trade_store")

verbs: Final[Verbs[TradeStore]] = {
    "append": lambda store: store.append([trade(1)]),
    "find": lambda store: store.find(TradeQuery()),
}
"""A harmless call of each verb."""

lifetime: Lawbook[TradeStore] = lifetime_laws("trade_store", verbs)


async def _held(store: TradeStore) -> set[int]:
    return {one.trade_id for one in (await store.find(TradeQuery(limit=1000))).items}


positioned: Lawbook[TradeStore] = positioned_laws(
    "trade_store", record=trade, refused=trade(3, taker_user_id=""), held=_held
)


async def expect_held(store: TradeStore, *wanted: Trade) -> None:
    """Exactly *wanted* are there."""
    found = (await store.find(TradeQuery(limit=1000))).items
    expect_equal(list(found), trades_asked_for(wanted, TradeQuery()), "find of everything")


async def pages(store: TradeStore, query: dict[str, object], limit: int) -> list[Trade]:
    """Everything that a question asks for, page by page."""
    found: list[Trade] = []
    after: str | None = None
    for _ in range(1000):
        page = await store.find(TradeQuery(**query, after=after, limit=limit))  # type: ignore[arg-type]
        expect(len(page.items) <= limit, f"a page of {len(page.items)} with limit={limit}")
        found += page.items
        if page.next is None:
            return found
        expect(len(page.items) == limit, "a page with a next one is full")
        after = page.next
    raise AssertionError("the pages do not end")


@book.law()
async def trades_come_newest_first(trial: Trial[TradeStore]) -> None:
    """`find` answers newest first by (`timestamp`, `trade_id`), in whatever order they came."""
    held = [
        trade(number, timestamp=timestamp)
        for number, timestamp in ((9, 5), (10, 5), (100, 5), (3, 7), (2, 1000), (4, 20), (8, 0))
    ]
    async with trial.opened() as store:
        for one in held:
            await store.append([one])
        await expect_held(store, *held)
        expect_equal(await pages(store, {}, 2), trades_asked_for(held, TradeQuery()), "the pages")


@book.law()
async def a_known_trade_is_a_repeat(trial: Trial[TradeStore]) -> None:
    """A trade whose id is known changes nothing, inside its batch and later."""
    async with trial.opened() as store:
        await store.append([trade(1), trade(2), trade(1)])
        await store.append([trade(2), trade(3)])
        await expect_held(store, trade(1), trade(2), trade(3))


@book.law()
async def every_value_comes_out(trial: Trial[TradeStore]) -> None:
    """Every legal id, integers to 2^63-1 and every enumeration come out as they went in."""
    held = [
        trade(number, taker_order_id=id, maker_order_id=id, taker_user_id=id, maker_user_id=id)
        for number, id in enumerate(GOOD_IDS)
    ]
    fields = ("price", "maker_price", "quantity", "timestamp", "taker_fee", "maker_fee")
    held += [
        trade(integer if integer > 100 else 900 + integer, **dict.fromkeys(fields, integer))
        for integer in INTEGERS
    ]
    held += [
        trade(500 + at, match_type=match_type, side=side, maker_side=maker_side, taker_is_bid=bid)
        for at, (match_type, side, maker_side, bid) in enumerate(
            itertools.product(MatchType, Side, Side, (True, False))
        )
    ]
    async with trial.opened() as store:
        await store.append(held)
        await expect_held(store, *held)
        for id in GOOD_IDS:
            for query in (TradeQuery(user_id=id), TradeQuery(order_id=id)):
                wanted = trades_asked_for(held, query)
                expect_equal(list((await store.find(query)).items), wanted, f"find of {query}")


@book.law()
async def every_filter_is_honoured(trial: Trial[TradeStore]) -> None:
    """
    Every field of a question filters, alone and with others; a user or order matches as taker
    or maker.
    """
    held = [trade(number, timestamp=START_MS + number // 3) for number in range(40)]
    choices: dict[str, tuple[object, ...]] = {
        "user_id": ("user_1", "maker_0", "nobody"),
        "order_id": ("order_3", "order_19", "none"),
        "event_id": (0, 9),
        "market_id": (1, 9),
        "token_id": ("token_2", "none"),
        "start_ms": (START_MS + 5,),
        "end_ms": (START_MS + 9,),
    }
    singles = [{name: value} for name, values in choices.items() for value in values]
    pairs = [
        {**one, **other}
        for one, other in itertools.combinations(singles, 2)
        if not one.keys() & other
    ]
    async with trial.opened() as store:
        await store.append(held)
        for fields in [{}, *singles, *pairs]:
            query = TradeQuery(**fields)  # type: ignore[arg-type]
            wanted = trades_asked_for(held, query)
            expect_equal(list((await store.find(query)).items), wanted, f"find of {query}")


@book.law()
async def find_filters_before_it_limits(trial: Trial[TradeStore]) -> None:
    """`limit` counts what is asked for, not what was looked at."""
    held = [trade(number, taker_user_id="mine" if number < 5 else "other") for number in range(40)]
    async with trial.opened() as store:
        await store.append(held)
        for fields, wanted in (
            ({"user_id": "mine"}, [held[4], held[3], held[2]]),
            ({"end_ms": START_MS + 10}, [held[9], held[8], held[7]]),
        ):
            query = TradeQuery(**fields, limit=3)
            expect_equal(list((await store.find(query)).items), wanted, f"find of {query}")


@book.law()
async def windows_are_half_open(trial: Trial[TradeStore]) -> None:
    """A time window holds its start and not its end."""
    held = [trade(number) for number in range(5)]
    async with trial.opened() as store:
        await store.append(held)
        for start, end in ((1, 3), (2, 2), (3, 1), (0, 5), (None, 2), (2, None)):
            query = TradeQuery(
                start_ms=None if start is None else START_MS + start,
                end_ms=None if end is None else START_MS + end,
            )
            wanted = trades_asked_for(held, query)
            expect_equal(list((await store.find(query)).items), wanted, f"find of {query}")


@book.law()
async def pages_show_everything_once(trial: Trial[TradeStore]) -> None:
    """Pages of every size show each trade once and in order, with equal timestamps too."""
    held = [trade(number, timestamp=START_MS + number // 8) for number in range(32)]
    async with trial.opened() as store:
        await store.append(held)
        questions: tuple[dict[str, object], ...] = (
            {},
            {"user_id": "user_1"},
            {"token_id": "token_2"},
            {"start_ms": START_MS + 1, "end_ms": START_MS + 3},
        )
        for fields in questions:
            wanted = trades_asked_for(held, TradeQuery(**fields))  # type: ignore[arg-type]
            for limit in (1, 3, len(wanted), len(wanted) + 1):
                found = await pages(store, fields, limit)
                expect_equal(found, wanted, f"pages of {limit} for {fields}")


@book.law()
async def pages_bear_appends_meanwhile(trial: Trial[TradeStore]) -> None:
    """A trade that was there when paging began is seen exactly once, whatever is appended."""
    held = [trade(number, timestamp=START_MS + number // 4) for number in range(0, 40, 2)]
    async with trial.opened() as store:
        await store.append(held)
        seen: list[Trade] = []
        after: str | None = None
        for turn in range(100):
            page = await store.find(TradeQuery(after=after, limit=3))
            seen += page.items
            after = page.next
            if after is None:
                break
            if turn < 20:
                late = 2 * turn + 1
                await store.append([trade(late, timestamp=START_MS + late // 4)])
        expect(after is None, "the pages do not end")
        expect_equal([one for one in seen if one in held], held[::-1], "what was there before")


@book.law()
async def a_malformed_cursor_is_refused(trial: Trial[TradeStore]) -> None:
    """A cursor that the store did not make is an `InvalidQuery`."""
    async with trial.opened() as store:
        await store.append([trade(1)])
        for cursor in ("", "nonsense", "-1", "\x00", "é", "W10=", "eyJhIjogMX0="):
            call = store.find(TradeQuery(after=cursor))
            await expect_raises(InvalidQuery, call, f"find after {cursor!r}")


@book.law()
async def bad_values_are_refused(trial: Trial[TradeStore]) -> None:
    """
    A malformed id or an integer beyond 2^63-1 is an `InvalidRecord`; nothing of its batch is
    applied.
    """
    async with trial.opened() as store:
        spoilt: list[tuple[str, object]] = [("taker_user_id", bad) for bad in BAD_IDS]
        spoilt += [("maker_order_id", bad) for bad in BAD_IDS]
        spoilt += [("quantity", bad) for bad in BAD_INTEGERS]
        spoilt += [("trade_id", bad) for bad in BAD_INTEGERS]
        for field, bad in spoilt:
            batch = [trade(1), trade(2, **{field: bad}), trade(3)]
            await expect_raises(InvalidRecord, store.append(batch), f"{field}={bad!r}")
        await expect_held(store)


@book.law()
async def a_batch_beyond_the_limit_is_refused(trial: Trial[TradeStore]) -> None:
    """
    One more than `limits.batch_size_max` is `LimitExceeded` and does nothing; empty does
    nothing.
    """
    async with trial.opened() as store:
        batch = [trade(number) for number in range(store.limits.batch_size_max + 1)]
        await expect_raises(LimitExceeded, store.append(batch), "append beyond the limit")
        await store.append([])
        await expect_held(store)


@book.law()
async def results_are_copies_or_frozen(trial: Trial[TradeStore]) -> None:
    """Changing what was appended or answered changes nothing in the store."""
    async with trial.opened() as store:
        given = trade(1)
        await store.append([given])
        given.price = 1
        (await store.find(TradeQuery())).items[0].price = 2
        await expect_held(store, trade(1))


@book.law()
async def concurrent_batches_are_whole(trial: Trial[TradeStore]) -> None:
    """
    Batches of concurrent writers are all kept, and readers see each of them whole or not at
    all.
    """
    async with trial.opened() as store:
        batches = [[trade(4 * writer + item) for item in range(4)] for writer in range(10)]
        writers = asyncio.gather(*(store.append(batch) for batch in batches))
        while not writers.done():
            found = (await store.find(TradeQuery(limit=1000))).items
            per_batch = [sum(one in found for one in batch) for batch in batches]
            expect(set(per_batch) <= {0, 4}, f"trades seen of each batch: {per_batch}")
            await asyncio.sleep(0)
        await writers
        await expect_held(store, *itertools.chain(*batches))


@book.law()
async def a_cancelled_append_is_whole_or_nothing(trial: Trial[TradeStore]) -> None:
    """
    Cancelling an append at any await leaves all of its batch or nothing, and the next one is
    right.
    """
    async with trial.opened() as store:
        async for attempt in Cancelling():
            first = 10 * attempt.number
            batch = [trade(number) for number in range(first, first + 4)]
            next_one = trade(first + 9)
            ended = await attempt.call(store.append(batch))
            await store.append([next_one])
            query = TradeQuery(start_ms=START_MS + first)
            found = (await store.find(query)).items
            states = [len(batch) + 1] if ended else [1, len(batch) + 1]
            expect(len(found) in states, f"a cancelled append left {found}")
            expect_equal(found[0], next_one, "the next append")
            await store.append(batch)
            found = (await store.find(query)).items
            expect_equal(
                list(found), [next_one, *batch[::-1]], "after the batch was appended again"
            )


@book.law(need="window")
async def a_window_keeps_the_newest(trial: Trial[TradeStore]) -> None:
    """
    A store of the newest n keeps exactly those by (`timestamp`, `trade_id`), whatever came
    last.
    """
    newest = trial.rig.coverage.newest
    assert newest is not None
    async with trial.opened() as store:
        held = [trade(number) for number in range(newest + 20)]
        for at in range(0, len(held), 10):
            await store.append(held[at : at + 10])
        wanted = held[-newest:]
        expect_equal(await pages(store, {}, 50), wanted[::-1], "the window")
        await store.append([trade(5), trade(newest + 50, timestamp=START_MS)])
        expect_equal(await pages(store, {}, 50), wanted[::-1], "the window after a late trade")
        mine = trades_asked_for(wanted, TradeQuery(user_id="user_1"))
        expect_equal(await pages(store, {"user_id": "user_1"}, 50), mine, "a user's in the window")


async def _nothing_is_kept(trial: Trial[TradeStore]) -> None:
    place = trial.place()
    async with trial.opened(place) as store:
        await store.append([trade(1)])
    async with trial.opened(place) as store:
        await expect_held(store)


@book.law(need="durable", otherwise=_nothing_is_kept)
async def trades_are_there_after_reopening(trial: Trial[TradeStore]) -> None:
    """After closing and opening again every trade is there, and a repeat is still one."""
    place = trial.place()
    async with trial.opened(place) as store:
        await store.append([trade(1), trade(2)])
    async with trial.opened(place) as store:
        await expect_held(store, trade(1), trade(2))
        await store.append([trade(2), trade(3)])
    async with trial.opened(place) as store:
        await expect_held(store, trade(1), trade(2), trade(3))


@book.law(need="crash")
async def acknowledged_trades_survive_a_crash(trial: Trial[TradeStore]) -> None:
    """After a crash every acknowledged trade is there, once."""
    place = trial.place()
    held: list[Trade] = []
    for turn in range(3):
        store = await trial.rig.open(place).__aenter__()
        for number in range(5):
            held.append(trade(5 * turn + number))
            await store.append(held[-2:])
        await trial.crashed(store)
    async with trial.opened(place) as store:
        await expect_held(store, *held)
