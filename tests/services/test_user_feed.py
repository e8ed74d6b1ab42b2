"""What a gateway knows of users is what the log says, wherever and whenever it begins."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs
import pytest

from pmengine.projections import encode_user_entry
from pmengine.services.log import LogGap
from pmengine.services.user_feed import UserFeed
from pmengine.services.user_pictures import UserPicture, UserStart, shown_order, users_of
from pmengine.user_events import PositionChanged
from pmstore import START, State, Stream
from pmstore.backends.memory import MemorySnapshotStore, MemoryStream
from pmstore.testing import ManualClock
from tests.services.rig import DEADLINE_S, NOW_MS, batches_of, engine_on, flow, recover_on


@attrs.define
class Feeding:
    """A log, the stream that tells users of it, and a feed that begins where it is told to."""

    log: Stream
    told: Stream
    snapshots: MemorySnapshotStore
    feed: UserFeed
    begins: int = 0

    async def write(self, start: int, end: int, *, tell: bool = True) -> None:
        """Some commands of the sample flow; *tell*: their entries reach the feed."""
        known = len(await batches_of(self.log))
        async with engine_on(self.log, self.snapshots) as engine:
            for index in range(start, end):
                await engine.take(flow(index, index + 1))
        if tell:
            for entry, batch in (await batches_of(self.log))[known:]:
                await self.told.append([encode_user_entry(entry.id, batch)])

    async def begin(self) -> UserStart:
        """What users have as the log says it now."""
        self.begins += 1
        found = await recover_on(self.log, self.snapshots)
        return UserStart(found.place, users_of(found.state))

    async def caught_up(self) -> None:
        """Wait until the feed is at the end of the log."""
        bounds = await self.log.bounds()
        assert bounds is not None
        async with asyncio.timeout(DEADLINE_S):
            while self.feed.place is None or self.feed.place.position < bounds.last.id:
                await asyncio.sleep(0.001)

    async def assert_right(self) -> None:
        """What every user has is what the log says."""
        await self.caught_up()
        state: State = (await recover_on(self.log, self.snapshots)).state
        for user_id, wanted in users_of(state).items():
            assert shown(self.feed.picture(user_id)) == shown(wanted), user_id
            assert self.feed.update_id(user_id) == state.user_update_ids[user_id]


def shown(picture: UserPicture) -> tuple[object, ...]:
    orders = {id: shown_order(held) for id, held in picture.orders.items()}
    return picture.update_id, orders, picture.holdings


@asynccontextmanager
async def feeding(*, can_begin: bool = True, kept_max: int = 100_000) -> AsyncIterator[Feeding]:
    async with (
        MemoryStream(clock=ManualClock(NOW_MS)) as log,
        MemoryStream(clock=ManualClock(NOW_MS)) as told,
        MemorySnapshotStore() as snapshots,
    ):

        async def begin() -> UserStart:
            return await one.begin()

        feed = UserFeed(told, {}, begin=begin if can_begin else None, kept_max=kept_max)
        one = Feeding(log, told, snapshots, feed)
        yield one


@asynccontextmanager
async def running(feed: UserFeed) -> AsyncIterator[None]:
    task = asyncio.create_task(feed.run())
    yield
    task.cancel()
    [ended] = await asyncio.gather(task, return_exceptions=True)
    assert isinstance(ended, asyncio.CancelledError), ended


@pytest.mark.parametrize("before", [0, 60])
async def test_a_feed_has_what_the_log_says_wherever_it_begins(before: int) -> None:
    async with feeding() as one:
        await one.write(0, before)
        await one.feed.prepare()
        async with running(one.feed):
            await one.write(before, before + 200)
            await one.assert_right()


async def test_changes_behind_a_number_come_one_by_one_as_far_as_they_are_kept() -> None:
    async with feeding(kept_max=300) as one:
        await one.feed.prepare()
        async with running(one.feed):
            await one.write(0, 200)
            await one.caught_up()
        users = (await one.begin()).users
        kept = 0
        for user_id in users:
            newest = one.feed.update_id(user_id)
            update_id = next(
                (id for id in range(newest + 1) if one.feed.has_after(user_id, id)), newest
            )
            assert update_id == newest or one.feed.after(user_id, update_id) is not None
            assert one.feed.after(user_id, update_id - 1) is None
            while update_id < newest:
                update = one.feed.after(user_id, update_id)
                assert update is not None
                assert update.update_id == update_id + 1
                update_id += 1
                kept += 1
            assert one.feed.after(user_id, newest) is None
            assert not one.feed.has_after(user_id, newest + 1)
        assert kept == 300
        assert one.feed.has_after("nobody", 0)
        assert not one.feed.has_after("nobody", 1)


async def test_a_feed_that_misses_an_entry_begins_anew_and_wakes_everybody() -> None:
    woken: list[int] = []
    async with feeding() as one:
        await one.write(0, 60)
        await one.feed.prepare()
        one.feed.listen("stranger", lambda: woken.append(one.feed.life))
        async with running(one.feed):
            await one.write(60, 80, tell=False)
            life = one.feed.life
            await one.write(80, 160)
            await one.assert_right()
        assert one.feed.life > life
        assert woken
        one.feed.unlisten("stranger", lambda: None)  # of somebody who does not listen


async def test_a_feed_that_cannot_begin_anew_says_so() -> None:
    async with feeding(can_begin=False) as one:
        await one.write(0, 10)
        entries = await one.told.read(START, 100)
        async with MemoryStream() as cut:
            await cut.append([entries[0].payload, entries[2].payload])
            with pytest.raises(LogGap, match="expected batch 2, found 3"):
                await UserFeed(cut, {}).run()


async def test_numbers_with_a_gap_are_not_gone_on_from() -> None:
    async with MemoryStream() as stream:
        feed = UserFeed(stream, {}, kept_max=3)

        def change(update_id: int) -> PositionChanged:
            return PositionChanged(
                user_id="u", update_id=update_id, asset="cash", available=update_id, frozen=0
            )

        feed.tell([change(1), change(2)])
        assert feed.has_after("u", 0)
        feed.tell([change(7)])
        assert not feed.has_after("u", 0)
        assert not feed.has_after("u", 2)
        assert feed.after("u", 2) is None
        last = feed.after("u", 6)
        assert last is not None
        assert last.update_id == 7
        feed.tell([change(update_id) for update_id in range(8, 14)])
        assert feed.picture("u").holdings == {"cash": (13, 0)}
        assert feed.has_after("u", 12)
        assert not feed.has_after("u", 6)
