"""Lists and closes events, and keeps topics: decided and kept first, then asked of the engine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

import attrs

from pmengine.commands import AddOneEvent, Command, RemoveOneEvent
from pmengine.facts import Refusal
from pmengine.services.events.catalogue import Catalogue, TitledEvent, Topic
from pmengine.services.events.keeping import KeptCatalogue
from pmengine.services.events.records import (
    EventClosed,
    EventClosing,
    EventDrafted,
    EventListed,
    EventRefused,
    TopicChanged,
)
from pmengine.services.events.requests import EventCreate
from pmengine.services.events.rules import Declined, Texts, read_texts
from pmengine.services.front import Answer, NotTaken, OutcomeUnknown
from pmstore import EventStore, Position, StoreClosed, StoreUnavailable
from pmstore.clock import Clock

IDS_ASKED: Final = 100
"""Ids of which the store is asked at once whether they are free."""

_UNLISTED: Final = frozenset({"pending", "refused"})

Send = Callable[[Command], Awaitable[Answer]]
"""Gives the engine's answer to a command about events; raises as `Front.send`."""


class Unfinished(Exception):
    """What was asked for is kept, and the engine has not answered: it will be asked again."""


@attrs.frozen
class Done:
    """What was asked for is so, as the engine's last *answer* says if it was asked."""

    event_id: int
    answer: Answer | None = None


