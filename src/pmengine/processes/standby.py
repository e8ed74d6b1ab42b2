"""A standby: an engine that follows the log, ready to lead."""

from __future__ import annotations

import asyncio
from typing import Final

import attrs

from pmengine.engine import Engine
from pmengine.services.log import Log, Place
from pmengine.services.outages import persistently
from pmengine.services.recovery import Recovered
from pmstore import State

READ_BATCHES_MAX: Final = 256


class WasAway(Exception):
    """
    The log did not answer for long: it may be restored, and end exactly where this standby is.

    Snapshots may have more then, and only a start looks for them.
    """


class Following:
    """
    An engine that follows the log, ready to lead.

    Args:
        engine: Made from the state of *recovered*.
        away_s_max: For how long it may hear nothing of the log, in seconds.
    """

    def __init__(self, log: Log, recovered: Recovered, engine: Engine, away_s_max: float) -> None:
        self.engine = engine
        # The engine has the state: of the other copy only the positions go on.
        self._positions = State()
        self._positions.input_position = recovered.state.input_position
        self.recovered = attrs.evolve(recovered, state=self._positions)
        self._log = log
        self._away_s_max = away_s_max
        self._now_s = asyncio.get_running_loop().time
        self._looked_at_s = self._now_s()

    async def some(self, wait_s: float) -> bool:
        """
        Apply what is there, waiting for it up to *wait_s*; whether there was anything.

        Raises:
            WasAway: It was not answered for so long that it does not know the log any more.
        """
        place = self.recovered.place
        found = await persistently(
            lambda: self._log.read(place, READ_BATCHES_MAX, wait_s), "standby"
        )
        away_s = self._now_s() - self._looked_at_s
        if away_s > self._away_s_max:
            raise WasAway(f"this standby has not heard of the log for {away_s:.1f} s")
        self._looked_at_s = self._now_s()
        for _, batch in found:
            self.engine.apply(batch.changes)
            self.engine.stand_at(batch.time)
            await asyncio.sleep(0)
        if found:
            entry, batch = found[-1]
            self._positions.input_position = batch.input
            self.recovered = attrs.evolve(
                self.recovered,
                place=Place(entry.id, batch.number, batch.hash),
                head=entry.head,
                lost_tail=False,
                epoch=batch.epoch,
            )
        return bool(found)

    async def to_the_end(self) -> None:
        """Apply all that is there now."""
        while await self.some(0.0):
            pass
