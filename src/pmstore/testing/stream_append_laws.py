"""Laws of appending to a stream: order, conditions, batches, reopening."""

from __future__ import annotations

import asyncio
from typing import Any

from pmstore.errors import Conflict, Fenced, InvalidRecord, LimitExceeded
from pmstore.models.position import EMPTY, START, Entry, Head, Position
from pmstore.protocols.stream import Stream
from pmstore.testing.cancellation import Cancelling
from pmstore.testing.clause import Lawbook
from pmstore.testing.expect import expect, expect_equal, expect_raises
from pmstore.testing.rig import Trial

book: Lawbook[Stream] = Lawbook("stream")


async def everything(stream: Stream) -> list[Entry]:
    """Every entry held."""
    return await stream.read(START, 10_000)


async def payloads(stream: Stream) -> list[bytes]:
    """The payload of every entry held."""
    return [entry.payload for entry in await everything(stream)]


async def head(stream: Stream) -> Head:
    """The last entry as a head, `EMPTY` without one."""
    bounds = await stream.bounds()
    return EMPTY if bounds is None else bounds.last.head


@book.law()
async def entries_come_in_order(trial: Trial[Stream]) -> None:
    """Entries are read in the order of their appends, byte for byte, with growing ids."""
    items = [b"a", b"\x00", bytes(range(256)), b"\n", b"x" * 100_000, b"a"]
    async with trial.opened() as stream:
        first = await stream.append(items[:1])
        last = await stream.append(items[1:])
        entries = await everything(stream)
        expect_equal([entry.payload for entry in entries], items, "payloads")
        ids = [entry.id for entry in entries]
        expect_equal(ids, sorted(set(ids)), "ids in order, each once")
        expect_equal((ids[0], ids[-1]), (first, last), "ids that append answered")
        expect(first > START, f"the first id {first} is not above {START}")


@book.law()
async def an_append_with_nothing_is_refused(trial: Trial[Stream]) -> None:
    """No item, or one that is empty or no bytes, is an `InvalidRecord`; nothing is written."""
    async with trial.opened() as stream:
        await expect_raises(InvalidRecord, stream.append([]), "append of no item")
        await expect_raises(InvalidRecord, stream.append([b"a", b"", b"b"]), "an empty item")
        for wrong in ("text", 7, None):
            items: list[Any] = [b"a", wrong, b"b"]
            await expect_raises(InvalidRecord, stream.append(items), f"{wrong!r} as an item")
        expect_equal(await everything(stream), [], "entries")


@book.law()
async def an_append_beyond_the_limit_is_refused(trial: Trial[Stream]) -> None:
    """
    One item more than `limits.batch_size_max` is `LimitExceeded` and writes nothing; the limit
    itself is taken.
    """
    async with trial.opened() as stream:
        most = stream.limits.batch_size_max
        await expect_raises(LimitExceeded, stream.append([b"x"] * (most + 1)), "too many")
        expect_equal(await everything(stream), [], "entries")
        await stream.append([b"x"] * most)
        expect_equal(len(await stream.read(START, most + 1)), most, "count of entries")


@book.law()
async def a_conditional_append_needs_its_head(trial: Trial[Stream]) -> None:
    """With `expect_head` an append happens only if the head is that very entry, else `Conflict`."""
    async with trial.opened() as stream:
        await stream.append([b"a"])
        first = await head(stream)
        await stream.append([b"b"], expect_head=first)
        second = await head(stream)
        for wrong in (
            first,
            EMPTY,
            Head(second.id, first.payload_hash),
            Head(first.id, second.payload_hash),
            Head(Position(second.id.ms + 1, 0), second.payload_hash),
        ):
            await expect_raises(Conflict, stream.append([b"c"], expect_head=wrong), f"{wrong}")
        expect_equal(await payloads(stream), [b"a", b"b"], "payloads")
        await stream.append([b"c", b"d"], expect_head=second)
        expect_equal(await payloads(stream), [b"a", b"b", b"c", b"d"], "payloads")


@book.law()
async def only_an_empty_stream_has_the_empty_head(trial: Trial[Stream]) -> None:
    """`expect_head=EMPTY` is taken by a stream that never had an entry, and by no other."""
    async with trial.opened() as stream:
        wrong = Head(Position(1, 0), "0" * 40)
        await expect_raises(Conflict, stream.append([b"a"], expect_head=wrong), "a wrong head")
        await stream.append([b"a"], expect_head=EMPTY)
        call = stream.append([b"b"], expect_head=EMPTY)
        await expect_raises(Conflict, call, "the empty head again")
        expect_equal(await payloads(stream), [b"a"], "payloads")


@book.law()
async def a_lower_epoch_is_fenced(trial: Trial[Stream]) -> None:
    """
    After an append with an epoch, every append with a lower one is `Fenced` and writes nothing.
    """
    async with trial.opened() as stream:
        await stream.append([b"a"], epoch=3)
        await stream.append([b"b"], epoch=3)
        await expect_raises(Fenced, stream.append([b"x"], epoch=2), "a lower epoch")
        await stream.append([b"c"], epoch=5)
        for epoch in (3, 4):
            call = stream.append([b"x"], epoch=epoch, expect_head=await head(stream))
            await expect_raises(Fenced, call, f"epoch {epoch} after 5")
        await stream.append([b"d"], epoch=5)
        expect_equal(await payloads(stream), [b"a", b"b", b"c", b"d"], "payloads")


