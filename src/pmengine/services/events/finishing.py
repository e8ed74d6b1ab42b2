"""Finishes what others began: events that were kept, or are to be closed, and nobody asks about."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import structlog

from pmengine.services.events.catalogue import TitledEvent
from pmengine.services.events.desk import EventDesk, Send, Unfinished
from pmengine.services.outages import Outage
from pmstore import Position, StoreClosed, StoreUnavailable

LOOK_S: Final = 0.25

_Owed = tuple[int, Position | None]
"""An event, and where it was drafted; None if it is to be closed."""

_logger = structlog.get_logger("pmengine.events")


class Finisher:
    """
    Asks the engine about events of which the catalogue does not say what became.

    Args:
        grace_s: How long whoever began has for it.
        now: Seconds of a clock that never goes back.
    """

    def __init__(
        self, desk: EventDesk, send: Send, *, grace_s: float, now: Callable[[], float]
    ) -> None:
        self.finished = 0
        """Events that this one finished."""
        self._desk = desk
        self._send = send
        self._grace_s = grace_s
        self._now = now
        self._seen: dict[_Owed, float] = {}

    async def run(self) -> None:
        """Finish until cancelled, over outages."""
        outage = Outage("events")
        while True:
            try:
                await self.work()
            except (Unfinished, StoreClosed, StoreUnavailable) as error:
                await outage.wait(error)
            else:
                outage.over()
            await asyncio.sleep(LOOK_S)

    async def work(self) -> None:
        """
        Finish what has waited for its grace, one after the other.

        Raises:
            Unfinished, StoreUnavailable: What is left must wait.
        """
        await self._desk.look()
        catalogue, now = self._desk.catalogue, self._now()
        pending: dict[_Owed, TitledEvent] = {
            (event.event_id, event.position): event for event in catalogue.pending()
        }
        closing: list[_Owed] = [(id, None) for id in catalogue.closing()]
        self._seen = {key: self._seen.get(key, now) for key in (*pending, *closing)}
        for key, since in list(self._seen.items()):
            event_id = key[0]
            if now - since < self._grace_s or event_id in self._desk.busy:
                continue
            event = pending.get(key)
            if event is not None:
                await self._desk.finish(event, self._send)
            else:
                await self._desk.close(event_id, self._send)
            del self._seen[key]
            self.finished += 1
            _logger.info("event_finished", event_id=event_id)
