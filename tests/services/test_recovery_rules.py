"""The rules by which one log is the truth, R1 to R8, each provoked."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from pmengine.commands import EVENT_INPUT, ORDER_INPUT, Tick, encode_command
from pmengine.engine import Engine
from pmengine.projections import (
    PROCESSOR_STREAM,
    WEBSOCKET_STREAM,
    decode_processor_entry,
    encode_processor_entry,
    encode_websocket_entry,
)
from pmengine.services import publishing
from pmengine.services.engine import InputBehind
from pmengine.services.log import BEGINNING, Log, LogGap, LogRewritten, Place
from pmengine.services.publishing import PublishFailed, Superseded
from pmengine.services.recovery import CannotStart
from pmengine.services.relay import Relay
from pmstore import START, Conflict, Position, Restored, Snapshot, Stream, WriterLocked
from pmstore.backends.file import FileSnapshotStore, FileStream
from pmstore.backends.memory import MemorySnapshotStore, MemoryStream
from pmstore.codec import GENESIS_HASH, encode_batch
from pmstore.errors import BrokenSnapshotWarning
from pmstore.testing import ManualClock
from tests.services.rig import (
    DEADLINE_S,
    NOW_MS,
    batches_of,
    engine_on,
    flow,
    recover_on,
    store_on,
)
from tests.services.streams import Fault, WatchedStream


@pytest.fixture
async def log() -> AsyncIterator[WatchedStream]:
    async with WatchedStream(MemoryStream(clock=ManualClock(NOW_MS))) as stream:
        yield stream


@pytest.fixture
async def snapshots() -> AsyncIterator[MemorySnapshotStore]:
    async with MemorySnapshotStore() as store:
        yield store


def batch(number: int, prev_hash: str, *, epoch: int = 1) -> tuple[bytes, str]:
    """An entry that changes nothing."""
    return encode_batch(number, epoch, NOW_MS, prev_hash, {ORDER_INPUT: START}, b"[]")


# -- R1: the chain -----------------------------------------------------------------------


async def test_r1_a_gap_in_the_log_is_seen(log: WatchedStream) -> None:
    first, first_hash = batch(1, GENESIS_HASH)
    third, _ = batch(3, first_hash)
    await log.append([first, third])
    [(entry, found)] = await Log(log).read(BEGINNING, 10)
    place = Place(entry.id, found.number, found.hash)
    with pytest.raises(LogGap, match="expected entry number 2 .* found 3"):
        await Log(log).read(place, 10)


async def test_r1_a_rewritten_log_is_seen(
    log: WatchedStream, snapshots: MemorySnapshotStore
) -> None:
    first, _ = batch(1, GENESIS_HASH)
    other, _ = batch(2, "f" * 64)
    await log.append([first, other])
    [(entry, found)] = await Log(log).read(BEGINNING, 10)
    with pytest.raises(LogRewritten, match="entry 2"):
        await Log(log).read(Place(entry.id, found.number, found.hash), 10)
    with pytest.raises(CannotStart, match="contradicts itself"):
        await recover_on(log, snapshots)


async def test_r1_who_finds_another_head_is_superseded_and_writes_nothing(
    log: WatchedStream, snapshots: MemorySnapshotStore
) -> None:
    stale = await recover_on(log, snapshots)
    async with engine_on(log, snapshots) as first:
        await first.take(flow(0, 10))
    written = await batches_of(log)
    async with engine_on(log, snapshots, recovered=stale, epoch=1) as second:
        await second.order_input.append([encode_command(flow(0, 1)[0])])
        assert isinstance(await second.failure(), Superseded)
    assert await batches_of(log) == written


async def test_r1_a_second_process_cannot_open_the_log_for_writing(tmp_path: Path) -> None:
    async with FileStream(tmp_path):
        with pytest.raises(WriterLocked):
            await FileStream(tmp_path).__aenter__()


@pytest.mark.parametrize("fault", list(Fault))
async def test_r1_a_publish_that_was_not_answered_is_there_once(
    fault: Fault, log: WatchedStream, snapshots: MemorySnapshotStore
) -> None:
    async with engine_on(log, snapshots) as engine:
        await engine.take(flow(0, 10))
        before = log.calls["append"]
        number = engine.service.place.number
        log.faults.append(fault)
        await engine.take(flow(10, 20))
        assert log.calls["append"] == before + 2
        assert engine.service.place.number == number + 1
        digest = engine.service.engine.state_digest()
        await engine.take(flow(20, 30))
    found = await recover_on(log, snapshots)
    assert found.place.number == number + 2
    assert digest != found.state.digest()


async def test_r1_several_publishes_without_an_answer_are_there_once(
    log: WatchedStream, snapshots: MemorySnapshotStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "PUBLISH_BACKOFF_S", 0.0)
    async with engine_on(log, snapshots) as engine:
        log.faults += [Fault.BEFORE, Fault.REFUSED, Fault.AFTER]
        await engine.take(flow(0, 10))
        assert engine.service.place.number == len(await batches_of(log)) == 1


# -- R2: positions -----------------------------------------------------------------------


async def test_r2_every_batch_names_every_input_also_one_that_changes_nothing(
    log: WatchedStream, snapshots: MemorySnapshotStore
) -> None:
    async with engine_on(log, snapshots) as engine:
        await engine.take([Tick()])
        await engine.take(flow(0, 5))
    batches = [batch for _, batch in await batches_of(log)]
    assert batches[0].changes == []
    assert all(batch.input.keys() == {ORDER_INPUT, EVENT_INPUT} for batch in batches)
    assert batches[0].input[ORDER_INPUT] < batches[1].input[ORDER_INPUT]


async def test_r2_a_restart_goes_on_after_the_last_published_entry_of_a_durable_input(
    log: WatchedStream, snapshots: MemorySnapshotStore
) -> None:
    clock = ManualClock(NOW_MS)
    async with MemoryStream(clock=clock) as durable_input:
        async with engine_on(log, snapshots, order_input=durable_input) as first:
            await first.take(flow(0, 30))
        waiting = [encode_command(command) for command in flow(30, 60)]
        last = await durable_input.append(waiting)
        async with engine_on(log, snapshots, order_input=durable_input) as second:
            await second.consumed(ORDER_INPUT, last)
            digest = second.service.engine.state_digest()
    straight = Engine()
    straight.handle_batch(flow(0, 60), NOW_MS)
    assert digest == straight.state_digest()


# -- R3: foldable ------------------------------------------------------------------------


async def test_r3_the_log_folds_to_the_engines_digest(
    log: WatchedStream, snapshots: MemorySnapshotStore
) -> None:
    store = store_on(log, snapshots, await recover_on(log, snapshots))
    async with engine_on(log, snapshots) as engine:
        for start in range(0, 400, 40):
            await engine.take(flow(start, start + 40))
            while await store.catch_up():
                pass
            assert store.state.digest() == engine.service.engine.state_digest()
    assert engine.state.orders, "the flow left nothing to compare"


# -- R4: snapshots -----------------------------------------------------------------------


async def test_r4_a_corrupt_snapshot_gives_way_to_the_one_before(tmp_path: Path) -> None:
    async with FileStream(tmp_path / "log") as log, FileSnapshotStore(tmp_path / "s") as snapshots:
        store = store_on(log, snapshots, await recover_on(log, snapshots))
        async with engine_on(log, snapshots) as engine:
            infos = []
            for start in (0, 40):
                await engine.take(flow(start, start + 40))
                await store.catch_up()
                info = await store.save()
                assert info is not None
                infos.append(info)
            await engine.take(flow(80, 120))
            digest = engine.service.engine.state_digest()
        newest = await recover_on(log, snapshots)
        assert (newest.snapshot, newest.state.digest()) == (infos[1].number, digest)
        path = tmp_path / "s" / infos[1].name
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
        with pytest.warns(BrokenSnapshotWarning):
            older = await recover_on(log, snapshots)
        assert (older.snapshot, older.state.digest()) == (infos[0].number, digest)
        assert older.folded == newest.folded + 1


async def test_r4_without_a_snapshot_a_whole_log_is_folded(
    log: WatchedStream, snapshots: MemorySnapshotStore
) -> None:
    async with engine_on(log, snapshots) as engine:
        for start in range(0, 90, 30):
            await engine.take(flow(start, start + 30))
        digest = engine.service.engine.state_digest()
    found = await recover_on(log, snapshots)
    assert (found.snapshot, found.folded, found.state.digest()) == (None, 3, digest)


async def test_r4_a_trimmed_log_without_a_snapshot_does_not_start(
    log: WatchedStream, snapshots: MemorySnapshotStore
) -> None:
    async with engine_on(log, snapshots) as engine:
        for start in range(0, 90, 30):
            await engine.take(flow(start, start + 30))
    second = (await batches_of(log))[1][0].id
    await log.trim(second)
    with pytest.raises(CannotStart, match=r"The log holds 3\.\.3; .*there is no valid one"):
        await recover_on(log, snapshots)


async def test_r4_a_snapshot_before_the_trimmed_part_does_not_start(
    log: WatchedStream, snapshots: MemorySnapshotStore
) -> None:
    store = store_on(log, snapshots, await recover_on(log, snapshots))
    async with engine_on(log, snapshots) as engine:
        await engine.take(flow(0, 30))
        await store.catch_up()
        info = await store.save()
        assert info is not None
        for start in range(30, 120, 30):
            await engine.take(flow(start, start + 30))
    await log.trim((await batches_of(log))[2][0].id)
    with pytest.raises(CannotStart, match=rf"The log holds 4\.\.4; .*{info.name} is at number 1"):
        await recover_on(log, snapshots)


class Overtaken(MemorySnapshotStore):
    """Snapshots of an exchange that goes on while somebody loads the newest of them."""

    def __init__(self, overtake: Callable[[], Awaitable[None]], *, before: bool) -> None:
        super().__init__()
        self.overtake: Callable[[], Awaitable[None]] | None = overtake
        self._before = before

    async def load(self) -> Snapshot | None:
        overtake, self.overtake = self.overtake, None
        if overtake is None:
            return await super().load()
        if self._before:
            await overtake()
            return await super().load()
        found = await super().load()
        await overtake()
        return found


@pytest.mark.parametrize("before", [True, False])
async def test_r4_a_start_beside_an_exchange_that_goes_on_sees_no_loss(
    before: bool, log: WatchedStream
) -> None:
    async def overtake() -> None:
        for start in range(30, 150, 30):
            await engine.take(flow(start, start + 30))
            await store.catch_up()
            await store.save()

    async with Overtaken(overtake, before=before) as snapshots:
        wake, snapshots.overtake = snapshots.overtake, None
        store = store_on(log, snapshots, await recover_on(log, snapshots))
        async with engine_on(log, snapshots) as engine:
            await engine.take(flow(0, 30))
            await store.catch_up()
            await store.save()
            snapshots.overtake = wake
            found = await recover_on(log, snapshots)
            assert not found.lost_tail
            assert found.state.digest() == engine.service.engine.state_digest()


# -- R5: start ---------------------------------------------------------------------------


async def test_r5_a_log_that_lost_its_tail_goes_on_above_the_snapshot(tmp_path: Path) -> None:
    clock = ManualClock(NOW_MS)
    folder, backup = tmp_path / "log", tmp_path / "backup"
    async with FileSnapshotStore(tmp_path / "s") as snapshots:
        async with FileStream(folder, clock=clock) as log, engine_on(log, snapshots) as engine:
            for start in range(0, 60, 20):
                await engine.take(flow(start, start + 20))
        shutil.copytree(folder, backup)
        async with FileStream(folder, clock=clock) as log:
            store = store_on(log, snapshots, await recover_on(log, snapshots))
            async with engine_on(log, snapshots) as engine:
                for start in range(60, 120, 20):
                    await engine.take(flow(start, start + 20))
                    await store.catch_up()
                digest = engine.service.engine.state_digest()
                consumed = dict(engine.service.positions)
            assert await store.save() is not None
        shutil.rmtree(folder)
        shutil.copytree(backup, folder)
        async with FileStream(folder, clock=clock) as log:
            shorter = (await batches_of(log))[-1]
            with pytest.raises(CannotStart, match="the clock .* is not beyond it"):
                await recover_on(log, snapshots, clock=clock)
            clock.move(60)
            found = await recover_on(log, snapshots, clock=clock)
            assert found.lost_tail
            assert (found.place.number, found.state.digest()) == (6, digest)
            async with engine_on(log, snapshots, clock=clock) as engine:
                await engine.take(flow(120, 140))
                went_on = engine.service.engine.state_digest()
                assert engine.service.positions != consumed
            restored = (await batches_of(log))[-2][1]
            assert restored.changes == [Restored(6, found.place.hash)]
            assert (restored.number, restored.prev_hash) == (7, found.place.hash)
            place = BEGINNING._replace(
                position=shorter[0].id, number=shorter[1].number, hash=shorter[1].hash
            )
            with pytest.raises(LogGap):
                await Log(log).read(place, 10)
            again = await recover_on(log, snapshots)
            assert not again.lost_tail
            assert again.state.digest() == went_on
            async with MemorySnapshotStore() as none:
                with pytest.raises(CannotStart, match="a gap that no valid snapshot bridges"):
                    await recover_on(log, none)


async def test_r5_an_input_that_lost_its_tail_with_the_log_goes_on_behind_what_was_consumed(
    tmp_path: Path,
) -> None:
    clock = ManualClock(NOW_MS)
    names = ("log", "input")
    async with FileSnapshotStore(tmp_path / "s") as snapshots:
        for start in (0, 40):
            if start:
                for name in names:
                    shutil.copytree(tmp_path / name, tmp_path / f"{name}-backup")
            async with (
                FileStream(tmp_path / "log", clock=clock) as log,
                FileStream(tmp_path / "input", clock=clock) as order_input,
            ):
                store = store_on(log, snapshots, await recover_on(log, snapshots))
                async with engine_on(log, snapshots, order_input=order_input) as engine:
                    await engine.take(flow(start, start + 40))
                    digest = engine.service.engine.state_digest()
                if start:
                    await store.catch_up()
                    await store.save()
        for name in names:
            shutil.rmtree(tmp_path / name)
            shutil.copytree(tmp_path / f"{name}-backup", tmp_path / name)
        clock.move(60)
        async with (
            FileStream(tmp_path / "log", clock=clock) as log,
            FileStream(tmp_path / "input", clock=clock) as order_input,
        ):
            found = await recover_on(log, snapshots, clock=clock)
            assert (found.lost_tail, found.state.digest()) == (True, digest)
            async with engine_on(log, snapshots, clock=clock, order_input=order_input) as engine:
                # Sent again: it was done, and is not done twice.
                await engine.take(flow(40, 80))
                assert engine.service.engine.state_digest() == digest
                await engine.take(flow(80, 90))
                assert engine.service.engine.state_digest() != digest


async def test_r5_a_snapshot_of_another_history_is_not_taken(
    log: WatchedStream, snapshots: MemorySnapshotStore
) -> None:
    async with MemoryStream(clock=ManualClock(NOW_MS)) as other:
        store = store_on(other, snapshots, await recover_on(other, snapshots))
        async with engine_on(other, snapshots) as engine:
            await engine.take(flow(0, 50))
            await store.catch_up()
            assert await store.save() is not None
    async with MemorySnapshotStore() as none, engine_on(log, none) as engine:
        await engine.take(flow(0, 20))
        await engine.take(flow(20, 40))
        digest = engine.service.engine.state_digest()
    found = await recover_on(log, snapshots)
    assert (found.snapshot, found.state.digest()) == (None, digest)
    await log.trim((await batches_of(log))[0][0].id)
    with pytest.raises(CannotStart, match="of another history"):
        await recover_on(log, snapshots)


async def test_r5_an_input_that_ends_before_our_position_stops_the_start(
    log: WatchedStream, snapshots: MemorySnapshotStore
) -> None:
    async with engine_on(log, snapshots) as engine:
        await engine.take(flow(0, 10))
    consumed = engine.service.positions[ORDER_INPUT]
    async with (
        MemoryStream(clock=ManualClock(NOW_MS)) as empty,
        engine_on(log, snapshots, order_input=empty) as engine,
    ):
        failure = await engine.failure()
    assert isinstance(failure, InputBehind)
    assert "0-0" in str(failure)
    assert str(consumed) in str(failure)


async def test_r5_a_memory_input_begins_after_the_last_published_position(
    log: WatchedStream, snapshots: MemorySnapshotStore
) -> None:
    async with engine_on(log, snapshots) as first:
        await first.take(flow(0, 10))
    consumed = first.service.positions[ORDER_INPUT]
    async with engine_on(log, snapshots) as second:
        assert await second.order_input.append([encode_command(Tick())]) > consumed


# -- R6: what cannot be published --------------------------------------------------------


async def test_r6_an_engine_whose_log_takes_nothing_ends_and_answered_nobody(
    log: WatchedStream, snapshots: MemorySnapshotStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "PUBLISH_BACKOFF_S", 0.0)
    async with engine_on(log, snapshots) as engine:
        await engine.take(flow(0, 10))
        number = engine.service.place.number
        log.faults += [Fault.REFUSED] * publishing.PUBLISH_TRIES_MAX
        await engine.order_input.append([encode_command(flow(10, 11)[0])])
        failure = await engine.failure()
        assert isinstance(failure, PublishFailed)
        assert f"batch {number + 1}" in str(failure)
    assert (await recover_on(log, snapshots)).place.number == number


# -- R7: projections ---------------------------------------------------------------------


async def test_r7_every_number_of_the_log_has_one_entry_in_every_projection(
    log: WatchedStream, snapshots: MemorySnapshotStore
) -> None:
    async with (
        MemoryStream() as processor,
        MemoryStream() as websocket,
        engine_on(log, snapshots) as engine,
    ):
        targets: dict[str, Stream] = {PROCESSOR_STREAM: processor, WEBSOCKET_STREAM: websocket}
        relay = Relay(Log(log), targets, BEGINNING)
        task = asyncio.create_task(relay.run())
        await engine.take([Tick()])
        for start in range(0, 60, 20):
            await engine.take(flow(start, start + 20))
        async with asyncio.timeout(DEADLINE_S):
            last = START
            for _ in range(4):
                last = (await websocket.read(last, 1, DEADLINE_S))[0].id
        task.cancel()
        batches = await batches_of(log)
        told = [entry.payload for entry in await processor.read(START, 100)]
        shown = [entry.payload for entry in await websocket.read(START, 100)]
    assert told == [encode_processor_entry(entry.id, batch) for entry, batch in batches]
    assert shown == [encode_websocket_entry(entry.id, batch) for entry, batch in batches]
    assert decode_processor_entry(told[0])[1] == []


# -- R8: the lease -----------------------------------------------------------------------


async def test_r8_a_writer_of_an_older_epoch_is_superseded(
    log: WatchedStream, snapshots: MemorySnapshotStore
) -> None:
    async with engine_on(log, snapshots, epoch=7) as newer:
        await newer.take(flow(0, 10))
    async with engine_on(log, snapshots, epoch=6) as older:
        await older.order_input.append([encode_command(Tick())])
        failure = await older.failure()
        assert isinstance(failure, Superseded)
        assert "another engine took over" in str(failure)
    assert len(await batches_of(log)) == 1


async def test_r8_each_start_writes_under_a_higher_epoch(
    log: WatchedStream, snapshots: MemorySnapshotStore
) -> None:
    for _ in range(3):
        async with engine_on(log, snapshots) as engine:
            await engine.take([Tick()])
    assert [batch.epoch for _, batch in await batches_of(log)] == [1, 2, 3]


async def test_an_expected_head_that_is_not_there_is_a_conflict(log: WatchedStream) -> None:
    first, _ = batch(1, GENESIS_HASH)
    await log.append([first])
    entry = (await log.read(START, 1))[0]
    with pytest.raises(Conflict):
        await log.append([first], expect_head=entry.head._replace(id=Position(1, 1)))


async def test_an_empty_log_beside_broken_snapshots_alone_is_no_new_beginning(
    tmp_path: Path,
) -> None:
    async with FileSnapshotStore(tmp_path / "s") as snapshots:
        async with FileStream(tmp_path / "log") as log:
            store = store_on(log, snapshots, await recover_on(log, snapshots))
            async with engine_on(log, snapshots) as engine:
                await engine.take(flow(0, 40))
                await store.catch_up()
                info = await store.save()
        assert info is not None
        path = tmp_path / "s" / info.name
        path.write_bytes(path.read_bytes()[:-20])
        async with FileStream(tmp_path / "lost") as empty:
            with pytest.raises(CannotStart, match="The log is empty"):
                await recover_on(empty, snapshots)
