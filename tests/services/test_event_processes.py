"""The event service as a process: what other systems ask is done once, whatever dies meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, closing
from pathlib import Path
from typing import Any

import attrs
import msgspec
import pytest
import redis

from pmengine.services.dead_letters import DEAD_LETTERS, DeadLetter
from pmengine.services.events import (
    API_MQ_STREAM,
    CATALOGUE_STREAM,
    EVENT_STREAM,
    GROUP,
    EventDesk,
    KeptCatalogue,
)
from pmengine.services.events.announcing import ClosedTold, ListedTold, decode_told
from pmstore import (
    START,
    Consumers,
    EventStore,
    Stream,
    open_consumers,
    open_event_store,
    open_stream,
)
from pmstore.clock import system_clock
from pmstore.testing.servers import RedisServer
from tests.services.events import close, create
from tests.services.fleet import Fleet, over_redis

DEADLINE_S = 90.0
EXCHANGE = "engine relay store history"


@attrs.define
class Outside:
    """What other systems have of a deployment: its streams, and what its stores hold."""

    requests: Stream
    told: Stream
    letters: Stream
    groups: Consumers
    events: EventStore
    kept: KeptCatalogue

    async def ask(self, *documents: Any) -> None:
        """One entry for each of *documents*; of bytes as they are."""
        payloads = [
            one if isinstance(one, bytes) else msgspec.json.encode(one) for one in documents
        ]
        await self.requests.append(payloads)

    async def taken(self) -> None:
        """Wait until everything that was asked is acknowledged."""
        bounds = await self.requests.bounds()
        assert bounds is not None
        last = bounds.last.id
        async with asyncio.timeout(DEADLINE_S):
            while (await self.groups.positions()).get(GROUP, START) < last:
                await asyncio.sleep(0.05)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until the catalogue is such."""
        async with asyncio.timeout(DEADLINE_S):
            await self.kept.look()
            while not condition():
                await asyncio.sleep(0.02)
                await self.kept.look()

    async def announced(self, count: int) -> list[tuple[str, int]]:
        """What everybody was told, once it is *count* things or more."""
        async with asyncio.timeout(DEADLINE_S):
            while len(entries := await self.told.read(START, 1000)) < count:
                await asyncio.sleep(0.05)
        found = [decode_told(one.payload) for one in entries]
        assert all(isinstance(one, ListedTold | ClosedTold) for one in found)
        return [
            ("listed" if isinstance(one, ListedTold) else "closed", one.event_id) for one in found
        ]

    async def stored(self, count: int) -> list[int]:
        """The ids of the events in the stores, once there are *count* or more."""
        async with asyncio.timeout(DEADLINE_S):
            while len(found := await self.events.get(range(1, 100))) < count:
                await asyncio.sleep(0.05)
        return sorted(found)

    async def reasons(self) -> list[str]:
        """Why documents lie among the dead letters."""
        entries = await self.letters.read(START, 1000)
        found = [msgspec.json.decode(one.payload, type=DeadLetter) for one in entries]
        assert {one.stream for one in found} <= {EVENT_STREAM}
        return [one.reason for one in found]


@asynccontextmanager
async def outside(server: RedisServer) -> AsyncIterator[Outside]:
    place = f"redis://{server.host}:{server.port}"
    async with AsyncExitStack() as opened:

        async def stream(name: str) -> Stream:
            return await opened.enter_async_context(open_stream(place, name))

        requests = await stream(EVENT_STREAM)
        yield Outside(
            requests=requests,
            told=await stream(API_MQ_STREAM),
            letters=await stream(DEAD_LETTERS),
            groups=await opened.enter_async_context(open_consumers(place, requests)),
            events=await opened.enter_async_context(open_event_store(place)),
            kept=KeptCatalogue(await stream(CATALOGUE_STREAM)),
        )


async def add_topic_of_all(told: Outside) -> None:
    desk = EventDesk(told.kept, told.events, system_clock)
    await desk.add_topic("sport", "Sport")


@pytest.mark.crash
@pytest.mark.slow
@pytest.mark.timeout(360)
async def test_an_event_that_was_kept_is_listed_and_told_of_once_over_a_kill_and_an_outage(
    tmp_path: Path,
) -> None:
    with RedisServer(tmp_path / "redis") as server:
        environ = over_redis(server.host, server.port, API_ORDER_TIMEOUT_SECONDS="1")
        async with Fleet(tmp_path / "fleet", environ) as fleet, outside(server) as told:
            await add_topic_of_all(told)
            # No engine: the first event is kept, and nobody says what became of it.
            service = await fleet.run("event")
            await told.ask(*(create(number) for number in (1, 2, 3)))
            await told.until(lambda: bool(told.kept.catalogue.pending()))
            await service.kill()
            assert [one.event_id for one in told.kept.catalogue.pending()] == [1]
            exchange, service = await asyncio.gather(fleet.run(EXCHANGE), fleet.run("event"))
            await told.taken()
            assert await told.announced(3) == [("listed", 1), ("listed", 2), ("listed", 3)]
            await told.ask(*(create(one) for one in range(4, 10)))
            server.stop()
            server.start()
            with closing(redis.Redis(host=server.host, port=server.port, protocol=2)) as client:
                client.xadd(EVENT_STREAM, {"two": "1", "fields": "2"})
            await told.ask(create(10), create(1), close(2))
            await told.taken()
            everything = list(range(1, 11))
            heard = await told.announced(11)
            assert heard == [*(("listed", one) for one in everything), ("closed", 2)]
            (reason,) = await told.reasons()
            assert "2 fields" in reason
            assert await told.stored(len(everything)) == everything
            told_of = await service.until("event", ready=True)
            assert told_of["numbers"]["event_pending"] == 0
            await service.stop()
            await exchange.stop()


@pytest.mark.crash
@pytest.mark.soak
@pytest.mark.timeout(600)
async def test_a_service_that_is_killed_again_and_again_leaves_all_else_to_its_standby(
    tmp_path: Path,
) -> None:
    with RedisServer(tmp_path / "redis") as server:
        environ = over_redis(server.host, server.port, API_ORDER_TIMEOUT_SECONDS="1")
        async with Fleet(tmp_path / "fleet", environ) as fleet, outside(server) as told:
            await add_topic_of_all(told)
            exchange = await fleet.run(EXCHANGE)
            numbers = list(range(1, 65))
            standby = await fleet.run("event")
            for start in range(0, len(numbers), 8):
                some = numbers[start : start + 8]
                service, standby = standby, await fleet.run("event")
                await told.ask(*(create(one) for one in some), close(some[0]))
                await told.until(
                    lambda last=some[start // 8]: told.kept.catalogue.event(last) is not None
                )
                await service.kill()
            await told.taken()
            closed = numbers[::8]
            heard = await told.announced(len(numbers) + len(closed))
            assert sorted(id for what, id in heard if what == "listed") == numbers
            assert [id for what, id in heard if what == "closed"] == closed
            assert await told.reasons() == []
            assert await told.stored(len(numbers)) == numbers
            await exchange.stop()
