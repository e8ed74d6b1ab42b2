"""Kills, freezes and cuts off processes and servers of a deployment at random, by a seed."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from random import Random
from typing import Final

import attrs

from pmengine.commands import ORDER_INPUT
from pmengine.engine import ID_MEMORY_S
from pmengine.projections import decode_user_entry
from pmengine.services.log import STORE_STREAM, Log
from pmengine.services.recovery import recover
from pmengine.services.settlement import (
    SETTLEMENT_STREAM,
    SettlementRequest,
    decode_settlement_entry,
)
from pmengine.user_events import USER_EVENT_STREAM
from pmstore import START, StorageSettings, Stream, TradeQuery, open_stores
from pmstore.clock import system_clock
from pmstore.codec import decode_batch
from pmstore.queries import all as all_of
from pmstore.testing.servers import PostgresServer, RedisServer
from tests.services.fleet import Fleet, ServiceProcess
from tests.trips.recovered_folder import Recovery
from tests.trips.traders import Traders

SERVICES: Final = (
    *("engine", "engine", "relay", "processor", "settlement", "settlement"),
    *("history", "store", "depth", "api"),
)
CALM_S_MAX: Final = 120.0
_BETWEEN_S: Final = (0.3, 1.5)
_DEAD_S: Final = (0.0, 1.0)
_FROZEN_S: Final = (0.5, 4.0)


@attrs.define
class Chaos:
    """
    What happens to a deployment, in which order and for how long: all by *chance*.

    Attributes:
        faults: How often each happened.
        gave_up: What processes said that ended by themselves; they were started again.
    """

    chance: Random
    fleet: Fleet
    redis: RedisServer
    postgres: PostgresServer
    processes: list[ServiceProcess] = attrs.Factory(list)
    faults: Counter[str] = attrs.Factory(Counter)
    gave_up: list[str] = attrs.Factory(list)

    async def start(self) -> None:
        """Start every service, and wait until all work or stand by."""
        self.processes = list(await asyncio.gather(*map(self.fleet.run, SERVICES)))
        await self.calm()

    async def rage(self, seconds: float) -> None:
        """One fault after the other for *seconds*."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while loop.time() < deadline:
            await asyncio.sleep(self.chance.uniform(*_BETWEEN_S))
            await self._fault()
            for at, process in enumerate(self.processes):
                if process.has_ended:
                    self.gave_up.append(process.text()[-2000:])
                    self.processes[at] = await self.fleet.run(process.names)

    async def calm(self) -> None:
        """Wait until every service works or stands by, and nobody is behind."""
        async with asyncio.timeout(CALM_S_MAX):
            for process in self.processes:
                await process.ready()
                await process.until(process.names, lag=0)

    async def stop(self) -> None:
        """Let every process end well."""
        await asyncio.gather(*(process.stop() for process in self.processes))

    async def _fault(self) -> None:
        at = self.chance.randrange(len(self.processes))
        process = self.processes[at]
        match self.chance.choice(("kill", "freeze", "kill server", "freeze server")):
            case "kill":
                self.faults[f"kill {process.names}"] += 1
                await process.kill()
                await self._wait(_DEAD_S)
                self.processes[at] = await self.fleet.run(process.names)
            case "freeze":
                self.faults[f"freeze {process.names}"] += 1
                process.freeze()
                await self._wait(_FROZEN_S)
                process.thaw()
            case "kill server":
                server = self.chance.choice((self.redis, self.postgres))
                self.faults[f"kill {type(server).__name__}"] += 1
                server.kill()
                await self._wait(_DEAD_S)
                await asyncio.to_thread(server.start)
            case _:
                server = self.chance.choice((self.redis, self.postgres))
                self.faults[f"freeze {type(server).__name__}"] += 1
                server.pause()
                await self._wait(_FROZEN_S)
                server.resume()

    async def _wait(self, seconds: tuple[float, float]) -> None:
        await asyncio.sleep(self.chance.uniform(*seconds))


async def trade_on(traders: Traders, url: str) -> None:
    """Trade until cancelled, again and again where the gateway goes away."""
    while True:
        await traders.trade(url)
        await asyncio.sleep(0.1)


async def found_in(settings: StorageSettings) -> Recovery:
    """What log, snapshots and stores hold once every command on the input was taken."""
    async with open_stores(settings=settings) as stores:
        inputs = await stores.open_stream(ORDER_INPUT)
        stream = await stores.open_stream(STORE_STREAM)
        async with asyncio.timeout(CALM_S_MAX):
            while True:
                asked, taken = await inputs.bounds(), await stream.bounds()
                assert asked is not None
                assert taken is not None
                if decode_batch(taken.last.payload, "log").input[ORDER_INPUT] >= asked.last.id:
                    break
                await asyncio.sleep(0.05)
        found = await recover(
            Log(stream), stores.snapshots, id_memory_s=ID_MEMORY_S, now_ms=system_clock()
        )
        trades = [one async for one in all_of(stores.trades, TradeQuery(limit=1000))]
    return Recovery(found.state, trades, found.folded, None, found.lost_tail)


async def check_derived(settings: StorageSettings, found: Recovery) -> None:
    """Every trade was asked to be settled once, and no user misses a number or hears it twice."""
    due = sorted(trade.trade_id for trade in found.trades)
    async with open_stores(settings=settings) as stores:
        settled = await stores.open_stream(SETTLEMENT_STREAM)
        users = await stores.open_stream(USER_EVENT_STREAM)
        async with asyncio.timeout(CALM_S_MAX):
            while len(asked := await _settlements(settled)) < len(due):
                await asyncio.sleep(0.05)
            while (await _told_last(users)) < found.state.number:
                await asyncio.sleep(0.05)
        numbers: dict[str, int] = {}
        for entry in await users.read(START, 1_000_000):
            batch, documents = decode_user_entry(entry.payload)
            if batch.number > found.state.number:
                break
            for document in documents:
                last = numbers.get(document.user_id, document.update_id - 1)
                assert document.update_id == last + 1
                numbers[document.user_id] = document.update_id
    assert asked == due
    assert numbers
    assert numbers == {user: found.state.user_update_ids[user] for user in numbers}


async def _settlements(stream: Stream) -> list[int]:
    """The trades that were asked to be settled."""
    return [
        document.trade.trade_id
        for entry in await stream.read(START, 1_000_000)
        for document in decode_settlement_entry(entry.payload).documents
        if isinstance(document, SettlementRequest)
    ]


async def _told_last(users: Stream) -> int:
    """The number of the last batch of which users were told."""
    bounds = await users.bounds()
    return 0 if bounds is None else decode_user_entry(bounds.last.payload)[0].number


def storage_of(redis: RedisServer, postgres: PostgresServer, folder: Path) -> StorageSettings:
    """The deployment's storage as a test reads it, with an audit log of its own in *folder*."""
    return StorageSettings(
        database_enabled=True,
        database_host=postgres.host,
        database_port=postgres.port,
        database_name="exchange",
        database_user=postgres.user,
        database_password=postgres.password,
        redis_enabled=True,
        redis_host=redis.host,
        redis_port=redis.port,
        trade_log_path=folder / "looked.log",
    )
