"""Takes a service out of a deployment for which the log is kept, though it never comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Final

import msgspec

from pmengine.processes.keeping import READ_BY_GROUPS, KeptFor, kept_by, kept_by_groups
from pmengine.processes.layout import WHOLE, find_layout
from pmengine.processes.sharing import require_shared_streams
from pmengine.services.log import STORE_STREAM, Log
from pmengine.services.notes import (
    FORGOTTEN,
    SERVICE_STREAM,
    SILENT_MS_MAX,
    Board,
    Herald,
    Note,
)
from pmengine.settings import Settings
from pmstore import Consumers, Stream, open_consumers, open_stream
from pmstore.clock import Clock

LISTEN_S: Final = SILENT_MS_MAX / 1000
"""Who lives says so every second, whatever the clocks of the machines say."""


class Forgetting(msgspec.Struct, kw_only=True, frozen=True):
    """
    What there was to forget of `service`, and whether it was done.

    `kept_for` is what is kept for it in each shard, of the log or of the stream that it reads
    as a group of consumers; `alive` names the instances that live, as `host:pid`; `known` are
    the services there are.
    """

    service: str
    registered: bool
    forgotten: bool
    kept_for: Sequence[KeptFor]
    alive: Sequence[str]
    known: Sequence[str]


async def forget_service(
    settings: Settings,
    name: str,
    *,
    clock: Clock,
    really: bool,
    listen_s: float = LISTEN_S,
) -> Forgetting:
    """
    Take *name* out of every shard, if *really*; else only look.

    What is written is a note: everybody who reads the notes forgets it at the same place.

    Raises:
        SettingsError: Its streams are of one process, where nothing is registered.
        PmstoreError: The streams cannot be read or written.
    """
    require_shared_streams(settings.storage)
    layout = await find_layout(settings) or WHOLE
    async with AsyncExitStack() as closing:

        async def opened(shard: int, stream_name: str) -> Stream:
            storage = layout.storage(settings.storage, shard)
            opening = open_stream(storage.streams, stream_name, pins=storage.pins)
            return await closing.enter_async_context(opening)

        notes = [await opened(shard, SERVICE_STREAM) for shard in range(layout.shards)]
        boards = [Board(stream, clock) for stream in notes]
        lasts = []
        for shard, board in enumerate(boards):
            await board.read()
            ends = await Log(await opened(shard, STORE_STREAM)).ends()
            lasts.append(0 if ends is None else ends[1][1].number)
        alive = await _alive(boards, name, listen_s)
        everything: list[KeptFor] = []
        groups: list[Consumers] = []
        for shard, (board, last) in enumerate(zip(boards, lasts, strict=True)):
            everything += kept_by(board, last)
            storage = layout.storage(settings.storage, shard)
            for stream_name in READ_BY_GROUPS:
                shared = await opened(shard, stream_name)
                opening = open_consumers(storage.streams, shared, pins=storage.pins)
                groups.append(await closing.enter_async_context(opening))
                everything += await kept_by_groups(stream_name, groups[-1], shared, board)
        kept_for = [kept for kept in everything if kept.service == name]
        noted = {note.service for board in boards for note, _ in board.all()}
        known = sorted(noted | {kept.service for kept in everything})
        forgotten = really and name in known and not alive
        if forgotten:
            last_word = Note(service=name, instance="", state=FORGOTTEN)
            for stream in notes:
                await Herald(stream, lambda: [last_word]).say([last_word])
            for one in groups:
                await one.forget(name)
    return Forgetting(
        service=name,
        registered=name in known,
        forgotten=forgotten,
        kept_for=kept_for,
        alive=alive,
        known=known,
    )


async def _alive(boards: Sequence[Board], name: str, listen_s: float) -> list[str]:
    """The instances of *name* that say something while somebody listens."""
    before = {(note.key, at) for board in boards for note, at in board.heard_at(name)}
    if before:
        await asyncio.sleep(listen_s)
        for board in boards:
            await board.read()
    now = {(note.key, at): note for board in boards for note, at in board.heard_at(name)}
    return sorted(
        f"{note.host}:{note.pid}"
        for key, note in now.items()
        if key not in before and note.state != "ended"
    )
