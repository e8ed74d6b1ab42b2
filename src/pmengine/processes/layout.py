"""How the data of a deployment is divided into shards; kept beside it, compared at every start."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Final

import attrs
import msgspec

from pmengine.processes.sharing import is_shared
from pmengine.services.log import STORE_STREAM
from pmengine.services.shard_records import Ownership
from pmengine.settings import Settings
from pmstore import (
    EMPTY,
    Conflict,
    CorruptData,
    Head,
    SettingsError,
    Stack,
    StorageSettings,
    Stream,
    open_stream,
    part_of,
)

LAYOUT_STREAM: Final = "layout_stream"


class Layout(msgspec.Struct, kw_only=True, frozen=True):
    """
    The data is that of so many `shards`.

    Each time that it is divided anew a further `generation` begins, in places of its own; 0 was
    never divided and has the plain names.
    """

    generation: int
    shards: int

    def part(self, shard: int) -> str:
        """The name of the place that one shard has; empty for the whole."""
        return f"g{self.generation}s{shard}" if self.generation else ""

    def ownership(self, shard: int) -> Ownership:
        """Which records of the stores that all shards share are those of one shard."""
        part = self.part(shard)
        source = f"{STORE_STREAM}-{part}" if part else STORE_STREAM
        return Ownership(shard=shard, shards=self.shards, source=source)

    def storage(self, storage: StorageSettings, shard: int) -> StorageSettings:
        """
        Where one shard has its streams, leases and snapshots; orders and the like are shared.

        Raises:
            SettingsError: The backend of streams or snapshots cannot divide its places.
        """
        name, pins = self.part(shard), storage.pins
        if not name:
            return storage
        return attrs.evolve(
            storage,
            streams_url=part_of(storage.streams, name, shard, pins=pins),
            snapshots_url=part_of(storage.snapshots, name, shard, pins=pins),
        )

    def trades(self, storage: StorageSettings, shard: int) -> Stack:
        """The stack of the trade store as one shard writes it: audit logs have one writer."""
        part = self.part(shard)
        if not part:
            return storage.trades
        sinks = [
            attrs.evolve(sink, path=_beside(sink.path, part)) if sink.scheme == "file" else sink
            for sink in storage.trades.sinks
        ]
        return attrs.evolve(storage.trades, sinks=tuple(sinks))


WHOLE: Final = Layout(generation=0, shards=1)


async def find_layout(settings: Settings) -> Layout | None:
    """
    The layout of the data that *settings* name, None if there is none yet.

    Raises:
        StoreUnavailable, CorruptData: From the streams.
    """
    async with _layouts(settings, read_only=True) as stream:
        found = await _newest(stream)
    if found is not None:
        return found[0]
    # From before layouts were written down.
    storage = settings.storage
    async with open_stream(storage.streams, STORE_STREAM, read_only=True, pins=storage.pins) as log:
        return None if await log.bounds() is None else WHOLE


async def claim_layout(settings: Settings) -> Layout:
    """
    The layout of the data, which *settings* must agree with; written down with the first start.

    Raises:
        SettingsError: The data is of another number of shards.
        StoreUnavailable, CorruptData: From the streams.
    """
    while True:
        found = await find_layout(settings)
        if found is not None:
            require_layout(settings, found)
            if found.generation:
                return found
        layout = _first(settings)
        async with _layouts(settings) as stream:
            if await _newest(stream) is not None:
                if found is not None:
                    return found
                continue
            try:
                await stream.append([msgspec.json.encode(layout)], expect_head=EMPTY)
            except Conflict:
                continue  # another process was first, perhaps with other settings
        return layout


async def write_layout(settings: Settings, before: Layout, layout: Layout) -> None:
    """
    Let the data be divided like *layout* from now on, if it is divided like *before*.

    Raises:
        Conflict: It is not.
        StoreUnavailable: It may have happened.
    """
    async with _layouts(settings) as stream:
        found = await _newest(stream)
        if found is not None and found[0] != before:
            raise Conflict(f"the data was divided anew meanwhile: {found[0]}")
        head = EMPTY if found is None else found[1]
        await stream.append([msgspec.json.encode(layout)], expect_head=head)


@attrs.frozen(kw_only=True)
class ShardToRead:
    """One shard for somebody who only looks: where it is, and which shared records are its own."""

    storage: StorageSettings
    ownership: Ownership


async def shards_to_read(settings: Settings) -> list[ShardToRead]:
    """
    Every shard of a deployment, by its number.

    Raises:
        SettingsError: The data is of another number of shards.
        StoreUnavailable, CorruptData: From the streams.
    """
    found = await find_layout(settings) if is_shared(settings.storage) else WHOLE
    require_layout(settings, found)
    layout = found or _first(settings)
    return [
        ShardToRead(
            storage=layout.storage(settings.storage, shard),
            ownership=layout.ownership(shard),
        )
        for shard in range(layout.shards)
    ]


def require_layout(settings: Settings, layout: Layout | None) -> None:
    """
    Refuse data that is not of as many shards as *settings* say.

    Raises:
        SettingsError: Says what can be done.
    """
    if layout is not None and layout.shards != settings.shards:
        raise SettingsError(
            [
                f"ENGINE_SHARDS: it is {settings.shards}, and the data at "
                f"{settings.storage.streams} is that of {layout.shards}: set it to "
                f"{layout.shards}, or stop everything and let events move: pmengine reshard "
                f"{settings.shards} (docs/how-to/add-shards.md)"
            ]
        )


def _first(settings: Settings) -> Layout:
    return WHOLE if settings.shards == 1 else Layout(generation=1, shards=settings.shards)


def _beside(path: str, part: str) -> str:
    log = PurePosixPath(path)
    return str(log.with_stem(f"{log.stem}-{part}"))


def _layouts(settings: Settings, *, read_only: bool = False) -> Stream:
    storage = settings.storage
    return open_stream(storage.streams, LAYOUT_STREAM, read_only=read_only, pins=storage.pins)


async def _newest(stream: Stream) -> tuple[Layout, Head] | None:
    bounds = await stream.bounds()
    if bounds is None:
        return None
    try:
        layout = msgspec.json.decode(bounds.last.payload, type=Layout)
    except msgspec.DecodeError as error:
        raise CorruptData(f"no layout: {error}", where=LAYOUT_STREAM) from error
    return layout, bounds.last.head
