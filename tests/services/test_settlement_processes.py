"""Settlement inside an exchange and as processes of its own, ended and killed while trades come."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random

import pytest

from pmengine.assembly import open_exchange
from pmengine.exchange import Exchange
from pmengine.sample import sample_command, sample_setup
from pmengine.services.log import STORE_STREAM
from pmengine.services.settlement import (
    SETTLEMENT_STREAM,
    SettlementRequest,
    decode_settlement_entry,
)
from pmengine.settings import Settings
from pmstore import (
    START,
    Consumers,
    Entry,
    Position,
    Stream,
    Trade,
    open_consumers,
    open_stream,
)
from pmstore.backends.memory import MemorySnapshotStore
from pmstore.codec import decode_batch
from pmstore.settings import StorageSettings
from pmstore.testing.servers import RedisServer
from tests.services.fleet import Fleet, over_redis
from tests.services.rig import DEADLINE_S, Running, engine_on, flow
from tests.trips.exchange_process import ExchangeProcess
from tests.trips.traders import Traders


async def entries_of(stream: Stream) -> list[Entry]:
    """All of them: one read of a stream that somebody else writes may know less than its end."""
    entries: list[Entry] = []
    while more := await stream.read(entries[-1].id if entries else START, 100_000):
        entries += more
    return entries


async def trades_of(log: Stream) -> list[int]:
    """The id of each trade on the log."""
    return [
        change.trade_id
        for entry in await entries_of(log)
        for change in decode_batch(entry.payload, str(entry.id)).changes
        if isinstance(change, Trade)
    ]


async def asked_of(settled: Stream) -> list[int]:
    """The trade of each request."""
    return [
        document.trade.trade_id
        for entry in await entries_of(settled)
        for document in decode_settlement_entry(entry.payload).documents
        if isinstance(document, SettlementRequest)
    ]


async def settled_all(log: Stream, settled: Stream) -> None:
    """Wait until the last entry of the log was settled."""
    bounds = await log.bounds()
    assert bounds is not None
    async with asyncio.timeout(2 * DEADLINE_S):
        while True:
            end = await settled.bounds()
            if end is not None:
                told = decode_settlement_entry(end.last.payload).batch
                if Position.parse(told.position) >= bounds.last.id:
                    return
            await asyncio.sleep(0.02)


async def streams_in(folder: Path, opened: AsyncExitStack) -> list[Stream]:
    """The log and the requests of an exchange in one process, beside it."""
    place = f"file:{folder / 'streams'}"
    return [
        await opened.enter_async_context(open_stream(place, name, read_only=True))
        for name in (STORE_STREAM, SETTLEMENT_STREAM)
    ]


async def send(exchange: Exchange, indexes: Sequence[int]) -> None:
    for index in indexes:
        await exchange.front.send(sample_command(index), DEADLINE_S)


async def test_an_exchange_in_one_process_asks_once_over_restarts(tmp_path: Path) -> None:
    def settings(settlement: bool) -> Settings:
        return Settings(storage=StorageSettings(data_dir=tmp_path), settlement=settlement)

    for life, is_on in enumerate((True, False, True)):
        async with open_exchange(settings(is_on)) as exchange, AsyncExitStack() as opened:
            if not life:
                for command in sample_setup():
                    await exchange.front.send(command, DEADLINE_S)
            await send(exchange, range(100 * life, 100 * life + 100))
            if life == 2:
                await settled_all(*await streams_in(tmp_path, opened))
    async with AsyncExitStack() as opened:
        log, settled = await streams_in(tmp_path, opened)
        assert await asked_of(settled) == await trades_of(log)
        assert len(await trades_of(log)) > 10


@pytest.mark.crash
@pytest.mark.slow
async def test_an_exchange_that_is_killed_under_load_asks_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SETTLEMENT_ENABLED", "true")
    traders = Traders(Random(3))
    async with AsyncExitStack() as opened:
        for life in range(3):
            process = ExchangeProcess(tmp_path / "data")
            await process.start()
            opened.push_async_callback(process.kill)
            await process.ready()
            if not life:
                await traders.set_up(process.url)
            trading = await traders.begin(process.url, 1.0, 50)
            if life < 2:
                await process.kill()
                await trading
        log, settled = await streams_in(tmp_path / "data", opened)
        trading.cancel()
        await asyncio.gather(trading, return_exceptions=True)
        held = await trades_of(log)
        await settled_all(log, settled)
        asked = await asked_of(settled)
        assert asked == sorted(set(asked))
        assert len(asked) > 10
        # The log may have let the oldest go by now, and what was under way may be new.
        begin = asked.index(held[0])
        assert asked[begin : begin + len(held)] == held
        await process.stop()


@pytest.mark.crash
@pytest.mark.slow
async def test_killed_processes_ask_for_each_trade_once(tmp_path: Path) -> None:
    with RedisServer(tmp_path / "redis") as server:
        environ = over_redis(server.host, server.port)
        place = f"redis://{server.host}:{server.port}"
        async with Fleet(tmp_path / "fleet", environ) as fleet, AsyncExitStack() as opened:
            log, settled = [
                await opened.enter_async_context(open_stream(place, name))
                for name in (STORE_STREAM, SETTLEMENT_STREAM)
            ]
            snapshots = await opened.enter_async_context(MemorySnapshotStore())
            running = await opened.enter_async_context(engine_on(log, snapshots))
            groups = await opened.enter_async_context(open_consumers(place, settled))
            assert await groups.read("onchain", "0", 1) == []
            relay, beside = await asyncio.gather(fleet.run("relay"), fleet.run("settlement"))
            await relay.ready()
            taken: dict[Position, bytes] = {}
            for start in range(0, 450, 150):
                settlement = await fleet.run("settlement")
                await settlement.ready()
                writing = asyncio.create_task(write(running, start, start + 150))
                await asyncio.sleep(0.05)
                await settlement.kill()
                await writing
                # Who settles dies with some in hand each time; the next takes them over.
                taken |= await taken_by(groups, f"{start}", 100)
                await groups.ack("onchain", sorted(taken)[: 2 * len(taken) // 3])
            await beside.kill()
            last = await fleet.run("settlement")
            await settled_all(log, settled)
            taken |= await taken_by(groups, "last", 100_000)
            trades = [
                document.trade.trade_id
                for _, payload in sorted(taken.items())
                for document in decode_settlement_entry(payload).documents
                if isinstance(document, SettlementRequest)
            ]
            assert trades == await trades_of(log)
            assert len(trades) > 10
            # What was acknowledged is let go with one of the next, and nothing else.
            done = sorted(taken)[: len(taken) // 2]
            await groups.ack("onchain", done)
            async with asyncio.timeout(DEADLINE_S):
                index = 450
                while (first := (await settled.read(START, 1))[0].id) <= done[-1]:
                    await write(running, index, index + 1)
                    index += 1
                    await asyncio.sleep(0.1)
            assert first == sorted(taken)[len(done)]
            told = await last.until("settlement", lag=0)
            assert told["numbers"]["settlement_dead_letters"] == 0
            await last.stop()


async def taken_by(groups: Consumers, name: str, limit: int) -> dict[Position, bytes]:
    """What a new consumer of who settles finds: what the one before it left, and what is new."""
    left = await groups.reclaim("onchain", name, 0.0, 100_000)
    new = await groups.read("onchain", name, limit)
    return {entry.id: entry.payload for entry in (*left, *new)}


async def write(engine: Running, start: int, end: int) -> None:
    for index in range(start, end):
        await engine.take(flow(index, index + 1))
