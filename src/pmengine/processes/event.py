"""The event service as a process: takes events from outside, finishes them, tells everybody."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from time import monotonic
from typing import Final

import attrs
import msgspec

from pmengine.commands import EVENT_INPUT, ORDER_INPUT, AddOneEvent, Command, RemoveOneEvent
from pmengine.ids import new_id
from pmengine.processes.deployment import Deployment
from pmengine.processes.event_desk import open_catalogue, open_desk
from pmengine.processes.service import end, first_of
from pmengine.processes.sharing import require_shared_stores
from pmengine.processes.turns import Turn
from pmengine.projections import PROCESSOR_STREAM
from pmengine.services.dead_letters import DEAD_LETTERS
from pmengine.services.events import (
    API_MQ_STREAM,
    EVENT_STREAM,
    Announcer,
    EventDesk,
    Finisher,
    Intake,
    KeptCatalogue,
)
from pmengine.services.front import Answer, Front
from pmengine.services.notes import Note
from pmengine.services.outages import persistently
from pmengine.shards import shard_of
from pmstore import START, Stack, Stream, open_consumers, open_event_store, open_stream

ANSWER_S: Final = 10.0
"""How long it waits for the engine before it asks again."""


@attrs.frozen(kw_only=True)
class _AtWork:
    """What an instance has while it is its turn."""

    fronts: Sequence[Front]
    desk: EventDesk
    intake: Intake
    finisher: Finisher
    announcer: Announcer


class EventProcess:
    """
    One works at a time, and others stand by, so that what is asked is done in its order.

    What two do together all the same, as one was frozen, is done once.
    """

    name = "event"

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._turn = Turn(deployment, self.name)
        self._at_work: _AtWork | None = None

    def note(self) -> Note:
        """How far the answers are that it has heard."""
        note = msgspec.structs.replace(self._deployment.note(self.name), role=self._turn.role)
        if self._at_work is None:
            return note
        number = self._at_work.fronts[self._deployment.shard].number
        return msgspec.structs.replace(note, state="running", number=number)

    def readiness(self) -> tuple[bool, str]:
        """Ready once it takes entries; what waits for an engine is said."""
        if self._turn.role == "standby":
            return True, "it stands by"
        if self._at_work is None:
            return False, "it opens its streams"
        waiting = _waiting(self._at_work.desk)
        if waiting:
            return True, f"events are taken; {waiting} wait for the engine"
        return True, "events are taken"

    def numbers(self) -> Mapping[str, float]:
        """What it did since its turn began, and what waits."""
        one = self._at_work
        if one is None:
            return {}
        return {
            "event_listed": one.intake.listed,
            "event_closed": one.intake.closed,
            "event_dead_letters": one.intake.dead_letters,
            "event_finished": one.finisher.finished,
            "event_told": one.announcer.told,
            "event_pending": _waiting(one.desk),
        }

    async def run(self, stopping: asyncio.Event) -> None:
        """
        Take, finish and tell until *stopping*.

        Raises:
            SettingsError: The stores are of one process.
            CorruptData: The last entry of `api_mq_stream` cannot be read.
        """
        require_shared_stores(self._deployment.settings.storage)
        await self._turn.run(stopping, self._work)

    async def _work(self, over: asyncio.Event) -> None:
        async with AsyncExitStack() as closing:
            fronts, kept, one = await self._open(closing)
            self._at_work = one
            runs = [kept.run, one.announcer.run, one.finisher.run, one.intake.run]
            runs += [front.run for front in fronts]
            working = [asyncio.create_task(run()) for run in runs]
            closing.push_async_callback(end, working)
            try:
                await first_of(over, working)
            finally:
                self._at_work = None

    async def _open(self, closing: AsyncExitStack) -> tuple[list[Front], KeptCatalogue, _AtWork]:
        """Everything for one turn, until *closing* is left."""
        deployment, settings = self._deployment, self._deployment.settings
        storage = settings.storage
        shards = range(settings.shards)
        fronts = [await _open_front(deployment.of_shard(shard)) for shard in shards]

        async def send(command: Command) -> Answer:
            assert isinstance(command, AddOneEvent | RemoveOneEvent)
            shard = shard_of(command.event_id, len(fronts))
            return await fronts[shard].send(command, ANSWER_S, listing=True)

        async def stream(name: str) -> Stream:
            opening = open_stream(storage.streams, name, pins=storage.pins)
            return await deployment.entered(opening, closing)

        truth = Stack(layers=(storage.orders.truth,))
        events = await deployment.entered(open_event_store(truth, pins=storage.pins), closing)
        catalogue = await open_catalogue(deployment, closing)
        desk, kept = await open_desk(catalogue, events)
        requests = await stream(EVENT_STREAM)
        opening = open_consumers(storage.streams, requests, pins=storage.pins)
        groups = await deployment.entered(opening, closing)
        letters = await deployment.stream(DEAD_LETTERS)
        at_work = _AtWork(
            fronts=fronts,
            desk=desk,
            # A name of this turn: what it may leave behind, the next one takes over.
            intake=Intake(groups, requests, desk, send, letters, new_id()),
            finisher=Finisher(desk, send, grace_s=settings.order_timeout_s, now=monotonic),
            announcer=Announcer(catalogue, await stream(API_MQ_STREAM)),
        )
        return fronts, kept, at_work


def _waiting(desk: EventDesk) -> int:
    return len(desk.catalogue.pending()) + len(desk.catalogue.closing())


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
