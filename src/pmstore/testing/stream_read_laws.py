"""Laws of reading and trimming a stream."""

from __future__ import annotations

import asyncio
from typing import Final

from pmstore.errors import StoreClosed
from pmstore.models.position import START, Entry, Position
from pmstore.protocols.stream import Stream
from pmstore.testing.cancellation import Cancelling
from pmstore.testing.clause import Lawbook
from pmstore.testing.expect import expect, expect_equal, expect_raises
from pmstore.testing.lifetime_laws import Verbs, lifetime_laws
from pmstore.testing.rig import Trial
from pmstore.testing.stream_append_laws import everything, head

book: Lawbook[Stream] = Lawbook("stream")

verbs: Final[Verbs[Stream]] = {
    "append": lambda stream: stream.append([b"x"]),
    "read": lambda stream: stream.read(START, 1),
    "trim": lambda stream: stream.trim(Position(1, 0)),
    "bounds": lambda stream: stream.bounds(),
    "size_bytes": lambda stream: stream.size_bytes(),
}
"""A harmless call of each verb."""

lifetime: Lawbook[Stream] = lifetime_laws("stream", verbs)

_LONG_S = 30.0
"""A wait that a woken reader never sees the end of."""

_LARGE: Final = bytes(range(1, 251)) * 40
"""A payload that no backend packs together with its neighbours."""

_SOON_S = 5.0
"""How long a reader that must wake is waited for."""


async def _blocked(stream: Stream, after: Position) -> asyncio.Task[list[Entry]]:
    """A reader that waits, and has had time to begin with it."""
    task = asyncio.ensure_future(stream.read(after, 10, _LONG_S))
    for _ in range(20):
        await asyncio.sleep(0)
    expect(not task.done(), "a read with nothing to read did not wait")
    return task


async def _soon(task: asyncio.Task[list[Entry]], what: str) -> list[Entry]:
    done, _ = await asyncio.wait({task}, timeout=_SOON_S)
    if not done:
        task.cancel()
        raise AssertionError(f"{what}: the reader was not woken")
    return task.result()


@book.law()
async def an_empty_stream_is_empty(trial: Trial[Stream]) -> None:
    """A stream that never had an entry has no bounds and nothing to read."""
    async with trial.opened() as stream:
        expect_equal(await stream.bounds(), None, "bounds")
        expect_equal(await everything(stream), [], "entries")


@book.law()
async def reading_is_exclusive_and_limited(trial: Trial[Stream]) -> None:
    """`read` answers at most *limit* entries, beginning with the one behind *after*."""
    async with trial.opened() as stream:
        await stream.append([b"%d" % number for number in range(10)])
        entries = await everything(stream)
        for at, entry in enumerate(entries):
            for limit in (1, 3, 100):
                found = await stream.read(entry.id, limit)
                expect_equal(found, entries[at + 1 : at + 1 + limit], f"{limit} after {entry.id}")
        between = Position(entries[0].id.ms, 2**64 - 1)
        wanted = [entry for entry in entries if entry.id > between]
        expect_equal(await stream.read(between, 100), wanted, "read after an id between")


@book.law()
async def bounds_are_the_first_and_the_last(trial: Trial[Stream]) -> None:
    """`bounds` answers the first and the last entry held."""
    async with trial.opened() as stream:
        for number in range(3):
            await stream.append([b"%d" % number, b"more"])
            entries = await everything(stream)
            bounds = await stream.bounds()
            expect_equal(bounds, (entries[0], entries[-1]), "bounds")


@book.law()
async def a_waiting_reader_is_woken(trial: Trial[Stream]) -> None:
    """A `read` that waits is woken by an append, every waiting reader by the same one."""
    async with trial.opened() as stream:
        last = START
        for item in (b"a", b"b"):
            tasks = [await _blocked(stream, last) for _ in range(3)]
            last = await stream.append([item])
            for task in tasks:
                found = await _soon(task, "append")
                expect_equal(found, [Entry(last, item)], "what the reader was woken with")


