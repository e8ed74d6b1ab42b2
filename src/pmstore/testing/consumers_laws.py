"""Laws of consumer groups."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Final, Self

import attrs

from pmstore.models.position import START, Entry, Position
from pmstore.protocols.consumers import Consumers
from pmstore.protocols.store import Coverage, Limits
from pmstore.protocols.stream import Stream
from pmstore.testing.cancellation import Cancelling
from pmstore.testing.clause import Lawbook
from pmstore.testing.expect import expect, expect_equal
from pmstore.testing.lifetime_laws import Verbs, lifetime_laws
from pmstore.testing.rig import Trial


@attrs.define
class ConsumedStream:
    """What a rig for consumers opens: the groups, and the stream that they read."""

    stream: Stream
    consumers: Consumers

    @property
    def limits(self) -> Limits:
        """The limits of the groups."""
        return self.consumers.limits

    @property
    def coverage(self) -> Coverage:
        """The coverage of the groups."""
        return self.consumers.coverage

    async def __aenter__(self) -> Self:
        await self.stream.__aenter__()
        try:
            await self.consumers.__aenter__()
        except BaseException:
            await self.stream.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        await self.consumers.__aexit__(exc_type, exc, traceback)
        await self.stream.__aexit__(exc_type, exc, traceback)


book: Lawbook[ConsumedStream] = Lawbook("consumers")

verbs: Final[Verbs[ConsumedStream]] = {
    "read": lambda both: both.consumers.read("g", "a", 1),
    "ack": lambda both: both.consumers.ack("g", [Position(1, 0)]),
    "reclaim": lambda both: both.consumers.reclaim("g", "a", 0, 1),
    "positions": lambda both: both.consumers.positions(),
    "forget": lambda both: both.consumers.forget("g"),
}
"""A harmless call of each verb."""

lifetime: Lawbook[ConsumedStream] = lifetime_laws("consumers", verbs)


async def _filled(both: ConsumedStream, count: int) -> list[Entry]:
    await both.stream.append([b"%d" % number for number in range(count)])
    entries = await both.stream.read(START, count)
    expect_equal(len(entries), count, "entries of the stream")
    return entries


def _ids(entries: list[Entry]) -> list[Position]:
    return [entry.id for entry in entries]


@book.law()
async def each_entry_goes_to_one(trial: Trial[ConsumedStream]) -> None:
    """Each entry goes to one consumer of a group, in order, from the stream's beginning."""
    async with trial.opened() as both:
        entries = await _filled(both, 10)
        first = await both.consumers.read("g", "a", 3)
        second = await both.consumers.read("g", "b", 3)
        third = await both.consumers.read("g", "a", 100)
        expect_equal(first + second + third, entries, "what the group got")
        expect_equal((len(first), len(second)), (3, 3), "limits")
        expect_equal(await both.consumers.read("g", "a", 3), [], "another read")


@book.law()
async def groups_do_not_share(trial: Trial[ConsumedStream]) -> None:
    """Every group gets every entry, also one that came to be later."""
    async with trial.opened() as both:
        entries = await _filled(both, 4)
        expect_equal(await both.consumers.read("g", "a", 9), entries, "the first group")
        await both.consumers.ack("g", _ids(entries))
        expect_equal(await both.consumers.read("h", "a", 9), entries, "the second group")


@book.law()
async def what_is_owed_is_acknowledged_once(trial: Trial[ConsumedStream]) -> None:
    """`ack` answers how many were owed: known ones once, unknown ones never."""
    async with trial.opened() as both:
        entries = await _filled(both, 4)
        expect_equal(await both.consumers.ack("g", _ids(entries)), 0, "ack in an unknown group")
        await both.consumers.read("g", "a", 3)
        expect_equal(await both.consumers.ack("g", _ids(entries)), 3, "ack of 3 owed and 1 not")
        expect_equal(await both.consumers.ack("g", _ids(entries)), 0, "ack again")
        expect_equal(await both.consumers.ack("g", []), 0, "ack of nothing")
        expect_equal(await both.consumers.read("g", "a", 9), entries[3:], "the rest")


@book.law()
async def positions_say_what_is_owed(trial: Trial[ConsumedStream]) -> None:
    """A group's position lies before the first entry owed to it and not before the one ahead."""
    async with trial.opened() as both:
        expect_equal(await both.consumers.positions(), {}, "positions without a group")
        entries = await _filled(both, 5)
        ids = _ids(entries)
        await both.consumers.read("g", "a", 4)
        expect((await both.consumers.positions())["g"] < ids[0], "nothing is acknowledged")
        await both.consumers.ack("g", [ids[1]])
        expect((await both.consumers.positions())["g"] < ids[0], "the first is still owed")
        await both.consumers.ack("g", [ids[0]])
        at = (await both.consumers.positions())["g"]
        expect(ids[1] <= at < ids[2], f"two are done, the position is {at}")
        await both.consumers.ack("g", [ids[2], ids[3]])
        at = (await both.consumers.positions())["g"]
        expect(ids[3] <= at < ids[4], f"all that was given is done, the position is {at}")


