"""The catalogue on its stream: followed by many, written by one after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

import msgspec
import structlog

from pmengine.services.events.catalogue import Catalogue
from pmengine.services.events.records import Record, decode_record, encode_record
from pmengine.services.outages import persistently
from pmstore import EMPTY, Conflict, Entry, Head, Position, Stream

CATALOGUE_STREAM: Final = "event_catalogue_stream"
READ_ENTRIES_MAX: Final = 1_000
READ_WAIT_S: Final = 1.0

_logger = structlog.get_logger("pmengine.events")
T = TypeVar("T")


class KeptCatalogue:
    """
    The catalogue as its stream has it.

    A record is decided on what all records before it add up to: it is appended on the condition
    that the last one is still the last. So any number of processes may write, and the first of
    two that want the same id or slug gets it.
    """

    def __init__(self, stream: Stream) -> None:
        self.catalogue = Catalogue()
        self._stream = stream
        self._head: Head = EMPTY
        self._writing = asyncio.Lock()
        self._anew_at: set[Position] = set()
        """Entries that did not go on from what was known: once each, whatever they say."""

    async def run(self) -> None:
        """Follow until cancelled, over outages."""
        while True:
            self._take(*await persistently(self._read_waiting, "events"))

    async def look(self) -> None:
        """
        Take everything that is there now.

        Raises:
            StoreUnavailable: The stream does not answer.
        """
        while True:
            after = self._head.id
            entries = await self._stream.read(after, READ_ENTRIES_MAX)
            if not entries and after == self._head.id:
                return
            self._take(after, entries)
            # A long stream is read without holding up who shares the loop.
            await asyncio.sleep(0)

    async def write(self, decide: Callable[[Catalogue], Record | T]) -> T | Position:
        """
        Append the record that *decide* makes of the catalogue as it is then; where it stands.

        Args:
            decide: Asked again when somebody else wrote. What it answers besides a record is
                returned instead, and nothing is written.

        Raises:
            StoreUnavailable: `outcome` says whether the record may be there. Asked again, *decide*
                will know.
        """
        async with self._writing:
            await self.look()
            while True:
                decided = decide(self.catalogue)
                if not isinstance(decided, Record):
                    return decided
                head = self._head
                payload = encode_record(decided, head.id)
                try:
                    position = await self._stream.append([payload], expect_head=head)
                except Conflict:
                    await self._catch_up(head)
                else:
                    self._take(head.id, [Entry(position, payload)])
                    return position

    async def _catch_up(self, head: Head) -> None:
        """Take what others wrote; everything anew if the stream lost what is known of it."""
        await self.look()
        if self._head == head:
            bounds = await self._stream.bounds()
            if (EMPTY if bounds is None else bounds.last.head) != head:
                self._begin_anew(head.id)
                await self.look()

    async def _read_waiting(self) -> tuple[Position, list[Entry]]:
        after = self._head.id
        return after, await self._stream.read(after, READ_ENTRIES_MAX, READ_WAIT_S)

    def _take(self, after: Position, entries: Sequence[Entry]) -> None:
        """Follow *entries*, read behind *after*, but for those that another reader took already."""
        if after > self._head.id:
            return  # read before the catalogue began anew
        for entry in entries:
            if entry.id <= self._head.id:
                continue
            record = read_entry(entry)
            if record is not None:
                if record.after != str(self._head.id) and entry.id not in self._anew_at:
                    self._anew_at.add(entry.id)
                    self._begin_anew(self._head.id)
                    return
                self.catalogue.apply(record, entry.id)
            self._head = entry.head

    def _begin_anew(self, known: Position) -> None:
        """Forget everything: the stream does not go on from what is known, as it lost its end."""
        _logger.error("catalogue_lost_its_end", known=str(known))
        self.catalogue, self._head = Catalogue(), EMPTY


def read_entry(entry: Entry) -> Record | None:
    """The record of an entry, None for what is none."""
    try:
        return decode_record(entry.payload)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        _logger.warning("unreadable_record", position=str(entry.id), reason=str(error))
        return None
