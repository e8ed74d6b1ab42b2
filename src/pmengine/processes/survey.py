"""Looks at a whole deployment from outside: who runs, how far each is, who leads."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from typing import Final

import attrs
import msgspec

from pmengine.processes.asking import ask_exchange, ask_process
from pmengine.processes.deployment import promise_of
from pmengine.processes.keeping import READ_BY_GROUPS, KeptFor, kept_by, kept_by_groups
from pmengine.processes.layout import shards_to_read
from pmengine.processes.sharing import is_shared
from pmengine.projections import PROJECTIONS, decode_batch_told
from pmengine.services.log import STORE_STREAM, Log
from pmengine.services.notes import FORGOTTEN_MS, SERVICE_STREAM, SILENT_MS_MAX, Board, Note
from pmengine.settings import Settings
from pmstore import Stream, open_consumers, open_snapshot_store, open_stream
from pmstore.clock import Clock

NEEDED: Final = ("engine", "relay", "store", "history")
"""Without one of these for a shard orders are not taken, or not shown, or not kept for long."""
ONE_PROCESS: Final = "up"
"""What an exchange is called that is one process and needs no lease: nobody leads it."""
EVERYWHERE: Final = ("api",)
"""Likewise, of which one serves all shards."""


class ServiceSeen(msgspec.Struct, kw_only=True, frozen=True):
    """
    One instance of a service: what it last said, and what it answers now.

    `state` is `ready`, `not ready`, `silent` (no note for long) or `ended`.
    """

    service: str
    instance: str
    state: str
    reason: str
    role: str
    epoch: int
    number: int
    position: str
    lag: int
    heard_ms: int
    host: str
    pid: int
    url: str


class LogSeen(msgspec.Struct, kw_only=True, frozen=True):
    """Which entries the log holds; 0 to 0 if there never was one."""

    first: int
    last: int
    position: str
    epoch: int


class Seen(msgspec.Struct, kw_only=True, frozen=True):
    """
    One shard of a deployment as it is now; `problems` in words, empty if all is well.

    `snapshots` and `snapshot_number` are 0 if they were not looked at.
    """

    streams: str
    promise: str
    leader: str | None
    epoch: int
    log: LogSeen
    projections: dict[str, int]
    snapshots: int
    snapshot_number: int
    services: Sequence[ServiceSeen]
    kept_for: Sequence[KeptFor]
    problems: Sequence[str]
    shard: int = 0


_OpenStream = Callable[[str], Awaitable[Stream]]


@attrs.frozen
class _Ends:
    log: LogSeen
    projections: dict[str, int]


async def survey(
    settings: Settings, clock: Clock, *, with_snapshots: bool = True, log: Log | None = None
) -> list[Seen]:
    """
    Look at the streams, the snapshots and every service that has said where it is, of each shard.

    Args:
        with_snapshots: Whether snapshots are verified, which reads and decodes all of them: not
            for a process that has something else to do.
        log: That of the first shard, if it is open here: opening one of files reads all of it.

    Raises:
        pmstore.PmstoreError: The streams or snapshots cannot be read, or the data is of another
            number of shards.
    """
    shards = await shards_to_read(settings)
    seen = [
        await _survey(
            attrs.evolve(settings, storage=one.storage),
            clock,
            with_snapshots,
            log if shard == 0 else None,
        )
        for shard, one in enumerate(shards)
    ]
    # A gateway serves all of them, and is noted where it was started.
    services = [service for one in seen for service in one.services]
    problems = [] if not is_shared(settings.storage) else list(_lacking(services, EVERYWHERE))
    return [
        msgspec.structs.replace(one, shard=shard, problems=[*one.problems, *problems])
        for shard, one in enumerate(seen)
    ]


async def _survey(
    settings: Settings, clock: Clock, with_snapshots: bool, open_log: Log | None
) -> Seen:
    streams = settings.storage.streams
    async with AsyncExitStack() as closing:

        async def stream(name: str) -> Stream:
            opening = open_stream(streams, name, read_only=True, pins=settings.storage.pins)
            return await closing.enter_async_context(opening)

        ends = await _ends(settings, open_log or Log(await stream(STORE_STREAM)), stream)
        snapshots = await _snapshots(settings, closing) if with_snapshots else []
        services: list[ServiceSeen] = []
        kept_for: list[KeptFor] = []
        if not is_shared(settings.storage):
            services.append(await _whole_exchange(settings, ends.log))
        else:
            board = Board(await stream(SERVICE_STREAM), clock)
            await board.read()
            services += await asyncio.gather(
                *(
                    _seen(note, heard_ms, ends.log)
                    for note, heard_ms in board.all()
                    if heard_ms <= FORGOTTEN_MS
                )
            )
            kept_for += kept_by(board, ends.log.last)
            for name in READ_BY_GROUPS:
                shared = await stream(name)
                groups = await closing.enter_async_context(
                    open_consumers(streams, shared, pins=settings.storage.pins)
                )
                kept_for += await kept_by_groups(name, groups, shared, board)
    leading = [one for one in services if one.role == "leader" and one.service == "engine"]
    leading = [one for one in leading if one.state in ("ready", "not ready")]
    leader = max(leading, key=lambda one: one.epoch, default=None)
    return Seen(
        streams=str(streams),
        promise=await promise_of(settings),
        leader=None if leader is None else leader.instance,
        epoch=0 if leader is None else leader.epoch,
        log=ends.log,
        projections=ends.projections,
        snapshots=len(snapshots),
        snapshot_number=snapshots[-1] if snapshots else 0,
        services=services,
        kept_for=kept_for,
        problems=list(
            _problems(services, kept_for, is_one_process=not is_shared(settings.storage))
        ),
    )


async def _ends(settings: Settings, open_log: Log, stream: _OpenStream) -> _Ends:
    storage = settings.storage
    ends = await open_log.ends()
    log = LogSeen(first=0, last=0, position="0-0", epoch=0)
    if ends is not None:
        (_, first), (head, last) = ends
        log = LogSeen(first=first.number, last=last.number, position=str(head.id), epoch=last.epoch)
    projections: dict[str, int] = {}
    if is_shared(storage):
        for name in PROJECTIONS:
            bounds = await (await stream(name)).bounds()
            last_entry = None if bounds is None else bounds.last
            told = None if last_entry is None else decode_batch_told(last_entry.payload, name)
            projections[name] = 0 if told is None else told.number
    return _Ends(log, projections)


async def _snapshots(settings: Settings, closing: AsyncExitStack) -> list[int]:
    """The numbers of the snapshots that are whole, oldest first."""
    storage = settings.storage
    opening = open_snapshot_store(storage.snapshots, pins=storage.pins)
    snapshots = await closing.enter_async_context(opening)
    return [info.number for info in await snapshots.list() if info.problem is None]


async def _seen(note: Note, heard_ms: int, log: LogSeen) -> ServiceSeen:
    state, reason = "ended", "it ended as it was asked to"
    if note.state != "ended" and heard_ms > SILENT_MS_MAX:
        state, reason = "silent", f"it said nothing for {heard_ms / 1000:.1f} s"
    elif note.state != "ended":
        told = await asyncio.to_thread(ask_process, note.url)
        mine = [one for one in told.services if one.service == note.service] if told else []
        if mine:
            now = mine[0]
            state, reason = "ready" if now.ready else "not ready", now.reason
            note = msgspec.structs.replace(
                note, role=now.role, epoch=now.epoch, number=now.number, position=now.position
            )
        else:
            state, reason = "not ready", f"{note.url or 'it'} does not tell its health from here"
    return ServiceSeen(
        service=note.service,
        instance=note.instance,
        state=state,
        reason=reason,
        role=note.role,
        epoch=note.epoch,
        number=note.number,
        position=note.position,
        lag=max(0, log.last - note.number),
        heard_ms=heard_ms,
        host=note.host,
        pid=note.pid,
        url=note.url,
    )


async def _whole_exchange(settings: Settings, log: LogSeen) -> ServiceSeen:
    """`pmengine up`, which tells its health where its API is."""
    certificate = settings.tls_certificate
    scheme = "http" if certificate is None else "https"
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    url = f"{scheme}://{host}:{settings.port}"
    ready, reason = await asyncio.to_thread(ask_exchange, url, certificate)
    return ServiceSeen(
        service=ONE_PROCESS,
        instance=url,
        state="ready" if ready else "not ready",
        reason=reason,
        role="",
        epoch=log.epoch,
        number=log.last,
        position=log.position,
        lag=0,
        heard_ms=0,
        host=settings.host,
        pid=0,
        url=url,
    )


def _problems(
    services: Sequence[ServiceSeen], kept_for: Sequence[KeptFor], *, is_one_process: bool
) -> Iterator[str]:
    for one in services:
        if one.state == "not ready":
            yield f"{one.service} {one.instance} is not ready: {one.reason}"
    if is_one_process:
        return
    yield from _lacking(services, NEEDED)
    for kept in kept_for:
        if kept.is_away:
            yield (
                f"{kept.stream} is kept for {kept.service}, {kept.lag} entries behind, which said "
                f"nothing for {kept.heard_ms / 1000:.0f} s: start it, or, if it is gone for good: "
                f"pmengine forget {kept.service}"
            )


def _lacking(services: Sequence[ServiceSeen], names: Sequence[str]) -> Iterator[str]:
    for name in names:
        living = [one for one in services if one.service == name]
        working = [one for one in living if one.state == "ready" and one.role != "standby"]
        if not working:
            silent = [one for one in living if one.state == "silent"]
            more = f"; {silent[-1].reason}" if silent else ""
            yield f"no {name} does its work{more}"
