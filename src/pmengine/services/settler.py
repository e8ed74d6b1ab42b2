"""Turns trades into settlement requests: one of any number of consumers of one group."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from functools import partial
from typing import Any, Final

import structlog

from pmengine.projections import PROCESSOR_STREAM, decode_batch_told
from pmengine.services.dead_letters import DeadLetter
from pmengine.services.log import LogRewritten, Place
from pmengine.services.outages import RETRY_S_MIN, Outage, persistently
from pmengine.services.settlement import (
    SETTLEMENT_STREAM,
    Settlement,
    SettlementRequest,
    SettlementSkipped,
    ToSettle,
    requests_of,
)
from pmstore import (
    START,
    Conflict,
    Consumers,
    CorruptData,
    Entry,
    InvalidRecord,
    LimitExceeded,
    Position,
    StoreUnavailable,
    Stream,
)

GROUP: Final = "settlement"
READ_ENTRIES_MAX: Final = 64
HELD_ENTRIES_MAX: Final = 256
"""Entries in hand whose turn has not come; beyond it no more are taken."""
READ_WAIT_S: Final = 1.0
LINGER_S: Final = 0.05
"""How long more is waited for, so that a sink is written to in larger steps."""
IDLE_S: Final = 5.0
"""After so long the entries of a consumer that says nothing are another's."""
PATIENCE_S: Final = 1.0
"""After so long without a turn it is looked whether the numbers go on at all."""
TRIES_MAX: Final = 3
"""How often a batch is offered that the sink refuses."""
PAGE: Final = 500

_logger = structlog.get_logger("pmengine.settlement")


