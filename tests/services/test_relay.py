"""The relay tells of every entry of the log exactly once, whoever dies and whatever fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs
import pytest

import pmengine.services.relay as relay_module
from pmengine.commands import EVENT_INPUT, ORDER_INPUT
from pmengine.projections import (
    PROCESSOR_STREAM,
    PROJECTIONS,
    WEBSOCKET_STREAM,
    decode_batch_told,
)
from pmengine.services import outages
from pmengine.services.log import Log, LogGap, before
from pmengine.services.relay import Relay
from pmengine.user_events import USER_EVENT_STREAM
from pmstore import START, Position, Restored, Stream
from pmstore.backends.memory import MemorySnapshotStore, MemoryStream
from pmstore.codec import GENESIS_HASH, encode_batch, encode_changes
from pmstore.testing import ManualClock
from tests.services.rig import DEADLINE_S, NOW_MS, batches_of, engine_on, flow
from tests.services.streams import Fault, WatchedStream

NOTHING = {ORDER_INPUT: START, EVENT_INPUT: START}


@attrs.define
class Streams:
    """A log and the projections of it."""

    log: MemoryStream
    targets: dict[str, Stream]

    def relay(self) -> Relay:
        """A relay that knows nothing but the streams."""
        return Relay(Log(self.log), self.targets)

    async def told(self) -> dict[str, list[tuple[int, Position]]]:
        """Which numbers and positions of the log each target tells of."""
        found = {}
        for name, stream in self.targets.items():
            entries = await stream.read(START, 100_000)
            heads = [decode_batch_told(entry.payload, name) for entry in entries]
            found[name] = [(one.number, Position.parse(one.position)) for one in heads]
        return found

    async def caught_up(self) -> None:
        """Wait until every target tells of the last entry."""
        bounds = await self.log.bounds()
        assert bounds is not None
        async with asyncio.timeout(DEADLINE_S):
            while any(
                not numbers or numbers[-1][1] < bounds.last.id
                for numbers in (await self.told()).values()
            ):
                await asyncio.sleep(0.005)

    async def assert_once(self) -> None:
        """One entry in each target for each entry of the log, in order."""
        wanted = [(batch.number, entry.id) for entry, batch in await batches_of(self.log)]
        assert await self.told() == dict.fromkeys(self.targets, wanted)


@pytest.fixture
async def streams(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Streams]:
    monkeypatch.setattr(relay_module, "RETRY_S_MIN", 0.0)
    monkeypatch.setattr(outages, "RETRY_S_MIN", 0.0)
    async with (
        MemoryStream(clock=ManualClock(NOW_MS)) as log,
        WatchedStream(MemoryStream()) as processor,
        WatchedStream(MemoryStream()) as websocket,
        WatchedStream(MemoryStream()) as users,
    ):
        targets = {
            PROCESSOR_STREAM: processor,
            WEBSOCKET_STREAM: websocket,
            USER_EVENT_STREAM: users,
        }
        yield Streams(log, dict(targets))


@asynccontextmanager
async def running(*relays: Relay) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(relay.run()) for relay in relays]
    yield
    for task in tasks:
        task.cancel()
    for ended in await asyncio.gather(*tasks, return_exceptions=True):
        assert isinstance(ended, asyncio.CancelledError), ended


async def write(log: Stream, start: int, end: int) -> None:
    """Some commands of the sample flow, each its own entry of the log."""
    async with MemorySnapshotStore() as snapshots, engine_on(log, snapshots) as engine:
        for index in range(start, end):
            await engine.take(flow(index, index + 1))


async def test_a_relay_goes_on_where_its_targets_are(streams: Streams) -> None:
    await write(streams.log, 0, 20)
    async with running(streams.relay()):
        await streams.caught_up()
    await write(streams.log, 20, 40)
    # The one before died between two targets.
    batches = await batches_of(streams.log)
    entry, batch = batches[20]
    ahead = streams.targets[WEBSOCKET_STREAM]
    await ahead.append([PROJECTIONS[WEBSOCKET_STREAM](entry.id, batch)])
    async with running(streams.relay()):
        await streams.caught_up()
    await streams.assert_once()


async def test_several_relays_do_what_one_does(streams: Streams) -> None:
    async with running(streams.relay(), streams.relay(), streams.relay()):
        await write(streams.log, 0, 60)
        await streams.caught_up()
    await streams.assert_once()


@pytest.mark.parametrize("fault", list(Fault))
async def test_an_append_of_unknown_outcome_is_neither_lost_nor_doubled(
    fault: Fault, streams: Streams
) -> None:
    for target in streams.targets.values():
        assert isinstance(target, WatchedStream)
        target.faults.extend([fault] * 3)
    await write(streams.log, 0, 20)
    async with running(streams.relay()):
        await streams.caught_up()
        await write(streams.log, 20, 30)
        await streams.caught_up()
    await streams.assert_once()


async def test_late_readers_find_the_newest_entries_and_no_more(
    streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_module, "KEPT_ENTRIES_MAX", 10)
    monkeypatch.setattr(relay_module, "INHERITED_PAGE", 7)
    await write(streams.log, 0, 30)
    async with running(streams.relay()):
        await streams.caught_up()
    # Those that an earlier relay left are counted too.
    for start in (30, 45):
        async with running(streams.relay()):
            for index in range(start, start + 15):
                await write(streams.log, index, index + 1)
                await streams.caught_up()
    wanted = [(batch.number, entry.id) for entry, batch in await batches_of(streams.log)][-10:]
    assert await streams.told() == dict.fromkeys(streams.targets, wanted)


async def test_a_relay_begins_with_the_first_entry_that_the_log_holds(streams: Streams) -> None:
    await write(streams.log, 0, 20)
    batches = await batches_of(streams.log)
    await streams.log.trim(before(batches[5][0].id))
    async with running(streams.relay()):
        await streams.caught_up()
    await streams.assert_once()


async def test_a_log_that_lost_its_tail_is_told_on_with_the_number_that_it_has(
    streams: Streams,
) -> None:
    first, first_hash = encode_batch(1, 1, NOW_MS, GENESIS_HASH, NOTHING, b"[]")
    await streams.log.append([first])
    async with running(streams.relay()):
        await streams.caught_up()
        restored, _ = encode_batch(
            8, 2, NOW_MS, "a" * 64, NOTHING, encode_changes([Restored(7, "a" * 64)])
        )
        await streams.log.append([restored])
        await streams.caught_up()
    assert first_hash
    assert [[number for number, _ in told] for told in (await streams.told()).values()] == [
        [1, 8],
        [1, 8],
        [1, 8],
    ]


async def test_a_log_that_was_trimmed_past_a_target_stops_the_relay(streams: Streams) -> None:
    await write(streams.log, 0, 10)
    async with running(streams.relay()):
        await streams.caught_up()
    await write(streams.log, 10, 20)
    batches = await batches_of(streams.log)
    await streams.log.trim(batches[15][0].id)
    async with asyncio.timeout(DEADLINE_S):
        with pytest.raises(LogGap):
            await streams.relay().run()
