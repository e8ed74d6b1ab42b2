"""A log that loses its tail under running services: what is still held somewhere is not lost."""

from __future__ import annotations

import pytest

from pmengine.commands import ORDER_INPUT
from pmengine.services.log import LogGap
from pmstore.backends.memory import MemorySnapshotStore, MemoryStream
from pmstore.codec import encode_batch
from pmstore.testing import ManualClock
from tests.services.losing import LosingStream
from tests.services.rig import NOW_MS, engine_on, flow, recover_on, store_on


async def test_a_snapshot_of_lost_entries_lets_no_input_go() -> None:
    """Of what the log has lost the input is the last copy, once the engine went on without it."""
    clock = ManualClock(NOW_MS)
    async with (
        LosingStream(clock) as log,
        MemoryStream(clock=clock) as order_input,
        MemorySnapshotStore() as snapshots,
    ):
        store = store_on(
            log, snapshots, await recover_on(log, snapshots), inputs={ORDER_INPUT: order_input}
        )
        async with engine_on(log, snapshots, clock=clock, order_input=order_input) as engine:
            await engine.take(flow(0, 20))
            await store.catch_up()
            await store.save()
            clock.move(1)
            await engine.take(flow(20, 40))
            answered = engine.service.engine.state_digest()
            last = engine.service.positions[ORDER_INPUT]
            await store.catch_up()
        await log.lose(1)
        leader = await recover_on(log, snapshots, clock=clock)
        # The service saves what it has seen, though a leader has gone on without it by now.
        await store.save()
        clock.move(1)
        claim, _ = encode_batch(
            leader.place.number + 1,
            leader.epoch + 1,
            leader.state.time_ms,
            leader.place.hash,
            leader.state.input_position,
            b"[]",
        )
        await log.append([claim], expect_head=leader.head, epoch=leader.epoch + 1)
        with pytest.raises(LogGap):
            await store.catch_up()
        found = await recover_on(log, snapshots, clock=clock)
        store = store_on(log, snapshots, found, inputs={ORDER_INPUT: order_input})
        await store.save()
        assert len(await snapshots.list()) == 2
        async with engine_on(log, snapshots, clock=clock, order_input=order_input) as engine:
            await engine.consumed(ORDER_INPUT, last)
            assert engine.service.engine.state_digest() == answered