class Settler:
    """
    Takes entries of `processor_stream` as one consumer of the group, and offers the sink what
    they ask to settle, each in its turn: the batch after the last one that the sink took.

    A batch that the sink has is a duplicate; one whose turn has not come waits in hand,
    unacknowledged, while others bring those before it. An entry is acknowledged when the sink
    has it, or when it lies among the dead letters because nobody can read it or the sink will
    not take it.

    Args:
        name: Of this run of this process: what a run left behind, only another name takes over.
    """

    def __init__(
        self,
        consumers: Consumers,
        stream: Stream,
        sink: Settlement,
        dead_letters: Stream,
        name: str,
    ) -> None:
        self.place: Place | None = None
        """The last batch that the sink took, as far as this one knows."""
        self.requests = 0
        """Requests that this one made."""
        self.dead_letters = 0
        """Entries that this one put aside."""
        self.lack = ""
        """Why nothing will be settled before somebody helps; empty if it goes on."""
        self._consumers = consumers
        self._stream = stream
        self._sink = sink
        self._letters = dead_letters
        self._name = name
        self._held: dict[Position, tuple[Entry, ToSettle]] = {}
        self._tries = 0

    async def run(self) -> None:
        """
        Settle until cancelled, over outages.

        Raises:
            LogRewritten: The log went on from another history than the sink's.
            CorruptData: The sink's own last entry cannot be read.
        """
        loop = asyncio.get_running_loop()
        advanced_at = loop.time()
        reclaim_at = advanced_at + IDLE_S / 2
        knows_sink = False
        outage = Outage("settlement")
        while True:
            try:
                if not knows_sink:
                    self.place = await persistently(self._sink.last, "settlement")
                    knows_sink = True
                await self._take(min(READ_WAIT_S, max(0.0, reclaim_at - loop.time())))
                if loop.time() >= reclaim_at and not await self._take_over():
                    reclaim_at = loop.time() + IDLE_S / 2
                must_look = loop.time() > advanced_at + PATIENCE_S
                if must_look and self._held:
                    await self._look_for_lost()
                if await self._settle(must_look=must_look):
                    advanced_at = loop.time()
                    self.lack = ""
                else:
                    # Somebody else has the turn, or brought what came.
                    knows_sink = False
                    if must_look or not self._held:
                        advanced_at = loop.time()
                    if self._held:
                        await asyncio.sleep(RETRY_S_MIN)
                outage.over()
            except Conflict as error:
                # Another one settled: what was taken is known by asking.
                _logger.debug("settlement_asks_again", reason=str(error))
                knows_sink = False
                await asyncio.sleep(RETRY_S_MIN)
            except StoreUnavailable as error:
                knows_sink = False
                await outage.wait(error)

    async def _take(self, wait_s: float) -> None:
        """Take what is there into hand, as far as there is room."""
        room = HELD_ENTRIES_MAX - len(self._held)
        if room <= 0:
            return
        limit = min(room, READ_ENTRIES_MAX)
        taken = await self._read(limit, 0.0 if self._held else wait_s)
        if 0 < taken < limit:
            await asyncio.sleep(LINGER_S)
            await self._read(limit - taken, 0.0)

    async def _read(self, limit: int, wait_s: float) -> int:
        return await self._given(self._consumers.read(GROUP, self._name, limit, wait_s))

    async def _take_over(self) -> bool:
        """Take what a consumer left that says nothing any more; whether there was any."""
        left = self._consumers.reclaim(GROUP, self._name, IDLE_S, READ_ENTRIES_MAX)
        return bool(await self._given(left))

    async def _given(self, asking: Coroutine[Any, Any, list[Entry]]) -> int:
        """Take what the group gives into hand, or aside if the stream cannot read it."""
        try:
            entries = await asking
        except CorruptData as error:
            if error.position is None:
                raise
            entry = Entry(Position(*error.position), b"")
            await self._put_aside(entry, str(error))
            await self._forget(entry)
            return 1
        await self._hold(entries)
        return len(entries)

    async def _hold(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            where = f"{PROCESSOR_STREAM} {entry.id}"
            try:
                asked = requests_of(entry.payload, where)
            except CorruptData as error:
                await self._put_aside(entry, str(error))
                try:
                    batch = decode_batch_told(entry.payload, where)
                except CorruptData:
                    await self._forget(entry)
                    continue
                asked = ToSettle(batch, [SettlementSkipped(reason=str(error))])
            self._held[entry.id] = entry, asked

    async def _put_aside(self, entry: Entry, reason: str) -> None:
        letter = DeadLetter.of(PROCESSOR_STREAM, entry, reason).encode()
        await persistently(partial(self._letters.append, [letter]), "settlement")
        self.dead_letters += 1
        _logger.error("entry_put_aside", position=str(entry.id), reason=reason)

    async def _forget(self, entry: Entry) -> None:
        """Acknowledge what is no entry of the log's: no number waits for it."""
        await persistently(partial(self._consumers.ack, GROUP, [entry.id]), "settlement")

    async def _settle(self, *, must_look: bool) -> bool:
        """Offer the sink what is next, acknowledge what it has; whether anything moved."""
        had = await self._acknowledge()
        first = await self._first_after() if must_look and self._held else None
        run = self._next_run(None if first is None else first[1])
        if not run:
            return had
        try:
            await self._sink.settle(run)
        except (InvalidRecord, LimitExceeded) as error:
            await self._offer_less(run, error)
            return True
        self._tries = 0
        self.place = run[-1].place
        self.requests += sum(
            isinstance(document, SettlementRequest) for one in run for document in one.documents
        )
        await self._acknowledge()
        return True

    async def _acknowledge(self) -> bool:
        """Acknowledge what the sink has; whether there was any."""
        last = self.place
        if last is None:
            return False
        done: list[Position] = []
        for entry, one in self._held.values():
            if one.place.position <= last.position:
                done.append(entry.id)
            elif one.batch.number <= last.number:
                raise LogRewritten(
                    f"{PROCESSOR_STREAM}: batch {one.batch.number} at {entry.id} is newer than "
                    f"{last.position}, of which batch {last.number} was settled: the log went on "
                    "from another history. Compare what was settled with the log"
                )
        if done:
            await self._consumers.ack(GROUP, done)
            for id in done:
                del self._held[id]
        return bool(done)

    async def _look_for_lost(self) -> None:
        """See whether the sink has lost what the group acknowledged: nobody brings that again."""
        # Asked before the sink is: what was acknowledged by then, the sink had by then.
        acknowledged = (await self._consumers.positions()).get(GROUP, START)
        self.place = await self._sink.last()
        first = await self._first_after()
        lack = ""
        if first is not None and first[0] <= acknowledged:
            number = 0 if self.place is None else self.place.number
            lack = (
                f"what was settled ends with batch {number}, and batch {first[1]} behind it was "
                f"acknowledged before: {SETTLEMENT_STREAM} was removed, or is older than "
                f"{PROCESSOR_STREAM}. Restore it; or stop settlement everywhere, pmengine forget "
                f"settlement --yes, and start it: it goes on with batch {first[1]}"
            )
        if lack and not self.lack:
            _logger.error("settlement_lost", reason=lack)
        self.lack = lack

    def _next_run(self, first: int | None) -> list[ToSettle]:
        """Batches in hand that follow the sink's last one by one; *first* may follow a gap."""
        known = {one.batch.number: one for _, one in self._held.values()}
        number = 1 + (0 if self.place is None else self.place.number)
        if first is not None and first != number and first in known:
            _logger.warning("settlement_bridges", after_number=number - 1, to_number=first)
            number = first
        run: list[ToSettle] = []
        while number in known and len(run) < READ_ENTRIES_MAX:
            run.append(known[number])
            number += 1
        return run if self._tries == 0 else run[:1]

    async def _first_after(self) -> tuple[Position, int] | None:
        """
        The first batch behind the sink's last that the stream tells of, and where it does.

        Where the log lost its tail, or the stream was trimmed before the group came to be, it
        is not the next number.
        """
        last = START if self.place is None else self.place.position
        after = START
        while True:
            try:
                entries = await self._stream.read(after, PAGE)
            except CorruptData as error:
                if error.position is None:
                    raise
                after = Position(*error.position)
                continue  # who was given it puts it aside, and so below
            if not entries:
                return None
            for entry in entries:
                after = entry.id
                try:
                    told = decode_batch_told(entry.payload, f"{PROCESSOR_STREAM} {entry.id}")
                except CorruptData:
                    continue
                if Position.parse(told.position) > last:
                    return entry.id, told.number

    async def _offer_less(self, run: Sequence[ToSettle], error: Exception) -> None:
        """The sink refused *run*: offer its batches alone, and put aside what it never takes."""
        if len(run) > 1:
            self._tries = 1
            return
        self._tries += 1
        if self._tries <= TRIES_MAX:
            return
        [refused] = run
        [entry] = [entry for entry, one in self._held.values() if one is refused]
        reason = f"{type(error).__name__}: {error}"
        await self._put_aside(entry, reason)
        await self._sink.settle([ToSettle(refused.batch, [SettlementSkipped(reason=reason)])])
        self._tries = 0
        self.place = refused.place
        await self._acknowledge()
