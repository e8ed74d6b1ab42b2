"""The event desk of a process, over the streams and stores of its deployment."""

from __future__ import annotations

from contextlib import AsyncExitStack

from pmengine.processes.deployment import Deployment
from pmengine.services.events import CATALOGUE_STREAM, EventDesk, KeptCatalogue
from pmengine.services.outages import persistently
from pmstore import EventStore, Stream, open_stream
from pmstore.clock import system_clock


async def open_catalogue(deployment: Deployment, until: AsyncExitStack | None = None) -> Stream:
    """
    The stream of what people read of events, which all shards share; waits for replicas.

    Args:
        until: As for `Deployment.entered`.
    """
    storage = deployment.settings.storage
    opening = open_stream(storage.log_streams, CATALOGUE_STREAM, pins=storage.pins)
    return await deployment.entered(opening, until)


async def open_desk(catalogue: Stream, events: EventStore) -> tuple[EventDesk, KeptCatalogue]:
    """A desk that knows the whole catalogue, and what must run for it to go on knowing."""
    kept = KeptCatalogue(catalogue)
    await persistently(kept.look, "events")
    return EventDesk(kept, events, system_clock), kept
