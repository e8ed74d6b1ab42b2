"""Follows a projection from a place on the log, each entry for the number after the last."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Final, Generic, TypeVar

import structlog

from pmengine.projections import BatchTold, decode_batch_told
from pmengine.services.log import LogGap, Place
from pmengine.services.outages import persistently
from pmstore import START, Entry, Position, Stream

READ_ENTRIES_MAX: Final = 64
READ_WAIT_S: Final = 1.0
CLOCKS_APART_MS_MAX: Final = 10_000
"""By how much the clocks of two servers of streams usually differ at most."""

T = TypeVar("T")
_logger = structlog.get_logger("pmengine.feeds")


class ProjectionReader(Generic[T]):
    """
    Reads the documents of a projection in the order of the log.

    Args:
        name: Of the stream.
        decode: Reads an entry of it.
        service: Who reads, for the log.
        after: Where on the stream to begin, unless `stand_at` says it.

    Attributes:
        place: How far on the log it is; None before the first entry.
    """

    def __init__(
        self,
        stream: Stream,
        name: str,
        decode: Callable[[bytes], tuple[BatchTold, list[T]]],
        service: str,
        *,
        after: Position = START,
    ) -> None:
        self.place: Place | None = None
        self._stream = stream
        self._name = name
        self._decode = decode
        self._service = service
        self._after = after

    async def stand_at(self, place: Place) -> None:
        """Go on after the entry that tells of *place*; an outage is waited out."""
        self._after = await persistently(partial(self._entry_before, place), self._service)
        self.place = place

    async def pass_on(
        self, tell: Callable[[list[T]], None], anew: Callable[[], Awaitable[None]] | None
    ) -> None:
        """
        Call *tell* with the documents of each entry, as they come, until cancelled.

        Args:
            anew: Finds what to begin with again, where the stream does not go on.

        Raises:
            LogGap: The stream does not go on, and there is no *anew*.
            CorruptData: An entry cannot be read.
        """
        while True:
            try:
                async for documents in self.follow():
                    tell(documents)
            except LogGap as gap:
                if anew is None:
                    raise
                _logger.warning("feed_starts_again", feed=self._service, reason=str(gap))
                await anew()

    async def follow(self) -> AsyncIterator[list[T]]:
        """
        The documents of each entry, as they come, over outages.

        Raises:
            LogGap: The stream does not go on where this is: it was trimmed, or the log lost
                its tail.
            CorruptData: An entry cannot be read.
        """
        while True:
            for entry in await persistently(self._read, self._service):
                self._after = entry.id
                told, documents = self._decode(entry.payload)
                position = Position.parse(told.position)
                if self.place is not None:
                    if position <= self.place.position:
                        continue
                    if told.number != self.place.number + 1:
                        raise LogGap(
                            f"{self._name}: expected batch {self.place.number + 1}, "
                            f"found {told.number}"
                        )
                self.place = Place(position, told.number, told.hash)
                yield documents
            await asyncio.sleep(0)

    async def _read(self) -> list[Entry]:
        return await self._stream.read(self._after, READ_ENTRIES_MAX, READ_WAIT_S)

    async def _entry_before(self, place: Place) -> Position:
        """
        A position on the stream with no entry before it that is news after *place*.

        An entry is written after the batch that it tells of; a clock that is off costs a read
        of everything that the stream holds.
        """
        likely = Position(max(0, place.position.ms - CLOCKS_APART_MS_MAX), 0)
        entries = await self._stream.read(likely, 1)
        if entries:
            told = decode_batch_told(entries[0].payload, f"{self._name} {entries[0].id}")
            if Position.parse(told.position) <= place.position:
                return likely
        return START
