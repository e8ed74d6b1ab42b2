"""How often each trip asks a stream: it grows with the batches and never with the orders."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs
import pytest

from pmengine.commands import Tick, encode_command
from pmengine.projections import PROCESSOR_STREAM, WEBSOCKET_STREAM
from pmengine.services.log import BEGINNING, Log
from pmengine.services.relay import Relay
from pmengine.user_events import USER_EVENT_STREAM
from pmstore import START, Stream
from pmstore.backends.memory import MemorySnapshotStore, MemoryStream
from pmstore.testing import ManualClock
from tests.services.rig import (
    DEADLINE_S,
    NOW_MS,
    Running,
    engine_on,
    flow,
    recover_on,
    store_on,
)
from tests.services.streams import WatchedStream

BATCHES = 5


@attrs.define
class Trip:
    """An engine with its log and input watched; the test itself looks past the watch."""

    engine: Running
    log: WatchedStream
    order_input: WatchedStream
    snapshots: MemorySnapshotStore


@asynccontextmanager
async def trip() -> AsyncIterator[Trip]:
    clock = ManualClock(NOW_MS)
    async with (
        MemoryStream(clock=clock) as behind,
        MemoryStream(clock=clock) as behind_input,
        MemorySnapshotStore() as snapshots,
    ):
        log, order_input = WatchedStream(behind), WatchedStream(behind_input)
        async with engine_on(log, snapshots, order_input=order_input) as engine:
            engine.log, engine.order_input = Log(behind), behind_input
            await engine.take(flow(0, 1))
            log.calls.clear()
            order_input.calls.clear()
            yield Trip(engine, log, order_input, snapshots)


@pytest.mark.parametrize("orders", [1, 500])
async def test_a_batch_is_one_append_and_the_engine_reads_nothing_back(orders: int) -> None:
    async with trip() as watched:
        for number in range(BATCHES):
            await watched.engine.take(flow(1 + number * orders, 1 + (number + 1) * orders))
        assert watched.log.calls == {"append": BATCHES}
        # One read has each batch, one more waits for the next.
        assert watched.order_input.calls["read"] == pytest.approx(BATCHES, abs=1)
        assert watched.order_input.calls.keys() == {"read"}


async def test_commands_that_wait_together_are_one_batch() -> None:
    async with trip() as watched:
        await watched.engine.put([encode_command(Tick())] * 1_000)
        assert watched.log.calls == {"append": 1}


@pytest.mark.parametrize("orders", [1, 500])
async def test_a_batch_is_one_append_to_each_projection(orders: int) -> None:
    async with (
        trip() as watched,
        MemoryStream() as processor,
        MemoryStream() as websocket,
        MemoryStream() as users,
    ):
        projections = {
            USER_EVENT_STREAM: WatchedStream(users),
            PROCESSOR_STREAM: WatchedStream(processor),
            WEBSOCKET_STREAM: WatchedStream(websocket),
        }
        targets: dict[str, Stream] = {**projections}
        relay = Relay(Log(watched.log), targets, BEGINNING)
        task = asyncio.create_task(relay.run())
        for number in range(BATCHES):
            await watched.engine.take(flow(1 + number * orders, 1 + (number + 1) * orders))
        async with asyncio.timeout(DEADLINE_S):
            while relay.place != watched.engine.service.place:
                await watched.engine.log.stream.read(START, 1)
                await asyncio.sleep(0)
        task.cancel()
        for stream in projections.values():
            assert stream.calls == {"bounds": 1, "append": 1 + BATCHES}


async def test_consume_snapshot_trim_asks_the_log_once_for_each() -> None:
    async with trip() as watched:
        store = store_on(
            watched.log, watched.snapshots, await recover_on(watched.log, watched.snapshots)
        )
        for start in (1, 301):
            await watched.engine.take(flow(start, start + 300))
            watched.log.calls.clear()
            await store.catch_up()
            await store.save()
        # And once for each of the two snapshots, whether it lies on the log.
        assert watched.log.calls == {"read": 1 + 2, "trim": 1}
