"""The log as its followers see it: whole batches, in order, each chained to the one before."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator
from typing import Final, Generic, NamedTuple, Protocol, TypeVar

from pmstore import START, Batch, Entry, Head, Position, Snapshot, SnapshotInfo, Stream
from pmstore.codec import GENESIS_HASH, BatchLink, decode_batch, decode_batch_link
from pmstore.written import WrittenBatch, decode_written_batch

STORE_STREAM: Final = "store_stream"
CACHED_BATCHES_MAX: Final = 64


class LogGap(Exception):
    """The log does not go on where the reader stands: entries in between are gone."""


class LogRewritten(Exception):
    """The log goes on from another history than the reader's: it was changed under it."""


class Place(NamedTuple):
    """Where a reader of the log stands: after the entry *number* with *hash* at *position*."""

    position: Position
    number: int
    hash: str


BEGINNING: Final = Place(START, 0, GENESIS_HASH)


_SEQ_MAX: Final = 2**64 - 1

Ends = tuple[tuple[Head, BatchLink], tuple[Head, BatchLink]]


class Chained(Protocol):
    """What an entry of the log is read as; it says which entry it follows."""

    @property
    def number(self) -> int: ...
    @property
    def prev_hash(self) -> str: ...
    @property
    def hash(self) -> str: ...


B = TypeVar("B", bound=Chained)


class LogReader(Generic[B]):
    """Reads `store_stream` entry by entry; what as is said by `decode`."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream

    async def read(self, place: Place, limit: int, wait_s: float = 0.0) -> list[tuple[Entry, B]]:
        """
        Up to *limit* batches after *place*, waiting up to *wait_s* seconds for one.

        What comes before a gap is answered; the next call raises.

        Raises:
            LogGap: The next entry is not the one after `place.number`.
            LogRewritten: It does not continue `place.hash`.
            CorruptData: An entry cannot be read.
            StoreUnavailable: The log does not answer.
        """
        return [one async for one in self.each(place, limit, wait_s)]

    async def each(
        self, place: Place, limit: int, wait_s: float = 0.0
    ) -> AsyncGenerator[tuple[Entry, B], None]:
        """
        What `read` answers, one after the other, each decoded when it is asked for.

        What is folded at once is still in the processor's cache, and is gone before the next.
        """
        is_first = True
        for index, entry in enumerate(await self.stream.read(place.position, limit, wait_s)):
            if index and not index % 16:
                await asyncio.sleep(0)  # decoding a long tail must not hold up the loop
            batch = self.decode(entry)
            follows = batch.number == place.number + 1 and batch.prev_hash == place.hash
            if not is_first and not follows:
                return
            if batch.number != place.number + 1:
                raise LogGap(
                    f"{STORE_STREAM}: expected entry number {place.number + 1} after "
                    f"{place.position}, found {batch.number} at {entry.id}"
                )
            if batch.prev_hash != place.hash:
                raise LogRewritten(
                    f"{STORE_STREAM}: entry {batch.number} at {entry.id} continues "
                    f"{batch.prev_hash[:12]}…, but the entry before it was {place.hash[:12]}…"
                )
            place = Place(entry.id, batch.number, batch.hash)
            is_first = False
            yield entry, batch

    async def ends(self) -> Ends | None:
        """The first and the last entry held, None if there never was one."""
        bounds = await self.stream.bounds()
        if bounds is None:
            return None
        first, last = bounds
        return (first.head, link_of(first)), (last.head, link_of(last))

    async def head_number(self) -> int:
        """The number of the last entry, 0 if there never was one."""
        ends = await self.ends()
        return 0 if ends is None else ends[1][1].number

    async def holds(self, snapshot: Snapshot | SnapshotInfo) -> bool:
        """Whether the entry that *snapshot* ends with is there, or would be but for trimming."""
        position = snapshot.last_message_id or START
        entries = await self.stream.read(before(position), 1)
        if not entries:
            return False
        link = link_of(entries[0])
        if entries[0].id == position:
            return (link.number, link.hash) == (snapshot.number, snapshot.hash)
        return (link.number - 1, link.prev_hash) == (snapshot.number, snapshot.hash)

    async def trim(self, through: Position) -> None:
        """Let go what lies at or before *through*, but for the last entry."""
        await self.stream.trim(through)

    def decode(self, entry: Entry) -> B:
        """
        What *entry* holds.

        Raises:
            CorruptData: It cannot be read.
        """
        raise NotImplementedError


class Log(LogReader[Batch]):
    """
    Reads `store_stream` as batches.

    Several followers in one process share one instance, and with it the decoding of the
    newest batches.
    """

    def __init__(self, stream: Stream) -> None:
        super().__init__(stream)
        self._decoded: OrderedDict[Position, Batch] = OrderedDict()

    def decode(self, entry: Entry) -> Batch:
        """The batch that *entry* holds."""
        batch = self._decoded.get(entry.id)
        if batch is None:
            batch = decode_batch(entry.payload, f"{STORE_STREAM} {entry.id}")
            self._decoded[entry.id] = batch
            if len(self._decoded) > CACHED_BATCHES_MAX:
                self._decoded.popitem(last=False)
        return batch


class WrittenLog(LogReader[WrittenBatch]):
    """Reads `store_stream` as batches of rows as they are written, for one follower alone."""

    def decode(self, entry: Entry) -> WrittenBatch:
        """The batch that *entry* holds."""
        return decode_written_batch(entry.payload, f"{STORE_STREAM} {entry.id}")


def before(position: Position) -> Position:
    """The position just before *position*: reading after it finds the entry there."""
    ms, seq = position
    if seq:
        return Position(ms, seq - 1)
    return Position(ms - 1, _SEQ_MAX) if ms else START


def link_of(entry: Entry) -> BatchLink:
    """The number and the hashes of an entry of the log."""
    return decode_batch_link(entry.payload, f"{STORE_STREAM} {entry.id}")
