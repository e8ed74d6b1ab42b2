"""Takes what other systems ask on `event-stream`, as one consumer of a group."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final, TypeVar

import structlog

from pmengine.services.dead_letters import DeadLetter
from pmengine.services.events.desk import Done, EventDesk, Send, Unfinished
from pmengine.services.events.requests import EventCreate, decode_request, split_entry
from pmengine.services.events.rules import Declined
from pmengine.services.outages import RETRY_S_MAX, RETRY_S_MIN, persistently
from pmstore import (
    Consumers,
    CorruptData,
    Entry,
    Position,
    StoreClosed,
    StoreUnavailable,
    Stream,
)

EVENT_STREAM: Final = "event-stream"
GROUP: Final = "event"
READ_ENTRIES_MAX: Final = 64
READ_WAIT_S: Final = 1.0
IDLE_S: Final = 5.0
"""After so long the entries of a consumer that says nothing are another's."""

_logger = structlog.get_logger("pmengine.events")
T = TypeVar("T")


class Intake:
    """
    Does what each entry asks, in their order, and then acknowledges it.

    What cannot be done now is tried until it can; what never can be lies among the dead letters
    with the reason. An entry that comes again finds what it asked for done. What a consumer that
    died owed is taken first.

    Args:
        name: Of this run of this process.
    """

    def __init__(
        self,
        consumers: Consumers,
        stream: Stream,
        desk: EventDesk,
        send: Send,
        dead_letters: Stream,
        name: str,
    ) -> None:
        self.listed = 0
        """Events that are listed because this one was asked to."""
        self.closed = 0
        """Events that are closed likewise."""
        self.dead_letters = 0
        """Documents that this one put aside."""
        self._consumers = consumers
        self._stream = stream
        self._desk = desk
        self._send = send
        self._letters = dead_letters
        self._name = name

    async def run(self) -> None:
        """Take until cancelled, over outages."""
        loop = asyncio.get_running_loop()
        # Nobody else may be at work when this begins, and what is owed is older than what comes.
        idle_s, reclaim_at = 0.0, loop.time()
        while True:
            if loop.time() >= reclaim_at:
                while await self._handle(
                    partial(self._consumers.reclaim, GROUP, self._name, idle_s, READ_ENTRIES_MAX)
                ):
                    pass
                idle_s, reclaim_at = IDLE_S, loop.time() + IDLE_S / 2
            if not await self._handle(
                partial(self._consumers.read, GROUP, self._name, READ_ENTRIES_MAX, READ_WAIT_S)
            ):
                await self._trim()

    async def _handle(self, ask: Callable[[], Awaitable[list[Entry]]]) -> int:
        """Do what the entries that *ask* gives ask for; how many there were."""
        try:
            entries = await persistently(ask, "events")
        except CorruptData as error:
            if error.position is None:
                raise
            entry = Entry(Position(*error.position), b"")
            await self._put_aside(entry, str(error))
            await self._ack([entry])
            return 1
        for entry in sorted(entries, key=lambda one: one.id):
            await self._take(entry)
            await self._ack([entry])
        return len(entries)

    async def _take(self, entry: Entry) -> None:
        try:
            documents = split_entry(entry.payload)
        except ValueError as error:
            await self._put_aside(entry, str(error))
            return
        for number, document in enumerate(documents):
            where = f"document {number}: " if len(documents) > 1 else ""
            try:
                asked = decode_request(document)
            except ValueError as error:
                await self._put_aside(entry, f"{where}{error}")
                continue
            source = f"{entry.id}/{number}"
            if isinstance(asked, EventCreate):
                create = partial(self._desk.create, asked, self._send, source=source)
                done = await _until_done(create)
                self.listed += isinstance(done, Done)
            else:
                done = await _until_done(partial(self._desk.close, asked.event_id, self._send))
                self.closed += isinstance(done, Done)
            if isinstance(done, Declined):
                await self._put_aside(entry, f"{where}{done.code}: {done.detail}")

    async def _put_aside(self, entry: Entry, reason: str) -> None:
        letter = DeadLetter.of(EVENT_STREAM, entry, reason).encode()
        await persistently(partial(self._letters.append, [letter]), "events")
        self.dead_letters += 1
        _logger.error("event_put_aside", position=str(entry.id), reason=reason)

    async def _ack(self, entries: Sequence[Entry]) -> None:
        ids = [entry.id for entry in entries]
        await persistently(partial(self._consumers.ack, GROUP, ids), "events")

    async def _trim(self) -> None:
        """Let go what no group is owed any more."""
        positions = await persistently(self._consumers.positions, "events")
        if positions:
            await persistently(partial(self._stream.trim, min(positions.values())), "events")


async def _until_done(ask: Callable[[], Awaitable[T]]) -> T:
    """What *ask* answers, asked again while the engine or a store does not answer."""
    retry_s, is_waiting = RETRY_S_MIN, False
    while True:
        try:
            return await ask()
        except (Unfinished, StoreClosed, StoreUnavailable) as error:
            if not is_waiting:
                _logger.warning("event_waits", reason=str(error))
            is_waiting = True
        await asyncio.sleep(retry_s)
        retry_s = min(2 * retry_s, RETRY_S_MAX)