@book.law()
async def a_read_with_nothing_ends_empty(trial: Trial[Stream]) -> None:
    """A `read` that waits and gets nothing answers an empty list, not earlier than it was told."""
    async with trial.opened() as stream:
        last = await stream.append([b"a"])
        loop = asyncio.get_running_loop()
        began = loop.time()
        expect_equal(await stream.read(last, 10, 0.05), [], "entries")
        expect(loop.time() - began >= 0.04, "the read did not wait")
        expect_equal(await stream.read(last, 10), [], "entries without waiting")


@book.law()
async def a_read_with_something_does_not_wait(trial: Trial[Stream]) -> None:
    """A `read` that finds an entry answers at once, with fewer than *limit* too."""
    async with trial.opened() as stream:
        await stream.append([b"a"])
        task = asyncio.ensure_future(stream.read(START, 10, _LONG_S))
        found = await _soon(task, "an entry that is there")
        expect_equal([entry.payload for entry in found], [b"a"], "payloads")


@book.law()
async def leaving_ends_a_waiting_read(trial: Trial[Stream]) -> None:
    """Leaving `async with` ends a waiting `read` with `StoreClosed`."""
    async with trial.opened() as stream:
        task = await _blocked(stream, START)
    await expect_raises(StoreClosed, _soon(task, "leaving"), "a read that waited at leaving")


@book.law()
async def a_cancelled_read_takes_nothing(trial: Trial[Stream]) -> None:
    """A cancelled `read` takes nothing from later ones, and the stream goes on."""
    async with trial.opened() as stream:
        async for attempt in Cancelling():
            after = (await head(stream)).id
            ended = await attempt.call(stream.read(after, 10, 0.0))
            task = await _blocked(stream, after)
            task.cancel()
            await asyncio.wait({task})
            expect(task.cancelled() or ended, "a cancelled read was not cancelled")
            last = await stream.append([b"next"])
            found = await stream.read(after, 10, _SOON_S)
            expect_equal(found, [Entry(last, b"next")], "what the next read answers")


@book.law()
async def trimming_spares_what_lies_behind(trial: Trial[Stream]) -> None:
    """`trim` drops nothing behind its position, and may drop only a beginning."""
    async with trial.opened() as stream:
        for number in range(10):
            await stream.append([b"%d" % number])
        entries = await everything(stream)
        await stream.trim(entries[4].id)
        left = await everything(stream)
        expect_equal(left, entries[len(entries) - len(left) :], "what is left is an end")
        expect(len(left) >= 5, f"{len(left)} entries are left of the 5 behind the position")
        expect_equal(await stream.bounds(), (left[0], left[-1]), "bounds")


@book.law()
async def trimming_keeps_the_last_entry(trial: Trial[Stream]) -> None:
    """`trim` never drops the last entry, and the head stays what it was."""
    async with trial.opened() as stream:
        await stream.trim(Position(5, 5))
        last = await stream.append([b"a", b"b", b"c"])
        at = await head(stream)
        for through in (last, Position(2**64 - 1, 0)):
            await stream.trim(through)
            expect_equal(await head(stream), at, "head")
            left = await everything(stream)
            expect_equal(left[-1], Entry(last, b"c"), "last entry")
        grown = await stream.append([b"d"], expect_head=at)
        expect(grown > last, f"id {grown} after {last}")


@book.law()
async def the_size_covers_what_is_held(trial: Trial[Stream]) -> None:
    """
    `size_bytes` is at least the payloads held, of the same order, and falls with what `trim`
    lets go.
    """
    async with trial.opened() as stream:
        for count in range(1, 6):
            await stream.append([_LARGE] * 4)
            held = 4 * count * len(_LARGE)
            size = await stream.size_bytes()
            expect(held <= size <= 2 * held + 2**20, f"{size} for {held} bytes of payloads")
        before = await everything(stream)
        await stream.trim(before[-3].id)
        left, least = await everything(stream), await stream.size_bytes()
        held = len(left) * len(_LARGE)
        expect(held <= least <= 2 * held + 2**20, f"{least} for {held} bytes of payloads")
        fell = least < size if len(left) < len(before) else least <= size
        expect(fell, f"{least} after {size}, {len(left)} of {len(before)} entries are left")
