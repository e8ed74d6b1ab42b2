"""Derives the projections from the log: one entry for every number, in order, each once."""

from __future__ import annotations

from collections import deque
from typing import Final

from pmengine.projections import PROJECTIONS
from pmengine.services.log import Log, Place
from pmstore import Position, Stream

READ_BATCHES_MAX: Final = 64
READ_WAIT_S: Final = 1.0
KEPT_ENTRIES_MAX: Final = 10_000
"""How much of a projection late readers find; beyond that they take a snapshot."""


class Relay:
    """
    Follows the log and appends its projection to each target.

    The targets live and die with this process: they begin at the place where the log was
    recovered to, and nobody is owed an earlier entry.
    """

    def __init__(self, log: Log, targets: dict[str, Stream], place: Place) -> None:
        self._log = log
        self._targets = [
            (project, targets[name], _Kept(targets[name]))
            for name, project in PROJECTIONS.items()
            if name in targets
        ]
        self.place = place
        """How far the log was projected."""

    async def run(self) -> None:
        """Project until cancelled."""
        while True:
            found = await self._log.read(self.place, READ_BATCHES_MAX, READ_WAIT_S)
            for entry, batch in found:
                for project, target, kept in self._targets:
                    await kept.trim(await target.append([project(batch)]))
                self.place = Place(entry.id, batch.number, batch.hash)


class _Kept:
    """Holds a stream at its newest entries."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._positions: deque[Position] = deque()

    async def trim(self, last: Position) -> None:
        self._positions.append(last)
        if len(self._positions) > KEPT_ENTRIES_MAX:
            await self._stream.trim(self._positions.popleft())