@book.law()
async def of_racing_writers_one_wins(trial: Trial[Stream]) -> None:
    """Of many appends that expect the same head at the same time exactly one is written."""
    async with trial.opened() as stream:
        await stream.append([b"start"])
        at = await head(stream)
        answers = await asyncio.gather(
            *(stream.append([b"%d" % number, b"x"], expect_head=at) for number in range(8)),
            return_exceptions=True,
        )
        won = [number for number, answer in enumerate(answers) if isinstance(answer, Position)]
        lost = [answer for answer in answers if isinstance(answer, Conflict)]
        expect_equal((len(won), len(lost)), (1, 7), f"winners and losers of {answers}")
        wanted = [b"start", b"%d" % won[0], b"x"]
        expect_equal(await payloads(stream), wanted, "payloads")


@book.law()
async def batches_of_many_writers_stay_whole(trial: Trial[Stream]) -> None:
    """Batches of concurrent writers are each in one piece, and none is lost."""
    async with trial.opened() as stream:
        batches = [[b"%d-%d" % (writer, item) for item in range(4)] for writer in range(20)]
        answers = await asyncio.gather(*(stream.append(batch) for batch in batches))
        found = await everything(stream)
        pieces = [[entry.payload for entry in found[at : at + 4]] for at in range(0, 80, 4)]
        expect_equal(sorted(pieces), sorted(batches), "batches")
        lasts = {entry.payload: entry.id for entry in found}
        wanted = [lasts[batch[-1]] for batch in batches]
        expect_equal(answers, wanted, "ids that append answered")


@book.law()
async def a_cancelled_append_is_whole_or_nothing(trial: Trial[Stream]) -> None:
    """
    Cancelling an append at any await leaves all of its batch or nothing, and the next one is
    right.
    """
    async with trial.opened() as stream:
        async for attempt in Cancelling():
            start = await stream.append([b"before"])
            ended = await attempt.call(stream.append([b"1", b"2", b"3"]))
            last = await stream.append([b"after"])
            found = [Entry(start, b"before"), *await stream.read(start, 10)]
            middle = [entry.payload for entry in found[1:-1]]
            wanted = [[b"1", b"2", b"3"]] if ended else [[], [b"1", b"2", b"3"]]
            expect(middle in wanted, f"a cancelled append of 3 left {middle}")
            expect_equal(found[-1], Entry(last, b"after"), "the next append")


@book.law(need="clock")
async def ids_grow_when_the_clock_goes_back(trial: Trial[Stream]) -> None:
    """Ids carry the time of their append, and grow even if the clock goes back."""
    async with trial.opened() as stream:
        first = await stream.append([b"a"])
        expect_equal(first.ms, trial.clock.now_ms, "milliseconds of the first id")
        trial.clock.move(-10)
        second = await stream.append([b"b", b"c"])
        expect(second > first, f"id {second} after {first}")
        trial.clock.move(20)
        third = await stream.append([b"d"])
        expect_equal(third, Position(trial.clock.now_ms, 0), "id of a later append")


async def _nothing_is_kept(trial: Trial[Stream]) -> None:
    place = trial.place()
    async with trial.opened(place) as stream:
        await stream.append([b"a"])
    async with trial.opened(place) as stream:
        expect_equal(await stream.bounds(), None, "bounds of a stream that is not durable")


@book.law(need="durable", otherwise=_nothing_is_kept)
async def everything_is_there_after_reopening(trial: Trial[Stream]) -> None:
    """After closing and opening again every entry is there, and ids, head and epoch go on."""
    place = trial.place()
    async with trial.opened(place) as stream:
        await stream.append([b"a", b"\x00\xff"], epoch=4)
        last = await stream.append([b"c" * 10_000])
        before = await everything(stream)
    for turn in range(3):
        async with trial.opened(place) as stream:
            expect_equal(await everything(stream), before, "entries")
            expect_equal(await stream.bounds(), (before[0], before[-1]), "bounds")
            await expect_raises(Fenced, stream.append([b"x"], epoch=3), "a lower epoch")
            await expect_raises(Conflict, stream.append([b"x"], expect_head=EMPTY), "empty head")
            grown = await stream.append([b"%d" % turn], expect_head=before[-1].head, epoch=4)
            expect(grown > last, f"id {grown} after {last}")
            last = grown
            before = await everything(stream)


@book.law(need="durable")
async def ids_grow_over_reopening(trial: Trial[Stream]) -> None:
    """Ids grow over reopening even after everything but the last entry was trimmed."""
    place = trial.place()
    async with trial.opened(place) as stream:
        last = await stream.append([b"a", b"b", b"c"])
        await stream.trim(last)
    async with trial.opened(place) as stream:
        expect_equal((await everything(stream))[-1], Entry(last, b"c"), "last entry")
        grown = await stream.append([b"d"])
        expect(grown > last, f"id {grown} after {last}")


@book.law(need="crash")
async def acknowledged_entries_survive_a_crash(trial: Trial[Stream]) -> None:
    """After a crash every acknowledged entry is there, in order, and the stream goes on."""
    place = trial.place()
    wanted: list[bytes] = []
    for turn in range(3):
        stream = await trial.rig.open(place).__aenter__()
        expect_equal(await payloads(stream), wanted, "payloads after the crash")
        for number in range(5):
            item = b"%d-%d" % (turn, number)
            await stream.append([item], expect_head=await head(stream), epoch=turn)
            wanted.append(item)
        await trial.crashed(stream)
