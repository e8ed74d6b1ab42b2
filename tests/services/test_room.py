"""At the bound of its streams the engine takes nothing, loses nothing, and goes on when trimmed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from pmengine.commands import ORDER_INPUT, Heartbeat, encode_command
from pmengine.engine import ID_MEMORY_S
from pmengine.services.front import Front, NotAccepting
from pmengine.services.log import BEGINNING, STORE_STREAM, Log
from pmengine.services.room import Room
from pmengine.services.store import StoreService
from pmengine.services.taking import TakesHere
from pmstore import START, Position, State
from pmstore.backends.memory import MemorySnapshotStore, MemoryStream
from pmstore.clock import system_clock
from pmstore.testing import ManualClock
from tests.services.rig import DEADLINE_S, NOW_MS, Running, engine_on, flow, recover_on, store_on
from tests.services.streams import WatchedStream

BYTES_MAX = 20_000


@pytest.fixture
async def log() -> AsyncIterator[WatchedStream]:
    async with WatchedStream(MemoryStream(clock=ManualClock(NOW_MS))) as stream:
        yield stream


@pytest.fixture
async def order_input() -> AsyncIterator[WatchedStream]:
    async with WatchedStream(MemoryStream(clock=ManualClock(NOW_MS))) as stream:
        yield stream


@pytest.fixture
async def snapshots() -> AsyncIterator[MemorySnapshotStore]:
    async with MemorySnapshotStore() as store:
        yield store


async def fill(engine: Running) -> int:
    """Put commands on the input, one entry each, until the log is full; how many there were."""
    commands = flow(0, 2_000)
    for at, command in enumerate(commands):
        last = await engine.order_input.append([encode_command(command)])
        async with asyncio.timeout(DEADLINE_S):
            while engine.service.positions[ORDER_INPUT] < last and not engine.service.lack:
                await asyncio.sleep(0)
        if engine.service.lack:
            return at + 1
    raise AssertionError("the log never was full")


async def settled() -> None:
    """Give everybody turns of the loop in which to go on wrongly."""
    for _ in range(200):
        await asyncio.sleep(0)


async def test_a_full_log_is_taken_no_further_than_one_batch_and_no_command_is_lost(
    log: WatchedStream, order_input: WatchedStream, snapshots: MemorySnapshotStore
) -> None:
    slowest = START
    room = Room({STORE_STREAM: log, ORDER_INPUT: order_input}, BYTES_MAX)
    async with engine_on(log, snapshots, order_input=order_input, room=room) as engine:
        store = store_on(log, snapshots, await recover_on(log, snapshots), slowest=lambda: slowest)
        put = await fill(engine)
        full, held = engine.service.place, await log.size_bytes()
        last_batch = len((await log.read(START, 10_000))[-1].payload)
        assert BYTES_MAX <= held < BYTES_MAX + last_batch
        assert f"{STORE_STREAM} holds" in engine.service.lack
        # What comes now, time included, stays on the input: nothing is journaled.
        rest = [encode_command(command) for command in flow(0, 2_000)[put : put + 40]]
        for payload in rest:
            last = await order_input.append([payload])
        await settled()
        assert engine.service.place == full
        assert await log.size_bytes() == held
        # Who holds the log back still does: snapshots alone make no room.
        for _ in range(2):
            await store.catch_up()
            await store.save()
        assert await log.size_bytes() == held
        # It goes on, and all is taken, as often as the log is full again in between.
        async with asyncio.timeout(DEADLINE_S):
            while engine.service.positions[ORDER_INPUT] < last or engine.service.lack:
                slowest = engine.service.place.position
                await store.catch_up()
                await store.save()
                await asyncio.sleep(0.001)
        digest = engine.state.digest()
    async with (
        MemoryStream(clock=ManualClock(NOW_MS)) as other,
        MemorySnapshotStore() as none,
        engine_on(other, none) as unbounded,
    ):
        await unbounded.take(flow(0, 2_000)[: put + 40])
        assert unbounded.state.digest() == digest


async def test_an_engine_that_starts_on_a_full_log_takes_nothing(
    log: WatchedStream, order_input: WatchedStream, snapshots: MemorySnapshotStore
) -> None:
    streams = {STORE_STREAM: log, ORDER_INPUT: order_input}
    room = Room(streams, BYTES_MAX)
    async with engine_on(log, snapshots, order_input=order_input, room=room) as engine:
        put = await fill(engine)
    await order_input.append([encode_command(flow(0, 2_000)[put])])
    held = await log.size_bytes()
    room = Room(streams, BYTES_MAX)
    async with engine_on(log, snapshots, order_input=order_input, room=room) as engine:
        async with asyncio.timeout(DEADLINE_S):
            while not engine.service.lack:
                await asyncio.sleep(0)
        await settled()
        assert await log.size_bytes() == held


@pytest.mark.parametrize("keep", [2, 3])
async def test_a_log_that_was_filled_between_two_snapshots_has_room_again_by_itself(
    keep: int, log: WatchedStream, order_input: WatchedStream, snapshots: MemorySnapshotStore
) -> None:
    slowest = START
    room = Room({STORE_STREAM: log, ORDER_INPUT: order_input}, BYTES_MAX)
    async with engine_on(log, snapshots, order_input=order_input, room=room) as engine:
        found = await recover_on(log, snapshots)
        put = await fill(engine)
        full = engine.service.place
        last = await order_input.append([encode_command(flow(0, 2_000)[put])])
        store = StoreService(
            Log(log),
            TakesHere(snapshots),
            state=State.restore(found.state.freeze(NOW_MS), id_memory_s=ID_MEMORY_S),
            place=found.place,
            interval_s=0.01,
            keep=keep,
            consumers=lambda: [slowest],
            clock=system_clock,
            is_pressed=lambda: bool(engine.service.lack),
        )
        storing = asyncio.create_task(store.run())
        try:
            async with asyncio.timeout(DEADLINE_S):
                while store.saved is None or store.saved.number < full.number:
                    await asyncio.sleep(0.001)
            assert engine.service.place == full, "somebody still needs the log"
            slowest = full.position
            await engine.consumed(ORDER_INPUT, last)
        finally:
            storing.cancel()
            await asyncio.gather(storing, return_exceptions=True)


async def test_what_somebody_held_back_goes_though_nothing_new_came(
    log: WatchedStream, snapshots: MemorySnapshotStore
) -> None:
    slowest = START
    async with engine_on(log, snapshots) as engine:
        store = StoreService(
            Log(log),
            TakesHere(snapshots),
            state=State(id_memory_s=ID_MEMORY_S),
            place=BEGINNING,
            interval_s=0.01,
            keep=2,
            consumers=lambda: [slowest],
            clock=system_clock,
        )
        storing = asyncio.create_task(store.run())
        try:
            async with asyncio.timeout(DEADLINE_S):
                while len(await snapshots.list()) < 2:
                    await engine.take(flow(0, 10)[:1])
                while store.saved is None or store.saved.number < engine.service.place.number:
                    await asyncio.sleep(0.001)
                held = await log.size_bytes()
                slowest = engine.service.place.position
                while await log.size_bytes() == held:
                    await asyncio.sleep(0.001)
        finally:
            storing.cancel()
            await asyncio.gather(storing, return_exceptions=True)


async def test_time_is_not_told_while_an_input_is_full(
    log: WatchedStream, order_input: WatchedStream, snapshots: MemorySnapshotStore
) -> None:
    clock = ManualClock(NOW_MS)
    room = Room({STORE_STREAM: log, ORDER_INPUT: order_input}, 10 * BYTES_MAX)
    async with engine_on(log, snapshots, clock=clock, order_input=order_input, room=room) as engine:
        beat = Heartbeat(user_id="trader-1", session="s", timeout_ms=1_000)
        await engine.take([*flow(0, 10), beat])
        await order_input.append([b" " * 10 * BYTES_MAX])
        await room.look()
        assert f"{ORDER_INPUT} holds" in engine.service.lack
        assert not room.is_full(STORE_STREAM)
        appended = order_input.calls["append"]
        clock.move(60)
        assert engine.service.engine.due_ms() <= clock()
        await asyncio.sleep(0.05)  # many ticks of one millisecond
        assert order_input.calls["append"] == appended
        bounds = await order_input.bounds()
        assert bounds is not None
        await engine.consumed(ORDER_INPUT, bounds.last.id)
        await order_input.append([b" "])
        await order_input.trim(bounds.last.id)
        await room.look()
        async with asyncio.timeout(DEADLINE_S):
            while order_input.calls["append"] == appended + 1:
                await asyncio.sleep(0.001)


async def test_a_stream_that_was_full_has_room_at_nine_tenths_of_the_bound() -> None:
    async with MemoryStream() as stream:
        room = Room({"some_stream": stream}, 1_000)
        ids = [await stream.append([b"x" * 50]) for _ in range(20)]
        await room.look()
        assert room.is_full("some_stream")
        await stream.trim(ids[0])
        await room.look()
        assert room.is_full("some_stream"), "950 of 1,000 bytes"
        waiting = asyncio.create_task(room.freed("some_stream"))
        await stream.trim(ids[1])
        await room.look()
        async with asyncio.timeout(DEADLINE_S):
            await waiting
        assert room.lack == ""


async def test_what_was_trimmed_since_it_was_measured_is_no_reason_to_stop() -> None:
    async with WatchedStream(MemoryStream()) as stream:
        room = Room({"some_stream": stream}, 1_000)
        for _ in range(100):
            last: Position = await stream.append([b"x" * 90])
            await stream.trim(last)
            await room.grew("some_stream", 90)
            assert not room.is_full("some_stream")
        assert stream.calls["size_bytes"] <= 10


async def test_without_a_bound_nothing_is_measured() -> None:
    async with WatchedStream(MemoryStream()) as stream:
        room = Room({"some_stream": stream}, None)
        await stream.append([b"x" * 10_000])
        await room.grew("some_stream", 10_000)
        await room.look()
        await room.run()
        assert not room.lack
        assert not stream.calls["size_bytes"]


async def test_a_gateway_sends_nothing_while_nothing_is_taken() -> None:
    lack = "the log is full"
    async with WatchedStream(MemoryStream()) as inputs, MemoryStream() as processor:
        front = Front(
            order_input=inputs,
            event_input=inputs,
            processor=processor,
            after=START,
            new_id=lambda: "id",
            lack=lambda: lack,
        )
        with pytest.raises(NotAccepting, match="the log is full"):
            await front.send(flow(0, 1)[0], 1.0)
        assert not inputs.calls["append"]
        assert front.waiting == 0