@book.law()
async def reclaiming_takes_from_others(trial: Trial[ConsumedStream]) -> None:
    """`reclaim` takes over what others owe, up to *limit*, and never what one owes oneself."""
    async with trial.opened() as both:
        entries = await _filled(both, 5)
        expect_equal(await both.consumers.reclaim("g", "b", 0, 9), [], "of an unknown group")
        await both.consumers.read("g", "a", 5)
        await both.consumers.ack("g", [entries[0].id])
        expect_equal(await both.consumers.reclaim("g", "a", 0, 9), [], "from oneself")
        expect_equal(await both.consumers.reclaim("g", "b", 0, 2), entries[1:3], "two of four")
        expect_equal(await both.consumers.reclaim("g", "b", 0, 9), entries[3:], "the others")
        expect_equal(await both.consumers.reclaim("g", "a", 0, 9), entries[1:], "all back")
        expect_equal(await both.consumers.ack("g", _ids(entries)), 4, "ack by whoever")
        expect_equal(await both.consumers.reclaim("g", "b", 0, 9), [], "nothing is owed")


@book.law(need="clock")
async def reclaiming_waits_for_idleness(trial: Trial[ConsumedStream]) -> None:
    """`reclaim` takes only what was owed for `idle_s` or longer, counted from the last taking."""
    async with trial.opened() as both:
        entries = await _filled(both, 4)
        await both.consumers.read("g", "a", 2)
        trial.clock.move(5)
        await both.consumers.read("g", "a", 2)
        trial.clock.move(5)
        expect_equal(await both.consumers.reclaim("g", "b", 11, 9), [], "idle for 11 s")
        expect_equal(await both.consumers.reclaim("g", "b", 10, 9), entries[:2], "idle for 10 s")
        expect_equal(await both.consumers.reclaim("g", "c", 10, 9), [], "just taken")
        expect_equal(await both.consumers.reclaim("g", "c", 5, 9), entries[2:], "idle for 5 s")


@book.law()
async def a_forgotten_group_begins_anew(trial: Trial[ConsumedStream]) -> None:
    """`forget` removes a group with all that is owed; its next `read` begins at the beginning."""
    async with trial.opened() as both:
        entries = await _filled(both, 3)
        await both.consumers.read("g", "a", 2)
        await both.consumers.read("h", "a", 2)
        await both.consumers.forget("g")
        await both.consumers.forget("unknown")
        expect_equal(set(await both.consumers.positions()), {"h"}, "groups")
        expect_equal(await both.consumers.ack("g", _ids(entries)), 0, "ack after forget")
        expect_equal(await both.consumers.read("g", "a", 9), entries, "read after forget")


@book.law()
async def waiting_consumers_share_what_comes(trial: Trial[ConsumedStream]) -> None:
    """Consumers of one group that wait are woken by an append, and each entry goes to one."""
    async with trial.opened() as both:
        tasks = [
            asyncio.ensure_future(both.consumers.read("g", name, 1, 30.0)) for name in ("a", "b")
        ]
        for _ in range(20):
            await asyncio.sleep(0)
        entries = await _filled(both, 2)
        done, waiting = await asyncio.wait(tasks, timeout=5)
        for task in waiting:
            task.cancel()
        expect_equal(len(waiting), 0, "consumers that were not woken")
        got = sorted(entry for task in done for entry in task.result())
        expect_equal(got, entries, "what both got")


@book.law()
async def a_cancelled_read_loses_nothing(trial: Trial[ConsumedStream]) -> None:
    """What a `read` cancelled at any await took can be reclaimed, and the rest read."""
    async with trial.opened() as both:
        entries = await _filled(both, 4)
        async for attempt in Cancelling():
            group = f"group_{attempt.number}"
            await attempt.call(both.consumers.read(group, "a", 2, 1.0))
            rest = await both.consumers.read(group, "b", 9)
            taken = await both.consumers.reclaim(group, "b", 0, 9)
            expect_equal(taken + rest, entries, "taken over and read")


@book.law()
async def trimming_takes_nothing_owed(trial: Trial[ConsumedStream]) -> None:
    """Trimming through the groups' lowest position leaves all that is owed or was never read."""
    async with trial.opened() as both:
        entries = await _filled(both, 6)
        await both.consumers.read("g", "a", 4)
        await both.consumers.ack("g", _ids(entries[:2]))
        await both.stream.trim(min((await both.consumers.positions()).values()))
        expect_equal(await both.consumers.reclaim("g", "b", 0, 9), entries[2:4], "what is owed")
        expect_equal(await both.consumers.read("g", "b", 9), entries[4:], "what is left")


@book.law(need="durable")
async def groups_are_there_after_reopening(trial: Trial[ConsumedStream]) -> None:
    """After closing and opening again a group owes what it owed and goes on where it was."""
    place = trial.place()
    async with trial.opened(place) as both:
        entries = await _filled(both, 5)
        await both.consumers.read("g", "a", 3)
        await both.consumers.ack("g", _ids(entries[:1]))
    async with trial.opened(place) as both:
        expect_equal(await both.consumers.reclaim("g", "b", 0, 9), entries[1:3], "owed")
        expect_equal(await both.consumers.read("g", "a", 9), entries[3:], "the rest")
