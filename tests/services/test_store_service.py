"""Consume, snapshot, trim: what the store service keeps and what it lets go."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from pmengine.commands import ORDER_INPUT
from pmengine.services.folding import Fold
from pmengine.services.log import Log
from pmengine.services.store import StoreService
from pmengine.services.taking import Taken, Taker, TakesHere
from pmstore import START, Position
from pmstore.backends.file import FileSnapshotStore
from pmstore.backends.memory import MemorySnapshotStore, MemoryStream
from pmstore.errors import BrokenSnapshotWarning
from pmstore.testing import ManualClock
from tests.services.rig import DEADLINE_S, NOW_MS, engine_on, flow, recover_on, store_on
from tests.services.streams import WatchedStream


async def first_position(stream: WatchedStream) -> Position:
    bounds = await stream.bounds()
    assert bounds is not None
    return bounds.first.id


async def test_the_log_is_trimmed_only_when_two_verified_snapshots_exist(tmp_path: Path) -> None:
    clock = ManualClock(NOW_MS)
    async with (
        WatchedStream(MemoryStream(clock=clock)) as log,
        FileSnapshotStore(tmp_path) as snapshots,
        engine_on(log, snapshots, clock=clock) as engine,
    ):
        store = store_on(log, snapshots, await recover_on(log, snapshots))
        whole = None
        taken: list[Position] = []
        for start in range(0, 120, 40):
            await engine.take(flow(start, start + 40))
            await store.catch_up()
            info = await store.save()
            assert info is not None
            assert info.last_message_id is not None
            taken.append(info.last_message_id)
            whole = whole or await first_position(log)
            if len(taken) == 1:
                assert not log.calls["trim"]
                continue
            # Through the older of the two that are kept: both can be started from.
            assert await first_position(log) > whole
            assert await first_position(log) > taken[-2]
            assert log.calls["trim"] == len(taken) - 1
        digest = engine.service.engine.state_digest()
        newest = await recover_on(log, snapshots)
        assert newest.state.digest() == digest
        path = tmp_path / (await snapshots.list())[-1].name
        path.write_bytes(path.read_bytes()[:-20])
        with pytest.warns(BrokenSnapshotWarning):
            older = await recover_on(log, snapshots)
        assert older.state.digest() == digest


async def test_a_snapshot_that_is_broken_does_not_count(tmp_path: Path) -> None:
    clock = ManualClock(NOW_MS)
    async with (
        WatchedStream(MemoryStream(clock=clock)) as log,
        FileSnapshotStore(tmp_path) as snapshots,
        engine_on(log, snapshots, clock=clock) as engine,
    ):
        store = store_on(log, snapshots, await recover_on(log, snapshots))
        await engine.take(flow(0, 40))
        await store.catch_up()
        info = await store.save()
        assert info is not None
        path = tmp_path / info.name
        path.write_bytes(path.read_bytes()[:-20])
        await engine.take(flow(40, 80))
        await store.catch_up()
        await store.save()
        assert not log.calls["trim"]
        assert (await recover_on(log, snapshots)).state.digest() == store.state.digest()


async def test_the_log_is_never_trimmed_past_the_slowest_consumer() -> None:
    clock = ManualClock(NOW_MS)
    slowest = START
    async with (
        WatchedStream(MemoryStream(clock=clock)) as log,
        MemorySnapshotStore() as snapshots,
        engine_on(log, snapshots, clock=clock) as engine,
    ):
        store = store_on(log, snapshots, await recover_on(log, snapshots), slowest=lambda: slowest)
        await engine.take(flow(0, 40))
        begins = await first_position(log)
        second = None
        for start in range(40, 200, 40):
            await engine.take(flow(start, start + 40))
            second = second or engine.service.place.position
            await store.catch_up()
            await store.save()
            assert await first_position(log) == begins
        slowest = begins
        await store.save()
        assert await first_position(log) == second


async def test_a_snapshot_is_taken_when_it_is_due_and_the_log_grew() -> None:
    clock = ManualClock(NOW_MS)
    async with (
        WatchedStream(MemoryStream(clock=clock)) as log,
        MemorySnapshotStore() as snapshots,
        engine_on(log, snapshots, clock=clock) as engine,
    ):
        store = store_on(log, snapshots, await recover_on(log, snapshots), clock=clock)
        task = asyncio.create_task(store.run())
        await engine.take(flow(0, 40))
        async with asyncio.timeout(DEADLINE_S):
            while store.place != engine.service.place:
                await asyncio.sleep(0)
        assert await snapshots.list() == []
        clock.move(5)
        await engine.take(flow(40, 50))
        async with asyncio.timeout(DEADLINE_S):
            while not await snapshots.list():
                await asyncio.sleep(0)
        assert (await snapshots.list())[-1].number == engine.service.place.number
        task.cancel()


async def test_nothing_is_saved_before_the_first_entry() -> None:
    async with MemoryStream() as log, MemorySnapshotStore() as snapshots:
        store = store_on(log, snapshots, await recover_on(log, snapshots))
        assert await store.save() is None
        assert await snapshots.list() == []


async def test_inputs_are_trimmed_through_what_the_oldest_snapshot_consumed() -> None:
    clock = ManualClock(NOW_MS)
    async with (
        WatchedStream(MemoryStream(clock=clock)) as log,
        MemoryStream(clock=clock) as order_input,
        MemorySnapshotStore() as snapshots,
        engine_on(log, snapshots, clock=clock, order_input=order_input) as engine,
    ):
        found = await recover_on(log, snapshots)
        store = store_on(log, snapshots, found, inputs={ORDER_INPUT: order_input})
        consumed = []
        for start in range(0, 120, 40):
            await engine.take(flow(start, start + 40))
            consumed.append((await order_input.read(START, 1000))[-1].id)
            await store.catch_up()
            await store.save()
        # Two snapshots are kept, and the older one must find what came after it.
        kept = await order_input.read(START, 1000)
        assert kept[0].id > consumed[-2]
        assert kept[-1].id == consumed[-1]
        assert len(kept) == 40


class Slow:
    """Takes snapshots as another taker does, and *seconds* for each."""

    def __init__(self, taker: Taker, clock: ManualClock, seconds: float) -> None:
        self._taker = taker
        self._clock = clock
        self._seconds = seconds
        self.begun = 0

    async def take(self, state: Fold, timestamp: int, keep: int, /) -> Taken:
        self.begun += 1
        taken = await self._taker.take(state, timestamp, keep)
        self._clock.move(self._seconds)
        return taken


@pytest.mark.parametrize("pressed", [False, True])
async def test_after_a_long_snapshot_as_much_time_is_for_folding(pressed: bool) -> None:
    clock = ManualClock(NOW_MS)
    async with (
        MemoryStream(clock=clock) as log,
        MemorySnapshotStore() as snapshots,
        engine_on(log, snapshots, clock=clock) as engine,
    ):
        found = await recover_on(log, snapshots)
        taker = Slow(TakesHere(snapshots), clock, 60)
        store = StoreService(
            Log(log),
            taker,
            state=found.state,
            place=found.place,
            interval_s=5.0,
            keep=2,
            consumers=list,
            clock=clock,
            is_pressed=lambda: pressed,
        )
        task = asyncio.create_task(store.run())

        async def fold(start: int) -> None:
            await engine.take(flow(start, start + 1))
            async with asyncio.timeout(DEADLINE_S):
                while store.place != engine.service.place:
                    await asyncio.sleep(0)

        await fold(0)
        clock.move(5)
        start = 1
        while store.saved is None:  # begun, and done
            await fold(start)
            start += 1
        clock.move(59)
        for _ in range(3):  # the first may be folded by who did not see yet that it is done
            await fold(start)
            start += 1
        assert (taker.begun > 1) == pressed
        clock.move(1)
        while taker.begun == 1:
            await fold(start)
            start += 1
        task.cancel()
