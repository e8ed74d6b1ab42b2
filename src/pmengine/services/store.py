"""The store service: folds the log, takes verified snapshots, and lets the log be trimmed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from functools import partial
from typing import Any, Final, Protocol

import structlog

from pmengine.services.folding import Fold
from pmengine.services.log import Place
from pmengine.services.outages import persistently
from pmengine.services.taking import VERIFIED_BEFORE_TRIM_MIN, Taker
from pmstore import START, Entry, Position, SnapshotInfo, StoreUnavailable, Stream
from pmstore.clock import Clock

READ_ENTRIES_MAX: Final = 4
"""As many as are decoded without letting others run: so often it is told how far it is."""

_logger = structlog.get_logger("pmengine.store")


class Readable(Protocol):
    """What the service folds: a `LogReader`, or the changes of another engine."""

    def each(
        self, place: Place, limit: int, wait_s: float, /
    ) -> AsyncGenerator[tuple[Entry, Any], None]:
        """Up to *limit* entries after *place*, as the state takes them, waiting for one."""
        ...

    async def holds(self, snapshot: SnapshotInfo, /) -> bool:
        """Whether a start can begin with *snapshot* and go on here."""
        ...

    async def trim(self, through: Position, /) -> None:
        """Let go what no snapshot after *through* needs."""
        ...


class StoreService:
    """
    One task owns the folded state.

    Args:
        log: Read as what *state* folds.
        state: As recovered, at *place*; the service's own, not the engine's.
        taker: Takes the snapshots, while folding goes on.
        interval_s: How often to take a snapshot while the log grows; the next one is not begun
            before as much time has passed since the last one as that took, so that a large
            state does not keep a processor busy with nothing else.
        keep: How many verified generations stay, at least 2.
        consumers: After which positions the log is needed by consumers and projections; it is
            kept for the slowest.
        inputs: The engine's durable inputs by name, which are kept from where the oldest
            snapshot's input ends.
        is_pressed: Whether the engine waits for room. Snapshots are then taken one after the
            other, also if nothing changes, until all that are kept are of the end, and the log
            before it can go.
        read_entries_max: How many entries are read at once.
    """

    def __init__(
        self,
        log: Readable,
        taker: Taker,
        *,
        state: Fold,
        place: Place,
        interval_s: float,
        keep: int,
        consumers: Callable[[], Sequence[Position]],
        clock: Clock,
        inputs: Mapping[str, Stream] | None = None,
        is_pressed: Callable[[], bool] = lambda: False,
        read_entries_max: int = READ_ENTRIES_MAX,
    ) -> None:
        self.state = state
        self.place = place
        """How far the state is."""
        self.saved: SnapshotInfo | None = None
        """The last snapshot that this service took."""
        self.failed = 0
        """How many snapshots could not be taken, or not in time."""
        self._failure = ""
        self._log = log
        self._taker = taker
        self._interval_s = interval_s
        self._keep = max(keep, VERIFIED_BEFORE_TRIM_MIN)
        self._consumers = consumers
        self._clock = clock
        self._inputs = dict(inputs or {})
        self._is_pressed = is_pressed
        self._read_entries_max = read_entries_max
        self._oldest: SnapshotInfo | None = None
        self._trimmed = START
        self._due_ms = clock() + int(interval_s * 1000)

    async def run(self) -> None:
        """
        Fold, snapshot and trim until cancelled, over outages.

        Raises:
            LogGap, LogRewritten: The log does not go on where the state is.
            CorruptData: An entry cannot be read.
        """
        taking: asyncio.Task[None] | None = None
        try:
            while True:
                wait_s = self._interval_s
                if taking is None:
                    wait_s = max(0.0, (self._due_ms - self._clock()) / 1000)
                await persistently(partial(self.catch_up, wait_s), "store")
                if taking is not None and taking.done():
                    taking.result()
                    taking = None
                if taking is None and self._clock() >= self._due_ms:
                    self._due_ms = self._clock() + int(self._interval_s * 1000)
                    taking = asyncio.create_task(self._save_or_trim())
        finally:
            if taking is not None:
                taking.cancel()
                await asyncio.gather(taking, return_exceptions=True)

    async def catch_up(self, wait_s: float = 0.0) -> bool:
        """Fold some of what the log holds; whether there was anything."""
        number = self.place.number
        async with aclosing(self._log.each(self.place, self._read_entries_max, wait_s)) as entries:
            async for entry, batch in entries:
                self.state.apply_batch(entry.id, batch)
                self.place = Place(entry.id, batch.number, batch.hash)
        return self.place.number > number

    async def save(self) -> SnapshotInfo | None:
        """Take a verified snapshot of what is folded; None before the first entry."""
        if self.place.number == 0:
            return None
        taken = await self._taker.take(self.state, self._clock(), self._keep)
        self.saved, self._oldest = taken.saved, None
        if taken.oldest is not None and await self._are_on_the_log(taken.oldest, taken.saved):
            self._oldest = taken.oldest
            await self._trim(taken.oldest)
        return taken.saved

    async def _save_or_trim(self) -> None:
        """Save what is new; else let go what somebody held back who has gone on since."""
        began_ms = self._clock()
        try:
            if self.saved is None or self.saved.number != self.place.number or self._is_stuck():
                await self.save()
            elif self._oldest is not None and self._through(self._oldest) > self._trimmed:
                await self._trim(self._oldest)
        except StoreUnavailable as error:
            self.failed += 1
            # Said once, not at every snapshot that is due while the same is wrong.
            if self._failure != str(error):
                _logger.warning("snapshot_failed", reason=str(error))
            self._failure = str(error)
        else:
            self._failure = ""
        ended_ms = self._clock()
        if not self._is_pressed():
            self._due_ms = max(self._due_ms, ended_ms + (ended_ms - began_ms))

    async def _are_on_the_log(self, *snapshots: SnapshotInfo) -> bool:
        """
        Whether a start can begin with each of *snapshots*.

        One that ends with what the log has lost says of inputs that they were consumed, and
        what is lost must be made again from these.
        """
        for snapshot in snapshots:
            if not await self._log.holds(snapshot):
                _logger.warning("snapshot_not_on_the_log", snapshot=snapshot.name)
                return False
        return True

    def _is_stuck(self) -> bool:
        """Whether the engine waits for what only an older snapshot needs."""
        is_old = self._oldest is None or self._oldest.number < self.place.number
        return is_old and self._is_pressed()

    def _through(self, oldest: SnapshotInfo) -> Position:
        return min([oldest.last_message_id or START, *self._consumers()])

    async def _trim(self, oldest: SnapshotInfo) -> None:
        """Let go what no verified snapshot, projection or consumer needs any more."""
        if oldest.last_message_id is not None:
            self._trimmed = self._through(oldest)
            await self._log.trim(self._trimmed)
        for name, position in (oldest.input_position or {}).items():
            if name in self._inputs:
                await self._inputs[name].trim(position)
