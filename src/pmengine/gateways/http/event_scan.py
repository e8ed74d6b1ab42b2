"""Every listed event, read page by page from the stores once for all who ask meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from pmengine.gateways.http.lookup import is_gone
from pmengine.services.shown_history import ShownHistory
from pmstore import Event, EventQuery
from pmstore.queries import all as all_of

PAGE: Final = 1000


class EventScan:
    """
    Reads all events, for lists that no store can sort.

    Who asks gets what a reading found that began after its question; those who come while
    one is under way share the next. While the stores have not moved nothing is read.

    Args:
        places: How far each shard's stores are; unchanged, so are the events.

    Cost:
        One round trip for each 1,000 events.
    """

    def __init__(self, history: ShownHistory, places: Callable[[], Sequence[int]]) -> None:
        self._history = history
        self._places = places
        self._found: tuple[Sequence[int], list[Event]] | None = None
        self._running: asyncio.Task[list[Event]] | None = None
        self._next: asyncio.Task[list[Event]] | None = None

    async def events(self) -> Sequence[Event]:
        """
        Every event that is listed, by id.

        Raises:
            StoreUnavailable: The store did not answer.
        """
        if self._found is not None and self._found[0] == self._places():
            return self._found[1]
        if self._next is None:
            self._next = asyncio.create_task(self._read_after(self._running))
        return await asyncio.shield(self._next)

    async def _read_after(self, before: asyncio.Task[list[Event]] | None) -> list[Event]:
        if before is not None:
            await asyncio.wait({before})
        self._running, self._next = self._next, None
        places = self._places()
        query = EventQuery(limit=PAGE)
        found = [one async for one in all_of(self._history.events, query) if not is_gone(one)]
        self._found = (places, found)
        return found
