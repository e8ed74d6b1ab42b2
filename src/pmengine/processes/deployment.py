"""What the processes of one deployment share: its streams, leases, snapshots and notes."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Final, TypeVar

import attrs
import structlog

from pmengine.assembly import engine_of
from pmengine.commands import EVENT_INPUT, ORDER_INPUT
from pmengine.ids import new_id
from pmengine.processes.layout import Layout, claim_layout
from pmengine.processes.sharing import require_shared_streams
from pmengine.projections import WEBSOCKET_STREAM, decode_batch_told
from pmengine.services.collector import let_go
from pmengine.services.depth import DepthStart, depths_of
from pmengine.services.depth_pictures import DEPTH_PICTURES, DepthPictures
from pmengine.services.log import STORE_STREAM, Log, LogGap, LogRewritten, Place
from pmengine.services.notes import SERVICE_STREAM, Board, Note
from pmengine.services.outages import persistently
from pmengine.services.recovery import Recovered, recover
from pmengine.services.shard_records import Ownership
from pmengine.settings import Settings
from pmstore import (
    Consumers,
    CorruptData,
    Lease,
    LedgerStore,
    SettingsError,
    SnapshotStore,
    StorageSettings,
    StoreUnavailable,
    Stream,
    keeps_ledger,
    open_consumers,
    open_lease,
    open_ledger_store,
    open_snapshot_store,
    open_stream,
    stream_durability,
)
from pmstore.clock import system_clock

INPUTS: Final = (ORDER_INPUT, EVENT_INPUT)
PROMISE_S: Final = 60.0

_logger = structlog.get_logger("pmengine")
T = TypeVar("T")


class Deployment:
    """
    Opens what a process needs of one shard of a deployment, once each, and closes it at the end.

    An outage at the start is waited out: servers come in any order.

    Attributes:
        settings: Of the deployment.
        shard: Whose streams, leases, snapshots and notes these are.
        instance: Names this process among those of its service.
        url: Where this process tells its health; set once it listens.
    """

    def __init__(self, settings: Settings, closing: AsyncExitStack) -> None:
        self.settings = settings
        self.shard = settings.shard
        self.instance = new_id()
        self.url = ""
        self._closing = closing
        self._streams: dict[str, Stream] = {}
        self._opening = asyncio.Lock()
        self._layout: Layout | None = None
        self._snapshots: SnapshotStore | None = None
        self._log: Log | None = None
        self._board: Board | None = None
        self._promise = ""
        self._promise_until = 0.0

    def of_shard(self, shard: int) -> Deployment:
        """The same for another shard; closed with this one."""
        if shard == self.shard:
            return self
        return Deployment(attrs.evolve(self.settings, shard=shard), self._closing)

    async def layout(self) -> Layout:
        """
        How the data is divided, as it was at the start.

        Raises:
            SettingsError: Not into as many shards as the settings say.
        """
        if self._layout is None:
            self._layout = await persistently(partial(claim_layout, self.settings), "start")
        return self._layout

    async def check_layout(self) -> None:
        """
        See that the data is still divided as it was at the start.

        Raises:
            SettingsError: It was divided anew: the places that this process has are the past.
            StoreUnavailable: It cannot be asked now.
        """
        found = await claim_layout(self.settings)
        if found != await self.layout():
            raise SettingsError(["the data was divided anew while this ran: start it again"])

    async def ownership(self) -> Ownership:
        """Which records of the stores that all shards share are this shard's."""
        return (await self.layout()).ownership(self.shard)

    async def place(self) -> StorageSettings:
        """
        Where this shard has its streams, leases and snapshots.

        Raises:
            SettingsError: As for `layout`.
        """
        return (await self.layout()).storage(self.settings.storage, self.shard)

    async def entered(
        self, opening: AbstractAsyncContextManager[T], until: AsyncExitStack | None = None
    ) -> T:
        """Enter *opening*, over an outage, until *until* is left; unset, the deployment."""
        closing = self._closing if until is None else until
        return await persistently(lambda: closing.enter_async_context(opening), "start")

    async def entered_ledger(self, until: AsyncExitStack | None = None) -> LedgerStore | None:
        """The double-entry ledger where the orders are kept; None where none is."""
        storage = self.settings.storage
        if not self.settings.ledger or not keeps_ledger(storage.orders, pins=storage.pins):
            return None
        return await self.entered(open_ledger_store(storage.orders, pins=storage.pins), until)

    async def stream(self, name: str) -> Stream:
        """The stream *name*."""
        async with self._opening:
            if name not in self._streams:
                storage = await self.place()
                # Of the log alone was anything answered; all else can be made again from it.
                where = storage.log_streams if name == STORE_STREAM else storage.streams
                opening = open_stream(where, name, pins=storage.pins)
                self._streams[name] = await self.entered(opening)
            return self._streams[name]

    async def inputs(self) -> dict[str, Stream]:
        """The engine's inputs by name."""
        return {name: await self.stream(name) for name in INPUTS}

    async def log(self) -> Log:
        """The log, as its followers in this process share it."""
        if self._log is None:
            self._log = Log(await self.stream(STORE_STREAM))
        return self._log

    async def board(self) -> Board:
        """What services say of themselves; read once, and followed by who runs it."""
        if self._board is None:
            board = Board(await self.stream(SERVICE_STREAM), system_clock)
            await persistently(board.read, "board")
            self._board = board
        return self._board

    async def consumers(self, name: str) -> Consumers:
        """The consumer groups over the stream *name*."""
        stream, storage = await self.stream(name), await self.place()
        return await self.entered(open_consumers(storage.streams, stream, pins=storage.pins))

    async def lease(self) -> Lease:
        """The leases."""
        storage = await self.place()
        return await self.entered(open_lease(storage.streams, pins=storage.pins))

    async def snapshots(self) -> SnapshotStore:
        """The snapshots of the engine's state."""
        if self._snapshots is None:
            storage = await self.place()
            opening = open_snapshot_store(storage.snapshots, pins=storage.pins)
            self._snapshots = await self.entered(opening)
        return self._snapshots

    async def recover(self, *, oldest: bool = False, beyond: int = 0) -> Recovered:
        """
        The state that the newest snapshot on the log and the log after it add up to.

        Raises:
            CannotStart, CorruptData: As `services.recovery.recover`.
        """
        log, snapshots = await self.log(), await self.snapshots()

        async def find() -> Recovered:
            return await recover(
                log,
                snapshots,
                id_memory_s=self.settings.id_memory_s,
                now_ms=system_clock(),
                oldest=oldest,
                beyond=beyond,
            )

        return await persistently(find, "recovery")

    async def depths(self) -> DepthStart:
        """
        The depth of every market: the newest picture that the feed goes on from, else folded
        from the log.

        Raises:
            CannotStart, CorruptData: As for `recover`.
        """
        pictures = DepthPictures(await self.stream(DEPTH_PICTURES))
        feed = await self.stream(WEBSOCKET_STREAM)

        async def newest() -> DepthStart | None:
            try:
                picture = await pictures.newest()
            except CorruptData as error:
                _logger.warning("depth_picture_passed_over", reason=str(error))
                return None
            if picture is None or not await self._is_on_log(picture.place):
                return None
            bounds = await feed.bounds()
            if bounds is None:
                return None
            first = decode_batch_told(bounds.first.payload, WEBSOCKET_STREAM)
            return picture if first.number <= picture.place.number + 1 else None

        picture = await persistently(newest, "depth")
        if picture is not None:
            return picture
        start = await self._folded_depths()
        let_go()
        return start

    async def _folded_depths(self) -> DepthStart:
        found = await self.recover()
        return DepthStart(found.place, depths_of(engine_of(self.settings, found.state)))

    async def _is_on_log(self, place: Place) -> bool:
        try:
            await (await self.log()).read(place, 1)
        except (LogGap, LogRewritten):
            return False
        return True

    async def promise(self) -> str:
        """What the streams keep of what was answered; asked again every minute."""
        now = asyncio.get_running_loop().time()
        if now >= self._promise_until:
            self._promise = await promise_of(self.settings)
            self._promise_until = now + PROMISE_S
        return self._promise

    def note(self, service: str) -> Note:
        """What this process says of *service* before it knows more."""
        return Note(
            service=service,
            instance=self.instance,
            state="starting",
            host=socket.gethostname(),
            pid=os.getpid(),
            url=self.url,
        )


@asynccontextmanager
async def open_deployment(settings: Settings) -> AsyncIterator[Deployment]:
    """
    What *settings* name, opened as it is asked for.

    Raises:
        SettingsError: Its streams are of one process.
    """
    require_shared_streams(settings.storage)
    async with AsyncExitStack() as closing:
        yield Deployment(settings, closing)


async def promise_of(settings: Settings) -> str:
    """What the streams keep of what was answered, in words."""
    storage = settings.storage
    try:
        told = await stream_durability(storage.log_streams, pins=storage.pins)
    except StoreUnavailable as error:
        return f"unknown now: {error}"
    return told or "unknown: their backend does not say"
