"""A log and a stream that tells of it, for the feeds of gateways that follow that stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Protocol

import attrs

from pmengine.services.log import Place
from pmengine.services.recovery import Recovered
from pmstore import Batch, Position, Stream
from pmstore.backends.memory import MemorySnapshotStore, MemoryStream
from pmstore.testing import ManualClock
from tests.services.rig import DEADLINE_S, NOW_MS, batches_of, engine_on, flow, recover_on


class Feed(Protocol):
    """What the depth feed and the user feed have in common."""

    @property
    def place(self) -> Place | None: ...

    async def run(self) -> None: ...


@attrs.define
class Told:
    """A log, and the stream that tells of it."""

    log: Stream
    stream: Stream
    snapshots: MemorySnapshotStore
    encode: Callable[[Position, Batch], bytes]

    async def write(self, start: int, end: int, *, tell: bool = True) -> None:
        """Some commands of the sample flow; *tell*: their entries reach the feed."""
        known = len(await batches_of(self.log))
        async with engine_on(self.log, self.snapshots) as engine:
            for index in range(start, end):
                await engine.take(flow(index, index + 1))
        if tell:
            for entry, batch in (await batches_of(self.log))[known:]:
                await self.stream.append([self.encode(entry.id, batch)])

    async def reached_by(self, feed: Feed) -> None:
        """Wait until *feed* is at the end of the log."""
        bounds = await self.log.bounds()
        assert bounds is not None
        async with asyncio.timeout(DEADLINE_S):
            while feed.place is None or feed.place.position < bounds.last.id:
                await asyncio.sleep(0.001)

    async def recovered(self) -> Recovered:
        """What the log says now."""
        return await recover_on(self.log, self.snapshots)


@asynccontextmanager
async def telling(encode: Callable[[Position, Batch], bytes]) -> AsyncIterator[Told]:
    """An empty log, and an empty stream that *encode* writes the entries of."""
    async with (
        MemoryStream(clock=ManualClock(NOW_MS)) as log,
        MemoryStream(clock=ManualClock(NOW_MS)) as stream,
        MemorySnapshotStore() as snapshots,
    ):
        yield Told(log, stream, snapshots, encode)


@asynccontextmanager
async def running(feed: Feed) -> AsyncIterator[None]:
    """Let *feed* follow its stream; it must not end by itself."""
    task = asyncio.create_task(feed.run())
    try:
        yield
    finally:
        task.cancel()
        [ended] = await asyncio.gather(task, return_exceptions=True)
    assert isinstance(ended, asyncio.CancelledError), ended
