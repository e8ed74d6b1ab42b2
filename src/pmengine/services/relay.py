"""Derives the projections from the log: one entry for every number, in order, each once."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import structlog

from pmengine.projections import PROJECTIONS, Projection, decode_batch_told
from pmengine.services.log import BEGINNING, Log, LogGap, Place, before
from pmengine.services.outages import RETRY_S_MIN, Outage, persistently
from pmstore import (
    EMPTY,
    START,
    Batch,
    Conflict,
    Consumers,
    Entry,
    Head,
    Position,
    Restored,
    StoreUnavailable,
    Stream,
    payload_hash,
)

READ_BATCHES_MAX: Final = 64
READ_WAIT_S: Final = 1.0
KEPT_ENTRIES_MAX: Final = 10_000
"""How much of a projection late readers find; beyond that they take a snapshot."""
INHERITED_PAGE: Final = 500
GROUPS_S: Final = 1.0
"""How often consumer groups are asked how far they are."""
NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})

_logger = structlog.get_logger("pmengine.relay")


class Relay:
    """
    Follows the log and appends its projection to each target.

    Each target says itself how far it is: its last entry names the batch that it tells of, and
    the next is taken only behind that entry. So a relay that was killed goes on where it was,
    and several relays do together what one does.

    Args:
        place: Where targets begin that are empty; unset, where the log begins.
        starts: Where single ones of them begin instead.
        groups: The consumer groups over targets: what these still owe is kept.
        first: Told of batches before any target is, at least once each.
    """

    def __init__(
        self,
        log: Log,
        targets: Mapping[str, Stream],
        place: Place | None = None,
        *,
        starts: Mapping[str, Place] = NOTHING,
        groups: Mapping[str, Consumers] = NOTHING,
        first: Callable[[Sequence[tuple[Entry, Batch]]], Awaitable[None]] | None = None,
    ) -> None:
        self._log = log
        self._targets = [
            _Target(name, project, targets[name], groups.get(name))
            for name, project in PROJECTIONS.items()
            if name in targets
        ]
        self._start = place
        self._starts = starts
        self._first = first
        self.place = place or BEGINNING
        """Every target tells of the log through here."""

    async def run(self) -> None:
        """
        Project until cancelled, over outages of the log and of the targets.

        Raises:
            LogGap: The log was trimmed past what a target has.
            LogRewritten: The log is not the one that a target tells of.
            CorruptData: An entry cannot be read.
        """
        knows_targets = False
        gap_at: Place | None = None
        outage = Outage("relay")
        while True:
            try:
                if not knows_targets:
                    await persistently(self._resume, "relay")
                    knows_targets = True
                await self._tell(await self._read())
                outage.over()
            except LogGap as gap:
                # Another relay may have told the targets of what was trimmed.
                if gap_at == self.place:
                    raise
                _logger.warning("relay_asks_again", reason=str(gap))
                gap_at, knows_targets = self.place, False
            except Conflict as error:
                # Another relay wrote: what was taken is known by asking.
                _logger.debug("relay_asks_again", reason=str(error))
                knows_targets = False
                await asyncio.sleep(RETRY_S_MIN)
            except StoreUnavailable as error:
                knows_targets = False
                await outage.wait(error)

    async def _resume(self) -> None:
        """Ask each target how far it is."""
        for target in self._targets:
            await target.resume(self._starts.get(target.name) or await self._beginning())
        self.place = min((target.place for target in self._targets), key=lambda one: one.position)

    async def _beginning(self) -> Place:
        if self._start is not None:
            return self._start
        ends = await self._log.ends()
        if ends is None:
            return BEGINNING
        head, link = ends[0]
        return Place(before(head.id), link.number - 1, link.prev_hash)

    async def _read(self) -> list[tuple[Entry, Batch]]:
        try:
            return await self._log.read(self.place, READ_BATCHES_MAX, READ_WAIT_S)
        except LogGap as gap:
            (entry,) = await self._log.stream.read(self.place.position, 1)
            batch = self._log.decode(entry)
            lost_tail = any(isinstance(change, Restored) for change in batch.changes)
            if not lost_tail and batch.number > self.place.number:
                raise
            # Readers of the projection see the number jump, and take a snapshot.
            _logger.warning("relay_bridges", through_number=batch.number - 1, reason=str(gap))
            self.place = Place(before(entry.id), batch.number - 1, batch.prev_hash)
            return []

    async def _tell(self, found: Sequence[tuple[Entry, Batch]]) -> None:
        if not found:
            return
        if self._first is not None:
            await self._first(found)
        for target in self._targets:
            await target.tell(found)
        entry, batch = found[-1]
        self.place = Place(entry.id, batch.number, batch.hash)


class _Target:
    """
    One projection: how far it is, and its newest `KEPT_ENTRIES_MAX` entries, or more where
    a consumer group is owed them.
    """

    def __init__(
        self, name: str, project: Projection, stream: Stream, groups: Consumers | None
    ) -> None:
        self.name = name
        self._groups = groups
        self._owed_after: Position | None = None
        self._asked_at = 0.0
        self._project = project
        self._stream = stream
        self._head: Head = EMPTY
        self._held: deque[tuple[Position, int]] = deque()
        """The ends of what was appended, with how many entries each end closes."""
        self._held_entries = 0
        self.place = BEGINNING

    async def resume(self, beginning: Place) -> None:
        """Stand where the stream does; at *beginning* if it is empty."""
        bounds = await self._stream.bounds()
        if bounds is None:
            self._head, self.place = EMPTY, beginning
            return
        last = bounds.last
        told = decode_batch_told(last.payload, f"{self.name} {last.id}")
        self._head = last.head
        self.place = Place(Position.parse(told.position), told.number, told.hash)
        await self._count_from(self._held[-1][0] if self._held else START)

    async def tell(self, found: Sequence[tuple[Entry, Batch]]) -> None:
        """
        Append what *found* means, as far as the stream does not have it, in one step.

        Raises:
            Conflict: Somebody else did.
            StoreUnavailable: It may have been taken.
        """
        new = [(entry, batch) for entry, batch in found if entry.id > self.place.position]
        if not new:
            return
        payloads = [self._project(entry.id, batch) for entry, batch in new]
        position = await self._stream.append(payloads, expect_head=self._head)
        self._head = Head(position, payload_hash(payloads[-1]))
        entry, batch = new[-1]
        self.place = Place(entry.id, batch.number, batch.hash)
        self._hold(position, len(payloads))
        await self._trim()

    async def _count_from(self, after: Position) -> None:
        """Count what the stream holds behind *after*, appended by others or before a restart."""
        while entries := await self._stream.read(after, INHERITED_PAGE):
            after = entries[-1].id
            self._hold(after, len(entries))

    def _hold(self, position: Position, entries: int) -> None:
        self._held.append((position, entries))
        self._held_entries += entries

    async def _trim(self) -> None:
        """Let go what is beyond `KEPT_ENTRIES_MAX`, a few appends at once."""
        through: Position | None = None
        while self._held_entries - self._held[0][1] >= KEPT_ENTRIES_MAX:
            through, entries = self._held.popleft()
            self._held_entries -= entries
        if through is not None:
            owed_after = await self._group_floor()
            await self._stream.trim(through if owed_after is None else min(through, owed_after))

    async def _group_floor(self) -> Position | None:
        """
        Through where no group is owed anything, None without a group.

        Groups only go on, so that what was so a moment ago keeps enough.
        """
        now = asyncio.get_running_loop().time()
        if self._groups is not None and now >= self._asked_at + GROUPS_S:
            positions = await self._groups.positions()
            self._owed_after = min(positions.values(), default=None)
            self._asked_at = now
        return self._owed_after
