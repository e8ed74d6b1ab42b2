"""The event service as a process: takes events from outside, finishes them, tells everybody."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from time import monotonic
from typing import Final

import msgspec

from pmengine.assembly import new_id
from pmengine.commands import EVENT_INPUT, ORDER_INPUT, AddOneEvent, Command, RemoveOneEvent
from pmengine.processes.deployment import Deployment
from pmengine.processes.event_desk import open_catalogue, open_desk
from pmengine.processes.service import end, first_of
from pmengine.processes.sharing import require_shared_stores
from pmengine.projections import PROCESSOR_STREAM
from pmengine.services.dead_letters import DEAD_LETTERS
from pmengine.services.events import (
    API_MQ_STREAM,
    EVENT_STREAM,
    Announcer,
    EventDesk,
    Finisher,
    Intake,
)
from pmengine.services.front import Answer, Front
from pmengine.services.notes import Note
from pmengine.services.outages import persistently
from pmengine.shards import shard_of
from pmstore import START, Stack, Stream, open_consumers, open_event_store, open_stream

ANSWER_S: Final = 10.0
"""How long it waits for the engine before it asks again."""


class EventProcess:
    """One is enough; more do together what one does."""

    name = "event"

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._fronts: list[Front] = []
        self._desk: EventDesk | None = None
        self._intake: Intake | None = None
        self._finisher: Finisher | None = None
        self._announcer: Announcer | None = None

    def note(self) -> Note:
        """How far the answers are that it has heard."""
        note = self._deployment.note(self.name)
        if self._intake is None:
            return note
        number = self._fronts[self._deployment.shard].number
        return msgspec.structs.replace(note, state="running", number=number)

    def readiness(self) -> tuple[bool, str]:
        """Ready once it takes entries; what waits for an engine is said."""
        if self._desk is None or self._intake is None:
            return False, "it opens its streams"
        catalogue = self._desk.catalogue
        waiting = len(catalogue.pending()) + len(catalogue.closing())
        if waiting:
            return True, f"events are taken; {waiting} wait for the engine"
        return True, "events are taken"

    def numbers(self) -> Mapping[str, float]:
        """What it did since it started, and what waits."""
        desk, intake, finisher, announcer = (
            self._desk,
            self._intake,
            self._finisher,
            self._announcer,
        )
        if desk is None or intake is None or finisher is None or announcer is None:
            return {}
        return {
            "event_listed": intake.listed,
            "event_closed": intake.closed,
            "event_dead_letters": intake.dead_letters,
            "event_finished": finisher.finished,
            "event_told": announcer.told,
            "event_pending": len(desk.catalogue.pending()) + len(desk.catalogue.closing()),
        }

    async def run(self, stopping: asyncio.Event) -> None:
        """
        Take, finish and tell until *stopping*.

        Raises:
            SettingsError: The stores are of one process.
            CorruptData: The last entry of `api_mq_stream` cannot be read.
        """
        deployment, settings = self._deployment, self._deployment.settings
        storage = settings.storage
        require_shared_stores(storage)
        self._fronts = [
            await _open_front(deployment.of_shard(shard)) for shard in range(settings.shards)
        ]
        truth = Stack(layers=(storage.orders.truth,))
        events = await deployment.entered(open_event_store(truth, pins=storage.pins))
        catalogue = await open_catalogue(deployment)
        desk, kept = await open_desk(catalogue, events)
        requests, told = await self._stream(EVENT_STREAM), await self._stream(API_MQ_STREAM)
        groups = await deployment.entered(
            open_consumers(storage.streams, requests, pins=storage.pins)
        )
        letters = await deployment.stream(DEAD_LETTERS)
        self._desk = desk
        self._announcer = Announcer(catalogue, told)
        self._finisher = Finisher(desk, self._send, grace_s=settings.order_timeout_s, now=monotonic)
        self._intake = Intake(groups, requests, desk, self._send, letters, deployment.instance)
        runs = [kept.run, self._announcer.run, self._finisher.run, self._intake.run]
        runs += [front.run for front in self._fronts]
        async with AsyncExitStack() as closing:
            working = [asyncio.create_task(run()) for run in runs]
            closing.push_async_callback(end, working)
            await first_of(stopping, working)

    async def _stream(self, name: str) -> Stream:
        """A stream that is not a shard's own."""
        storage = self._deployment.settings.storage
        return await self._deployment.entered(open_stream(storage.streams, name, pins=storage.pins))

    async def _send(self, command: Command) -> Answer:
        assert isinstance(command, AddOneEvent | RemoveOneEvent)
        shard = shard_of(command.event_id, len(self._fronts))
        return await self._fronts[shard].send(command, ANSWER_S, listing=True)


async def _open_front(deployment: Deployment) -> Front:
    """The way in to one shard; what is lacking there is waited for as its answer."""
    inputs = await deployment.inputs()
    processor = await deployment.stream(PROCESSOR_STREAM)
    bounds = await persistently(processor.bounds, "events")
    return Front(
        order_input=inputs[ORDER_INPUT],
        event_input=inputs[EVENT_INPUT],
        processor=processor,
        after=START if bounds is None else bounds.last.id,
        new_id=new_id,
    )
