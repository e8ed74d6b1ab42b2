"""Events with their markets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from pmstore.models.market import Event
from pmstore.models.query import EventQuery, Page
from pmstore.protocols.store import Store


class EventStore(Store, Protocol):
    """Keeps each event as it was saved last under the highest version."""

    async def save(self, events: Sequence[tuple[Event, int]], /) -> None:
        """
        Keep events, each with its version; laws and errors as for `OrderStore.save`.

        Args:
            events: At most `limits.batch_size_max`, no event twice.
        """
        ...

    async def get(self, ids: Sequence[int], /) -> dict[int, Event]:
        """The events with these ids; an absent one is a missing key."""
        ...

    async def find(self, query: EventQuery, /) -> Page[Event]:
        """The events that *query* asks for, by `event_id`."""
        ...
