"""What a gateway knows of users is what the log says, wherever and whenever it begins."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs
import pytest

from pmengine.projections import encode_user_entry
from pmengine.services.log import LogGap
from pmengine.services.user_feed import UserFeed
from pmengine.services.user_pictures import UserPicture, UserStart, shown_order, users_of
from pmengine.user_events import PositionChanged
from pmstore import START
from pmstore.backends.memory import MemoryStream
from tests.services.feeding import Told, running, telling


@attrs.define
class Feeding:
    """A log that users are told of, and a feed that begins where it is told to."""

    told: Told
    feed: UserFeed
    begins: int = 0

    async def begin(self) -> UserStart:
        """What users have as the log says it now."""
        self.begins += 1
        found = await self.told.recovered()
        return UserStart(found.place, users_of(found.state))

    async def assert_right(self) -> None:
        """What every user has is what the log says."""
        await self.told.reached_by(self.feed)
        state = (await self.told.recovered()).state
        for user_id, wanted in users_of(state).items():
            assert shown(self.feed.picture(user_id)) == shown(wanted), user_id
            assert self.feed.update_id(user_id) == state.user_update_ids[user_id]


def shown(picture: UserPicture) -> tuple[object, ...]:
    orders = {id: shown_order(held) for id, held in picture.orders.items()}
    return picture.update_id, orders, picture.holdings


@asynccontextmanager
async def feeding(*, can_begin: bool = True, kept_max: int = 100_000) -> AsyncIterator[Feeding]:
    async with telling(encode_user_entry) as told:

        async def begin() -> UserStart:
            return await one.begin()

        feed = UserFeed(told.stream, {}, begin=begin if can_begin else None, kept_max=kept_max)
        one = Feeding(told, feed)
        yield one


@pytest.mark.parametrize("before", [0, 60])
async def test_a_feed_has_what_the_log_says_wherever_it_begins(before: int) -> None:
    async with feeding() as one:
        await one.told.write(0, before)
        await one.feed.prepare()
        async with running(one.feed):
            await one.told.write(before, before + 200)
            await one.assert_right()


async def test_changes_behind_a_number_come_one_by_one_as_far_as_they_are_kept() -> None:
    async with feeding(kept_max=300) as one:
        await one.feed.prepare()
        async with running(one.feed):
            await one.told.write(0, 200)
            await one.told.reached_by(one.feed)
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
        await one.told.write(0, 60)
        await one.feed.prepare()
        one.feed.listen("stranger", lambda: woken.append(one.feed.life))
        async with running(one.feed):
            await one.told.write(60, 80, tell=False)
            life = one.feed.life
            await one.told.write(80, 160)
            await one.assert_right()
        assert one.feed.life > life
        assert woken
        one.feed.unlisten("stranger", lambda: None)  # of somebody who does not listen


async def test_a_feed_that_cannot_begin_anew_says_so() -> None:
    async with feeding(can_begin=False) as one:
        await one.told.write(0, 10)
        entries = await one.told.stream.read(START, 100)
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
