"""Laws of a ledger store."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterable
from typing import Any, Final

import attrs

from pmstore.errors import InvalidQuery, InvalidRecord, LimitExceeded
from pmstore.models.ledger import EntryKind, Holder, LedgerEntry
from pmstore.models.query import JournalQuery, LedgerQuery
from pmstore.protocols.ledger_store import LedgerStore
from pmstore.testing.cancellation import Cancelling
from pmstore.testing.clause import Lawbook
from pmstore.testing.expect import expect, expect_equal, expect_raises
from pmstore.testing.lifetime_laws import Verbs, lifetime_laws
from pmstore.testing.positioned_laws import positioned_laws
from pmstore.testing.rig import Trial
from pmstore.testing.samples import BAD_IDS, BAD_INTEGERS, GOOD_IDS, INTEGERS, START_MS, entry

book: Lawbook[LedgerStore] = Lawbook("ledger_store")

verbs: Final[Verbs[LedgerStore]] = {
    "append": lambda store: store.append([entry(1)]),
    "find": lambda store: store.find(LedgerQuery(user_id="user_1")),
    "journal": lambda store: store.journal(JournalQuery(source="log")),
}
"""A harmless call of each verb."""

lifetime: Lawbook[LedgerStore] = lifetime_laws("ledger_store", verbs)


async def _held(store: LedgerStore) -> set[int]:
    page = await store.journal(JournalQuery(source="log", limit=1000))
    return {one.number for one in page.items}


positioned: Lawbook[LedgerStore] = positioned_laws(
    "ledger_store", record=entry, refused=entry(3, account=""), held=_held
)


def _in_order(entries: Iterable[LedgerEntry]) -> list[LedgerEntry]:
    return sorted(entries, key=lambda one: (one.number, one.line))


def _newest_first(entries: Iterable[LedgerEntry]) -> list[LedgerEntry]:
    def place(one: LedgerEntry) -> Any:
        return (one.timestamp, one.source, one.number, one.line)

    return sorted(entries, key=place, reverse=True)


def _asked_for(entries: Iterable[LedgerEntry], query: LedgerQuery) -> list[LedgerEntry]:
    return [
        one
        for one in _newest_first(entries)
        if one.holder is Holder.USER
        and one.account == query.user_id
        and query.asset in (None, one.asset)
        and (query.kinds is None or one.kind in query.kinds)
        and (query.start_ms is None or one.timestamp >= query.start_ms)
        and (query.end_ms is None or one.timestamp < query.end_ms)
    ]


async def _pages(store: LedgerStore, limit: int, **asked: Any) -> list[LedgerEntry]:
    """Everything that a question asks for, page by page; of a journal if it has a source."""
    found: list[LedgerEntry] = []
    after: str | None = None
    for _ in range(1000):
        if "source" in asked:
            page = await store.journal(JournalQuery(**asked, after=after, limit=limit))
        else:
            page = await store.find(LedgerQuery(**asked, after=after, limit=limit))
        expect(len(page.items) <= limit, f"a page of {len(page.items)} with limit={limit}")
        found += page.items
        if page.next is None:
            return found
        expect(len(page.items) == limit, "a page with a next one is full")
        after = page.next
    raise AssertionError("the pages do not end")


async def expect_held(store: LedgerStore, *wanted: LedgerEntry) -> None:
    """Exactly *wanted*, all of the source `log`, are there."""
    found = await _pages(store, 1000, source="log")
    expect_equal(found, _in_order(wanted), "the whole journal")


@book.law()
async def a_journal_is_in_the_order_of_its_lines(trial: Trial[LedgerStore]) -> None:
    """`journal` answers the lines of one source by (`number`, `line`), whoever holds them."""
    held = [
        entry(number, line, holder=holder, account="1/2", timestamp=START_MS)
        for (number, line), holder in zip(
            ((10, 1), (9, 0), (10, 0), (100, 11), (100, 2), (3, 7)),
            itertools.cycle(Holder),
            strict=False,
        )
    ]
    others = [entry(number, source="another") for number in (1, 10, 50)]
    async with trial.opened() as store:
        for one in (*held, *others):
            await store.append([one])
        await expect_held(store, *held)
        for limit in (1, 2, 6):
            found = await _pages(store, limit, source="log")
            expect_equal(found, _in_order(held), f"pages of {limit}")
        late = await _pages(store, 2, source="log", from_number=10)
        expect_equal(late, [one for one in _in_order(held) if one.number >= 10], "from 10 on")
        expect_equal(await _pages(store, 2, source="another"), others, "the other source")
        expect_equal(await _pages(store, 2, source="none"), [], "a source that is not there")


@book.law()
async def a_known_line_is_a_repeat(trial: Trial[LedgerStore]) -> None:
    """A line whose source, number and line are known changes nothing, in its batch and later."""
    async with trial.opened() as store:
        await store.append([entry(1), entry(2), entry(1)])
        await store.append([entry(2, available=7, account="user_1"), entry(3)])
        await expect_held(store, entry(1), entry(2), entry(3))
        for user in ("user_0", "user_1", "user_2"):
            query = LedgerQuery(user_id=user)
            wanted = _asked_for([entry(1), entry(2), entry(3)], query)
            expect_equal(list((await store.find(query)).items), wanted, f"find of {user}")


@book.law()
async def every_value_comes_out(trial: Trial[LedgerStore]) -> None:
    """
    Every legal id, integers to 2^63-1, amounts below zero and every word come out as they went
    in.
    """
    held = [
        entry(number, account=id, asset=id, reference=id, correlation_id=id)
        for number, id in enumerate(GOOD_IDS)
    ]
    amounts = ("available", "frozen", "available_after", "frozen_after")
    held += [
        entry(500 + at, transaction=integer, timestamp=integer, **dict.fromkeys(amounts, sign))
        for at, (integer, sign) in enumerate(
            (integer, sign) for integer in INTEGERS for sign in (integer, -integer)
        )
    ]
    held += [
        entry(700 + at, holder=holder, kind=kind)
        for at, (holder, kind) in enumerate(itertools.product(Holder, EntryKind))
    ]
    held.append(entry(900, reference="", correlation_id=None))
    held.append(entry(901, available_after=None, frozen_after=None))
    held.append(attrs.evolve(entry(1), number=INTEGERS[-1], line=INTEGERS[-1]))
    async with trial.opened() as store:
        await store.append(held)
        await expect_held(store, *held)
        for id in GOOD_IDS:
            query = LedgerQuery(user_id=id, asset=id)
            wanted = _asked_for(held, query)
            expect_equal(list((await store.find(query)).items), wanted, f"find of {query}")


@book.law()
async def every_filter_is_honoured(trial: Trial[LedgerStore]) -> None:
    """Every field of a question filters, alone and with others, before it is limited."""
    held = [
        entry(
            number,
            line,
            account="mine" if number % 4 else "other",
            holder=Holder.MARKET if number % 11 == 0 else Holder.USER,
            asset=("cash", "token_1")[line % 2],
            kind=(EntryKind.TRADE, EntryKind.FEE, EntryKind.HOLD)[number % 3],
            timestamp=START_MS + number // 3,
        )
        for number in range(30)
        for line in range(2)
    ]
    choices: dict[str, tuple[object, ...]] = {
        "asset": ("cash", "token_1", "none"),
        "kinds": ([EntryKind.TRADE], [EntryKind.TRADE, EntryKind.HOLD], [EntryKind.SPLIT], []),
        "start_ms": (START_MS + 3,),
        "end_ms": (START_MS + 7,),
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
            for user_id in ("mine", "nobody"):
                query = LedgerQuery(user_id=user_id, **fields)  # type: ignore[arg-type]
                wanted = _asked_for(held, query)
                expect_equal(list((await store.find(query)).items), wanted, f"find of {query}")
                found = await _pages(store, 3, user_id=user_id, **fields)
                expect_equal(found, wanted, f"pages of {query}")


@book.law()
async def pages_bear_appends_meanwhile(trial: Trial[LedgerStore]) -> None:
    """A line that was there when paging began is seen exactly once, whatever is appended."""
    held = [entry(number, account="mine") for number in range(20)]
    async with trial.opened() as store:
        await store.append(held)
        seen: list[LedgerEntry] = []
        after: str | None = None
        for turn in range(100):
            page = await store.find(LedgerQuery(user_id="mine", after=after, limit=3))
            seen += page.items
            after = page.next
            if after is None:
                break
            await store.append([entry(100 + turn, account="mine")])
        expect(after is None, "the pages do not end")
        expect_equal(seen, held[::-1], "what was there before")


@book.law()
async def a_malformed_cursor_is_refused(trial: Trial[LedgerStore]) -> None:
    """A cursor that the store did not make is an `InvalidQuery`."""
    async with trial.opened() as store:
        await store.append([entry(1)])
        for cursor in ("", "nonsense", "-1", "\x00", "é", "W10=", "eyJhIjogMX0="):
            for call in (
                store.find(LedgerQuery(user_id="user_1", after=cursor)),
                store.journal(JournalQuery(source="log", after=cursor)),
            ):
                await expect_raises(InvalidQuery, call, f"asking after {cursor!r}")


@book.law()
async def bad_values_are_refused(trial: Trial[LedgerStore]) -> None:
    """
    A malformed id or an integer beyond 2^63-1 is an `InvalidRecord`; nothing of its batch is
    applied.
    """
    async with trial.opened() as store:
        spoilt: list[tuple[str, Any]] = [
            (field, bad) for field in ("source", "account", "asset") for bad in BAD_IDS
        ]
        spoilt += [("reference", bad) for bad in BAD_IDS if bad]
        spoilt += [
            (field, bad) for field in ("number", "line", "timestamp") for bad in BAD_INTEGERS
        ]
        spoilt += [("available", 2**63), ("frozen", -(2**63)), ("available_after", 2**63)]
        for field, bad in spoilt:
            batch = [entry(1), attrs.evolve(entry(2), **{field: bad}), entry(3)]
            await expect_raises(InvalidRecord, store.append(batch), f"{field}={bad!r}")
        await expect_held(store)


@book.law()
async def a_batch_beyond_the_limit_is_refused(trial: Trial[LedgerStore]) -> None:
    """
    One more than `limits.batch_size_max` is `LimitExceeded` and does nothing; empty does
    nothing.
    """
    async with trial.opened() as store:
        batch = [entry(number) for number in range(store.limits.batch_size_max + 1)]
        await expect_raises(LimitExceeded, store.append(batch), "append beyond the limit")
        await store.append([])
        await expect_held(store)


@book.law()
async def results_are_copies_or_frozen(trial: Trial[LedgerStore]) -> None:
    """Changing what was appended or answered changes nothing in the store."""
    async with trial.opened() as store:
        given = entry(1)
        await store.append([given])
        given.available = 1
        (await store.find(LedgerQuery(user_id="user_1"))).items[0].available = 2
        (await store.journal(JournalQuery(source="log"))).items[0].available = 3
        await expect_held(store, entry(1))


@book.law()
async def concurrent_batches_are_whole(trial: Trial[LedgerStore]) -> None:
    """
    Batches of concurrent writers are all kept, and readers see each of them whole or not at
    all.
    """
    async with trial.opened() as store:
        batches = [[entry(writer, line) for line in range(4)] for writer in range(10)]
        writers = asyncio.gather(*(store.append(batch) for batch in batches))
        while not writers.done():
            found = (await store.journal(JournalQuery(source="log", limit=1000))).items
            per_batch = [sum(one in found for one in batch) for batch in batches]
            expect(set(per_batch) <= {0, 4}, f"lines seen of each batch: {per_batch}")
            await asyncio.sleep(0)
        await writers
        await expect_held(store, *itertools.chain(*batches))


@book.law()
async def a_cancelled_append_is_whole_or_nothing(trial: Trial[LedgerStore]) -> None:
    """
    Cancelling an append at any await leaves all of its batch or nothing, and the next one is
    right.
    """
    async with trial.opened() as store:
        async for attempt in Cancelling():
            number = attempt.number
            batch = [entry(number, line) for line in range(4)]
            ended = await attempt.call(store.append(batch))
            await store.append([entry(number, 9)])
            query = JournalQuery(source="log", from_number=number)
            found = list((await store.journal(query)).items)
            states = [[*batch, entry(number, 9)]]
            if not ended:
                states.append([entry(number, 9)])
            expect(found in states, f"a cancelled append left {found}")


async def _nothing_is_kept(trial: Trial[LedgerStore]) -> None:
    place = trial.place()
    async with trial.opened(place) as store:
        await store.append([entry(1)])
    async with trial.opened(place) as store:
        await expect_held(store)


@book.law(need="durable", otherwise=_nothing_is_kept)
async def entries_are_there_after_reopening(trial: Trial[LedgerStore]) -> None:
    """After closing and opening again every line is there, and a repeat is still one."""
    place = trial.place()
    async with trial.opened(place) as store:
        await store.append([entry(1), entry(2)])
    async with trial.opened(place) as store:
        await expect_held(store, entry(1), entry(2))
        await store.append([entry(2), entry(3)])
    async with trial.opened(place) as store:
        await expect_held(store, entry(1), entry(2), entry(3))


@book.law(need="crash")
async def acknowledged_entries_survive_a_crash(trial: Trial[LedgerStore]) -> None:
    """After a crash every acknowledged line is there, once."""
    place = trial.place()
    held: list[LedgerEntry] = []
    for turn in range(3):
        store = await trial.rig.open(place).__aenter__()
        for number in range(5):
            held.append(entry(5 * turn + number))
            await store.append(held[-2:])
        await trial.crashed(store)
    async with trial.opened(place) as store:
        await expect_held(store, *held)
