"""What other systems ask about events is done once, or put aside with a reason that can be read."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, closing
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import msgspec
import pytest
import redis

from pmengine.assembly import open_exchange
from pmengine.commands import Command
from pmengine.exchange import Exchange
from pmengine.services.dead_letters import DEAD_LETTERS, DeadLetter
from pmengine.services.events import (
    CATALOGUE_STREAM,
    EVENT_STREAM,
    GROUP,
    Announcer,
    Catalogue,
    Declined,
    Done,
    EventDesk,
    Finisher,
    Intake,
    KeptCatalogue,
    Topic,
    Unfinished,
)
from pmengine.services.events.announcing import ClosedTold, ListedTold, decode_told
from pmengine.services.events.records import TopicChanged
from pmengine.services.events.requests import EventCreate, decode_request
from pmengine.services.front import Answer, OutcomeUnknown
from pmengine.settings import Settings
from pmstore import (
    START,
    Consumers,
    EventStore,
    StoreUnavailable,
    Stream,
    open_consumers,
    open_stream,
)
from pmstore.clock import system_clock
from pmstore.settings import StorageSettings
from pmstore.testing import Fault, Faults, faulty
from pmstore.testing.servers import RedisServer
from tests.services.events import close, create

DEADLINE_S = 60.0


@attrs.define
class Beside:
    """An exchange, and the streams of the event service beside it, all in this process."""

    exchange: Exchange
    requests: Stream
    letters: Stream
    catalogue: Stream
    told: Stream
    groups: Consumers

    def desk(self) -> EventDesk:
        """One that begins."""
        return EventDesk(KeptCatalogue(self.catalogue), self.events, system_clock)

    @property
    def events(self) -> EventStore:
        """As history fills it."""
        return self.exchange.history.events

    async def send(self, command: Command) -> Answer:
        """What the engine answers."""
        return await self.exchange.front.send(command, DEADLINE_S, listing=True)

    async def ask(self, *documents: Any) -> None:
        """One entry for each of *documents*; of bytes as they are."""
        encode = msgspec.json.encode
        await self.requests.append(
            [one if isinstance(one, bytes) else encode(one) for one in documents]
        )

    async def taken_in(self, name: str = "first") -> Intake:
        """Let one consumer take everything that was asked."""
        bounds = await self.requests.bounds()
        assert bounds is not None
        async with self.taking(name) as intake, asyncio.timeout(DEADLINE_S):
            while (await self.groups.positions()).get(GROUP, START) < bounds.last.id:
                await asyncio.sleep(0.01)
        return intake

    @asynccontextmanager
    async def taking(self, name: str) -> AsyncIterator[Intake]:
        """One consumer that takes what is asked."""
        intake = Intake(self.groups, self.requests, self.desk(), self.send, self.letters, name)
        running = asyncio.create_task(intake.run())
        try:
            yield intake
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    async def announced(self, count: int, several: int = 1) -> list[tuple[str, int]]:
        """What everybody was told by *several* at once, once it is *count* things or more."""
        announcers = [Announcer(self.catalogue, self.told) for _ in range(several)]
        running = [asyncio.create_task(one.run()) for one in announcers]
        try:
            async with asyncio.timeout(DEADLINE_S):
                while len(entries := await self.told.read(START, 1000)) < count:
                    await asyncio.sleep(0.01)
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
        found = [decode_told(one.payload) for one in entries]
        words = {ListedTold: "listed", ClosedTold: "closed"}
        return [(words[type(one)], one.event_id) for one in found]

    async def reasons(self) -> list[str]:
        """Why documents lie among the dead letters."""
        entries = await self.letters.read(START, 1000)
        found = [msgspec.json.decode(one.payload, type=DeadLetter) for one in entries]
        assert {one.stream for one in found} <= {EVENT_STREAM}
        return [one.reason for one in found]

    async def stored(self) -> list[int]:
        """The ids of events that the stores have, of 1 to 99."""
        await self.exchange.history.reached(self.exchange.front.number)
        return sorted(await self.events.get(range(1, 100)))


@asynccontextmanager
async def beside(folder: Path) -> AsyncIterator[Beside]:
    settings = Settings(storage=StorageSettings(data_dir=folder))
    async with open_exchange(settings) as exchange, AsyncExitStack() as opened:
        names = (EVENT_STREAM, DEAD_LETTERS, "catalogue", "told")
        requests, letters, catalogue, told = [
            await opened.enter_async_context(open_stream("memory://", name)) for name in names
        ]
        groups = await opened.enter_async_context(open_consumers("memory://", requests))
        one = Beside(exchange, requests, letters, catalogue, told, groups)
        desk = one.desk()
        await desk.add_topic("sport", "Sport")
        await desk.add_topic("old", "Old")
        await desk.change_topic("old", None, active=False)
        yield one


async def test_what_can_never_be_done_is_put_aside_with_the_reason_and_the_rest_goes_on(
    tmp_path: Path,
) -> None:
    async with beside(tmp_path) as service:
        array = [create(2), {"types": "EventOther"}, create(3, topic="none")]
        poison: Mapping[str, Any] = {
            "JSON is malformed": b"{not json",
            "it is no array of documents": b"[1,",
            "Invalid value 'EventOther'": {"types": "EventOther"},
            "INACTIVE_TOPIC: topic 'old' takes no new events": create(4, topic="old"),
            "DUPLICATE_SLUG: slug 'question-1' is that of event 1": create(5, slug="question-1"),
            "DUPLICATE_EVENT: event 1 is there with other content": create(1, title="Other?"),
            "MALFORMED: the engine refused it": create(
                6, markets={"1": {"token_ids": ["y1", "fresh"]}}
            ),
            "INVALID_EXPIRY: end_date 2020-01-01T00:00:00Z has passed": create(
                7, end_date="2020-01-01T00:00:00Z"
            ),
            "Object missing required field `title`": create(8, title=None),
            "INVALID_IMAGE: image_url is 'data:image/png,0'": create(
                9, image_url="data:image/png,0"
            ),
            "UNKNOWN_EVENT: the engine refused it": close(99),
            "document 1: Invalid value 'EventOther'": array,
            "document 2: UNKNOWN_TOPIC: there is no topic 'none'": array,
        }
        documents = [one for one in poison.values() if one is not array]
        nameless = create(None, title="No id?", markets={"1": {"token_ids": ["a", "b"]}})
        await service.ask(create(1), *documents, array, nameless, close(2), close(2), create(1))
        intake = await service.taken_in()
        assert (intake.listed, intake.closed, intake.dead_letters) == (4, 2, len(poison))
        reasons = await service.reasons()
        assert [
            one for one, wanted in zip(reasons, poison, strict=True) if not one.startswith(wanted)
        ] == []
        heard = await service.announced(4)
        given = heard[2][1]
        assert heard == [("listed", 1), ("listed", 2), ("listed", given), ("closed", 2)]
        assert await service.stored() == sorted([1, 2, given])


async def test_what_is_redelivered_or_asked_again_makes_no_second_event(tmp_path: Path) -> None:
    async with beside(tmp_path) as service:
        nameless = create(None, title="No id?", markets={"1": {"token_ids": ["a", "b"]}})
        await service.ask(create(1), nameless, close(1))
        # A consumer that took them and died: they are owed, and nobody knows what became of them.
        owed = await service.groups.read(GROUP, "dead", 10)
        assert len(owed) == 3
        for document in (create(1), nameless):
            request = decode_request(msgspec.json.encode(document))
            assert isinstance(request, EventCreate)
            await service.desk().create(request, service.send)
        await service.ask(create(20), create(1), nameless)
        await service.taken_in("second")
        assert await service.reasons() == []
        heard = await service.announced(4)
        given = heard[1][1]
        assert heard == [("listed", 1), ("listed", given), ("closed", 1), ("listed", 20)]
        assert await service.stored() == sorted({1, given, 20})
        # What no group is owed was let go, but for the last entry.
        async with service.taking("third"), asyncio.timeout(DEADLINE_S):
            while len(await service.requests.read(START, 10)) > 1:
                await asyncio.sleep(0.01)


async def test_an_event_that_the_engine_never_answered_is_listed_once_by_whoever_comes(
    tmp_path: Path,
) -> None:
    async def silent(command: Command) -> Answer:
        raise OutcomeUnknown("nobody answers")

    async with beside(tmp_path) as service:
        desk = service.desk()
        request = decode_request(msgspec.json.encode(create(1)))
        assert isinstance(request, EventCreate)
        for _ in range(2):
            with pytest.raises(Unfinished):
                await desk.create(request, silent)
        assert desk.catalogue.listed(1) is None
        finishers = [
            Finisher(service.desk(), service.send, grace_s=0.0, now=lambda: 0.0) for _ in range(3)
        ]
        await asyncio.gather(*(one.work() for one in finishers))
        await desk.look()
        listed = desk.catalogue.listed(1)
        assert listed is not None
        with pytest.raises(Unfinished):
            await desk.close(1, silent)
        assert not service.desk().catalogue.is_closed(1)
        await asyncio.gather(*(one.work() for one in finishers))
        assert await service.announced(2, several=3) == [("listed", 1), ("closed", 1)]
        listed = json.loads((await service.told.read(START, 1))[0].payload)
        assert {key: market["id"] for key, market in listed["markets"].items()} == {"1": 1}
        assert await service.stored() == [1]
        await asyncio.gather(*(one.work() for one in finishers))
        assert len(await service.told.read(START, 10)) == 2


async def test_whoever_began_has_its_grace_before_somebody_else_finishes(tmp_path: Path) -> None:
    async def silent(command: Command) -> Answer:
        raise OutcomeUnknown("nobody answers")

    async with beside(tmp_path) as service:
        desk = service.desk()
        request = decode_request(msgspec.json.encode(create(1)))
        assert isinstance(request, EventCreate)
        with pytest.raises(Unfinished):
            await desk.create(request, silent)
        times = iter([0.0, 4.9, 5.0])
        finisher = Finisher(service.desk(), service.send, grace_s=5.0, now=partial(next, times))
        for finished in (0, 0, 1):
            await finisher.work()
            assert finisher.finished == finished
        await desk.look()
        assert desk.catalogue.listed(1) is not None


async def test_a_refusal_that_came_twice_is_one_and_the_words_are_free_for_another(
    tmp_path: Path,
) -> None:
    async with beside(tmp_path) as service:
        desk = service.desk()
        first = decode_request(msgspec.json.encode(create(1)))
        clash = decode_request(
            msgspec.json.encode(create(2, markets={"1": {"token_ids": ["y1", "n2"]}}))
        )
        other = decode_request(msgspec.json.encode(create(2)))
        assert isinstance(first, EventCreate)
        assert isinstance(clash, EventCreate)
        assert isinstance(other, EventCreate)
        await desk.create(first, service.send)
        for source in ("1-0/0", "1-0/0", None):
            declined = await desk.create(clash, service.send, source=source)
            assert isinstance(declined, Declined)
            assert declined.code == "MALFORMED"
        assert desk.catalogue.listed(2) is None
        assert desk.catalogue.of_slug("question-2") is None
        # What was put aside stays aside when it comes again, also if it could be done by now.
        await desk.close(1, service.send)
        assert isinstance(await desk.create(clash, service.send, source="1-0/0"), Declined)
        assert isinstance(await desk.create(other, service.send, source="2-0/0"), Done)
        assert await service.announced(3) == [("listed", 1), ("closed", 1), ("listed", 2)]


async def test_who_knows_what_a_redis_lost_decides_on_what_is_left(tmp_path: Path) -> None:
    def adding(topic: str) -> Callable[[Catalogue], TopicChanged | Topic | Declined]:
        return lambda catalogue: catalogue.add_topic(topic, "Name")

    def topics(kept: KeptCatalogue) -> list[str]:
        return [one.topic for one in kept.catalogue.topics()]

    with RedisServer(tmp_path / "redis") as server:
        place = f"redis://{server.host}:{server.port}"
        async with open_stream(place, CATALOGUE_STREAM) as stream:
            writing, following = KeptCatalogue(stream), KeptCatalogue(stream)
            await writing.write(adding("a"))
            await writing.write(adding("b"))
            await following.look()
            assert topics(following) == ["a", "b"]
            lost = (await stream.read(START, 10))[1].id
            client = redis.Redis(host=server.host, port=server.port, protocol=2)
            with closing(client):
                client.xdel(CATALOGUE_STREAM, str(lost))
            await writing.write(adding("c"))
            assert topics(writing) == ["a", "c"]
            await following.look()
            assert topics(following) == ["a", "c"]
            await following.write(adding("b"))
            await writing.look()
            assert topics(writing) == topics(following) == ["a", "b", "c"]


@pytest.mark.parametrize("fault", [Fault.BEFORE, Fault.AFTER])
async def test_whichever_step_fails_asking_again_makes_one_event_and_one_close(
    tmp_path: Path, fault: Fault
) -> None:
    async with beside(tmp_path) as service:
        failed = 0
        for number in range(1, 10):
            request = decode_request(msgspec.json.encode(create(number)))
            assert isinstance(request, EventCreate)
            faults = Faults()
            faults.at(number, fault)
            first = EventDesk(
                KeptCatalogue(faulty(service.catalogue, faults)), service.events, system_clock
            )
            try:
                await first.create(request, service.send)
                await first.close(number, service.send)
            except (StoreUnavailable, Unfinished):
                failed += 1
            for _ in range(2):
                second = service.desk()
                assert await second.create(request, service.send) is not None
                assert isinstance(await second.close(number, service.send), Done)
        assert failed >= 5
        wanted = [(what, one) for one in range(1, 10) for what in ("listed", "closed")]
        assert await service.announced(len(wanted)) == wanted
        assert await service.stored() == list(range(1, 10))


@pytest.mark.parametrize("fault", [Fault.BEFORE, Fault.AFTER])
async def test_announcers_of_whom_the_streams_of_one_fail_tell_of_everything_once(
    tmp_path: Path, fault: Fault
) -> None:
    async with beside(tmp_path) as service:
        desk = service.desk()
        faults = Faults()
        for number in (1, 2, 3):
            faults.at(number, fault, verb="append")
            faults.at(2 * number, fault, verb="bounds")
        announcers = [
            Announcer(service.catalogue, service.told),
            Announcer(service.catalogue, faulty(service.told, faults)),
        ]
        running = [asyncio.create_task(one.run()) for one in announcers]
        try:
            for number in range(1, 6):
                request = decode_request(msgspec.json.encode(create(number)))
                assert isinstance(request, EventCreate)
                await desk.create(request, service.send)
                await asyncio.sleep(0)  # so that both come to hear of it
            async with asyncio.timeout(DEADLINE_S):
                while len(await service.told.read(START, 10)) < 5:
                    await asyncio.sleep(0.01)
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
        assert await service.announced(5) == [("listed", number) for number in range(1, 6)]