class EventDesk:
    """
    Does what admins and other systems ask about events, exactly once however often it is asked.

    A new event is written to the catalogue with its id, then the engine is asked to list it,
    then what it said is written too; whoever dies between leaves it to the next one who asks, or
    to the `Finisher`. Any number of desks may share a catalogue.

    Args:
        events: Says which ids events without a title have.
    """

    def __init__(self, kept: KeptCatalogue, events: EventStore, clock: Clock) -> None:
        self._kept = kept
        self._events = events
        self._clock = clock
        self._busy: set[int] = set()

    @property
    def catalogue(self) -> Catalogue:
        """As it is known now."""
        return self._kept.catalogue

    @property
    def busy(self) -> Collection[int]:
        """Events about which this desk waits for the engine."""
        return self._busy

    async def look(self) -> None:
        """Take what others wrote; raises as `KeptCatalogue.look`."""
        await self._kept.look()

    async def create(
        self, asked: EventCreate, send: Send, *, source: str | None = None
    ) -> Done | Declined:
        """
        List an event; the same again answers what became of the first.

        Args:
            source: Names the document that asks, so that its redelivery is known.

        Raises:
            Unfinished: The event is kept, and will be listed.
            StoreUnavailable: The catalogue did not answer.
        """
        texts = read_texts(asked)
        if isinstance(texts, Declined):
            return texts
        found = await self._drafted(texts, asked.event_id, source)
        return found if isinstance(found, Declined) else await self.finish(found, send)

    async def finish(self, event: TitledEvent, send: Send) -> Done | Declined:
        """
        Ask the engine to list an event that is pending.

        Raises:
            Unfinished: It did not answer, or its answer was not written down.
        """
        if event.state != "pending":
            return event.refusal or Done(event.event_id)
        drafted, draft = event.drafted, str(event.position)
        command = AddOneEvent(
            event_id=event.event_id,
            markets=drafted.markets,
            end_date=drafted.end_date,
            exclusive=drafted.exclusive,
        )
        async with self._asking(event.event_id):
            answer = await send(command)
            refusal = answer.refusal
            if refusal is None:
                listed = EventListed(event_id=event.event_id, draft=draft)
                await self._kept.write(lambda c: listed if _state(c, event) in _UNLISTED else None)
                return Done(event.event_id, answer)
            declined = _of_engine(refusal)
            refused = EventRefused(
                event_id=event.event_id, draft=draft, code=declined.code, reason=declined.detail
            )
            await self._kept.write(lambda c: refused if _state(c, event) == "pending" else None)
            # Somebody else may have asked for the same and been heard first.
            is_listed = _state(self.catalogue, event) == "listed"
            return Done(event.event_id, answer) if is_listed else declined

    async def close(self, event_id: int, send: Send) -> Done | Declined:
        """
        End trading in all markets of an event, with a title or without; once more changes nothing.

        Raises:
            Unfinished: It is known that the event is to be closed, if it has a title.
            StoreUnavailable: The catalogue did not answer.
        """
        await self._kept.look()
        event = self.catalogue.event(event_id)
        if event is not None and event.state == "pending":
            await self.finish(event, send)
        if self.catalogue.is_closed(event_id):
            return Done(event_id)
        has_title = self.catalogue.listed(event_id) is not None
        if has_title:
            closing = EventClosing(event_id=event_id)
            await self._kept.write(lambda c: None if c.is_closing(event_id) else closing)
        async with self._asking(event_id):
            answer = await send(RemoveOneEvent(event_id=event_id))
            # The engine knows an event no more that has left with its last token.
            is_gone = answer.refusal is Refusal.UNKNOWN_EVENT and (
                has_title or await self._was_there(event_id)
            )
            if answer.refusal is not None and not is_gone:
                return _of_engine(answer.refusal)
            closed = EventClosed(event_id=event_id)
            await self._kept.write(lambda c: None if c.is_closed(event_id) else closed)
            return Done(event_id, answer)

    async def add_topic(self, topic: str, name: str) -> Topic | Declined:
        """Add a topic; the same again changes nothing. Raises `StoreUnavailable`."""
        return await self._write_topic(topic, lambda c: c.add_topic(topic, name))

    async def change_topic(
        self, topic: str, name: str | None, active: bool | None
    ) -> Topic | Declined:
        """Rename a topic, take it out of use or back. Raises `StoreUnavailable`."""
        return await self._write_topic(topic, lambda c: c.change_topic(topic, name, active))

    async def _write_topic(
        self, topic: str, decide: Callable[[Catalogue], TopicChanged | Topic | Declined]
    ) -> Topic | Declined:
        decided: Topic | Declined | Position | TopicChanged = await self._kept.write(decide)
        if isinstance(decided, Topic | Declined):
            return decided
        written = self.catalogue.topic(topic)
        assert written is not None
        return written

    async def _drafted(
        self, texts: Texts, event_id: int | None, source: str | None
    ) -> TitledEvent | Declined:
        """The event that *texts* ask for, written down unless it was before."""
        await self._kept.look()
        while True:
            new_id = event_id
            if new_id is None:
                new_id = await self._free_id(self.catalogue.next_id)

            found = await self._kept.write(
                partial(self._decide, texts=texts, event_id=event_id, new_id=new_id, source=source)
            )
            if isinstance(found, Position):
                found = self.catalogue.event(new_id)
            if found is not None:
                return found

    def _decide(
        self,
        catalogue: Catalogue,
        *,
        texts: Texts,
        event_id: int | None,
        new_id: int,
        source: str | None,
    ) -> TitledEvent | Declined | EventDrafted | None:
        """The event there is, else the record of a new one; None if *new_id* went to another."""
        found = None if source is None else catalogue.of_source(source)
        if found is not None:
            return found
        known = catalogue.known(texts, event_id)
        if known is not None:
            return known
        if event_id is None and new_id < catalogue.next_id:
            return None
        return catalogue.draft(texts, new_id, self._clock(), source)

    async def _free_id(self, least: int) -> int:
        """The first id from *least* on that no event has or had."""
        while True:
            ids = range(least, least + IDS_ASKED)
            taken = await self._events.get(ids)
            for event_id in ids:
                if event_id not in taken:
                    return event_id
            least += IDS_ASKED

    async def _was_there(self, event_id: int) -> bool:
        event = (await self._events.get([event_id])).get(event_id)
        return event is not None and event.removing

    @asynccontextmanager
    async def _asking(self, event_id: int) -> AsyncIterator[None]:
        """While the engine is asked about an event, and its answer is written down."""
        self._busy.add(event_id)
        try:
            yield
        except (OutcomeUnknown, NotTaken, StoreClosed, StoreUnavailable) as error:
            raise Unfinished(str(error)) from error
        finally:
            self._busy.discard(event_id)


def _of_engine(refusal: Refusal) -> Declined:
    return Declined(code=refusal.name, detail=f"the engine refused it: {refusal.text}")


def _state(catalogue: Catalogue, event: TitledEvent) -> str:
    """What became of *event*; `replaced` if its id is another's, as it was refused."""
    known = catalogue.event(event.event_id)
    return known.state if known is not None and known.position == event.position else "replaced"
