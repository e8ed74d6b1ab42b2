"""The servers of a deployment in memory, and processes that die or freeze at any await of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from random import Random
from typing import Any, TypeVar

import attrs

from pmengine.processes.deployment import Deployment
from pmengine.settings import Settings
from pmstore import (
    Bounds,
    Entry,
    Head,
    Lease,
    Position,
    Snapshot,
    SnapshotInfo,
    SnapshotStore,
    StorageSettings,
    StoreUnavailable,
    Stream,
)
from pmstore.backends.memory import MemoryLease, MemorySnapshotStore
from tests.services.losing import LosingStream
from tests.services.rig import NOW_MS

LEASE_S = 0.4
FROZEN_S_MAX = 1.5

T = TypeVar("T")


@attrs.frozen(kw_only=True)
class Chances:
    """Of what befalls a call to a server, 0..1 at each await; and how many processes it hits."""

    unanswered: float = 0.01
    killed: float = 0.01
    frozen: float = 0.0
    hit_max: int = 4


class Servers:
    """
    Streams, leases and snapshots that outlive the processes; their time is the loop's.

    Args:
        heedless: Streams that take appends whatever their conditions: a planted bug.
    """

    def __init__(self, chances: Chances, seed: int, heedless: frozenset[str] = frozenset()) -> None:
        self.chances = chances
        self.heedless = heedless
        self.chance = Random(seed)
        self.hit = 0
        self.streams: dict[str, LosingStream] = {}
        self.leases = MemoryLease(clock=self.now_ms)
        self.snapshots = MemorySnapshotStore()
        self._closing = AsyncExitStack()

    def now_ms(self) -> int:
        """Milliseconds since the epoch, on the loop's time."""
        return NOW_MS + int(asyncio.get_running_loop().time() * 1000)

    async def __aenter__(self) -> Servers:
        await self._closing.enter_async_context(self.leases)
        await self._closing.enter_async_context(self.snapshots)
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._closing.aclose()

    async def stream(self, name: str) -> LosingStream:
        """The stream itself, which always answers."""
        if name not in self.streams:
            stream = LosingStream(self.now_ms)
            self.streams[name] = await self._closing.enter_async_context(stream)
        return self.streams[name]


class Reach:
    """
    How one process reaches the servers, until it is killed.

    Attributes:
        is_dead: Every call ends the task that makes it.
    """

    def __init__(self, servers: Servers) -> None:
        self.servers = servers
        self.is_dead = False
        self._going = asyncio.Event()
        self._going.set()

    def freeze(self) -> None:
        """Let the process stand still at its next call, until `thaw`."""
        self._going.clear()

    def thaw(self) -> None:
        """Let it go on."""
        self._going.set()

    async def call(self, ask: Callable[[], Awaitable[T]]) -> T:
        """What a server answers to *ask*, if the process lives to see it."""
        await self._step()
        answer = await ask()
        await self._step()
        return answer

    async def _step(self) -> None:
        await asyncio.sleep(0)
        servers, chances = self.servers, self.servers.chances
        dice = servers.chance.random()
        if servers.hit < chances.hit_max and dice < chances.killed + chances.frozen:
            servers.hit += 1
            if dice < chances.killed:
                self.is_dead = True
            else:
                self.freeze()
                thawed_s = servers.chance.uniform(0.0, FROZEN_S_MAX)
                asyncio.get_running_loop().call_later(thawed_s, self.thaw)
        await self._going.wait()
        if self.is_dead:
            raise asyncio.CancelledError
        if servers.chance.random() < chances.unanswered:
            raise StoreUnavailable("no answer")


class ReachedStream:
    """A stream of the servers, as a process reaches it."""

    def __init__(self, reach: Reach, stream: LosingStream, is_heedless: bool) -> None:
        self._reach = reach
        self._is_heedless = is_heedless
        self._stream = stream
        self.limits = stream.limits
        self.coverage = stream.coverage

    async def append(
        self,
        items: Sequence[bytes],
        /,
        *,
        expect_head: Head | None = None,
        epoch: int | None = None,
    ) -> Position:
        if self._is_heedless:
            expect_head = epoch = None
        return await self._reach.call(
            lambda: self._stream.append(items, expect_head=expect_head, epoch=epoch)
        )

    async def read(self, after: Position, limit: int, wait_s: float = 0.0, /) -> list[Entry]:
        return await self._reach.call(lambda: self._stream.read(after, limit, wait_s))

    async def trim(self, through: Position, /) -> None:
        await self._reach.call(lambda: self._stream.trim(through))

    async def bounds(self) -> Bounds | None:
        return await self._reach.call(self._stream.bounds)

    async def size_bytes(self) -> int:
        return await self._reach.call(self._stream.size_bytes)


class ReachedLease:
    """The leases, as a process reaches them."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach
        self._leases = reach.servers.leases

    async def acquire(self, name: str, ttl_s: float, /) -> int | None:
        return await self._reach.call(lambda: self._leases.acquire(name, ttl_s))

    async def renew(self, name: str, epoch: int, ttl_s: float, /) -> bool:
        return await self._reach.call(lambda: self._leases.renew(name, epoch, ttl_s))

    async def release(self, name: str, epoch: int, /) -> None:
        await self._reach.call(lambda: self._leases.release(name, epoch))


class ReachedSnapshots:
    """The snapshots, as a process reaches them."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach
        self._snapshots = reach.servers.snapshots

    async def save(self, snapshot: Snapshot, /) -> SnapshotInfo:
        return await self._reach.call(lambda: self._snapshots.save(snapshot))

    async def load(self) -> Snapshot | None:
        return await self._reach.call(self._snapshots.load)

    async def get(self, name: str, /) -> Snapshot | None:
        return await self._reach.call(lambda: self._snapshots.get(name))

    async def list(self) -> list[SnapshotInfo]:
        return await self._reach.call(self._snapshots.list)

    async def prune(self, keep: int, /) -> int:
        return await self._reach.call(lambda: self._snapshots.prune(keep))


class ReachedDeployment(Deployment):
    """A deployment whose servers are in memory, for one process."""

    def __init__(self, reach: Reach) -> None:
        settings = Settings(
            storage=StorageSettings(), lease_s=LEASE_S, tick_ms=60_000, snapshot_interval_s=0.3
        )
        super().__init__(settings, AsyncExitStack())
        self.reach = reach
        self._reached: dict[str, Any] = {}

    async def check_layout(self) -> None:
        """There is one shard, and there will be."""

    async def stream(self, name: str) -> Stream:
        if name not in self._reached:
            servers = self.reach.servers
            is_heedless = name in servers.heedless
            stream = await servers.stream(name)
            self._reached[name] = ReachedStream(self.reach, stream, is_heedless)
        found: Stream = self._reached[name]
        return found

    async def lease(self) -> Lease:
        found: Any = ReachedLease(self.reach)
        return found

    async def snapshots(self) -> SnapshotStore:
        found: Any = ReachedSnapshots(self.reach)
        return found
