"""Every trade is asked to be settled once, in the order of the log, whoever dies meanwhile."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import attrs
import pytest
from redis.asyncio import Redis

import pmengine.services.relay as relay_module
from pmengine.projections import (
    PROCESSOR_STREAM,
    WEBSOCKET_STREAM,
    BatchTold,
    encode_processor_entry,
)
from pmengine.services import outages, settlement, settler
from pmengine.services.dead_letters import DEAD_LETTERS
from pmengine.services.log import BEGINNING, STORE_STREAM, Log, LogRewritten, Place, before
from pmengine.services.relay import Relay
from pmengine.services.settlement import (
    SETTLEMENT_STREAM,
    SettlementRequest,
    SettlementSkipped,
    StreamSettlement,
    ToSettle,
    decode_settlement_entry,
    requests_of,
    told_from,
)
from pmengine.services.settler import GROUP, Settler
from pmstore import (
    START,
    Batch,
    Consumers,
    CorruptData,
    InvalidRecord,
    Position,
    Stream,
    Trade,
    open_consumers,
    open_stream,
)
from pmstore.backends.memory import MemorySnapshotStore, MemoryStream
from pmstore.codec import GENESIS_HASH
from pmstore.testing.servers import RedisServer
from tests.services.rig import DEADLINE_S, batches_of, engine_on, flow
from tests.services.streams import Fault, WatchedStream

COMMANDS = 600


@attrs.define
class Settling:
    """A log, the streams of settlement, and a group over the processor's."""

    log: Stream
    processor: Stream
    settled: WatchedStream
    letters: Stream
    consumers: Consumers
    names: int = 0

    def settler(self, sink: StreamSettlement | None = None) -> Settler:
        """One more consumer, as a new process would be."""
        self.names += 1
        return Settler(
            self.consumers,
            self.processor,
            sink or StreamSettlement(self.settled),
            self.letters,
            f"settler-{self.names}",
        )

    async def tell(self, batches: Sequence[tuple[Position, Batch]] | None = None) -> None:
        """Put what the log says on the processor's stream."""
        if batches is None:
            batches = [(entry.id, batch) for entry, batch in await batches_of(self.log)]
        await self.processor.append([encode_processor_entry(*one) for one in batches])

    async def trades(self) -> list[tuple[int, int]]:
        """The number and id of each trade on the log."""
        return [
            (batch.number, change.trade_id)
            for _, batch in await batches_of(self.log)
            for change in batch.changes
            if isinstance(change, Trade)
        ]

    async def entries(self) -> list[ToSettle]:
        """What was asked to settle, an entry a batch."""
        return [
            decode_settlement_entry(entry.payload)
            for entry in await self.settled.read(START, 100_000)
        ]

    async def requested(self) -> list[tuple[int, int]]:
        """The number and the trade of each request."""
        return [
            (one.batch.number, document.trade.trade_id)
            for one in await self.entries()
            for document in one.documents
            if isinstance(document, SettlementRequest)
        ]

    async def caught_up(self) -> None:
        """Wait until nothing on the processor's stream is owed to the group."""
        bounds = await self.processor.bounds()
        assert bounds is not None
        async with asyncio.timeout(2 * DEADLINE_S):
            while (await self.consumers.positions()).get(GROUP, START) < bounds.last.id:
                await asyncio.sleep(0.01)

    async def put_aside(self) -> list[dict[str, object]]:
        """The dead letters."""
        return [json.loads(entry.payload) for entry in await self.letters.read(START, 1000)]


@asynccontextmanager
async def settling(url: str, commands: int = COMMANDS) -> AsyncIterator[Settling]:
    """A log of the sample flow and empty streams of settlement at *url*."""
    async with AsyncExitStack() as opened:
        enter = opened.enter_async_context
        names = (STORE_STREAM, PROCESSOR_STREAM, SETTLEMENT_STREAM, DEAD_LETTERS)
        log, processor, settled, letters = [await enter(open_stream(url, one)) for one in names]
        place = url if url.startswith("redis") else "memory://"
        groups = await enter(open_consumers(place, processor))
        if commands and await log.bounds() is None:
            async with MemorySnapshotStore() as snapshots, engine_on(log, snapshots) as engine:
                for start in range(0, commands, 5):
                    await engine.take(flow(start, start + 5))
        yield Settling(log, processor, WatchedStream(settled), letters, groups)


@asynccontextmanager
async def running(*settlers: Settler) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(one.run()) for one in settlers]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(one, asyncio.CancelledError) for one in ended), ended


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outages, "RETRY_S_MIN", 0.001)
    monkeypatch.setattr(settler, "RETRY_S_MIN", 0.001)
    monkeypatch.setattr(settler, "LINGER_S", 0.0)
    monkeypatch.setattr(settler, "IDLE_S", 0.1)
    monkeypatch.setattr(settler, "PATIENCE_S", 0.1)
    monkeypatch.setattr(settler, "READ_ENTRIES_MAX", 4)


@pytest.fixture(params=["file", "redis"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "file":
        return f"file:{tmp_path / 'streams'}"
    server = request.getfixturevalue("redis_server")
    return f"redis://{server.host}:{server.port}/0?prefix={secrets.token_hex(8)}"


async def test_one_request_a_trade_whatever_the_number_of_consumers(place: str) -> None:
    async with settling(place) as one:
        await one.tell()
        settlers = [one.settler() for _ in range(3)]
        async with running(*settlers):
            await one.caught_up()
            # Also who brought nothing of late knows how far it is.
            async with asyncio.timeout(DEADLINE_S):
                while any(each.place != settlers[0].place for each in settlers):
                    await asyncio.sleep(0.01)
        assert await one.requested() == await one.trades()
        numbers = [told.batch.number for told in await one.entries()]
        assert numbers == [batch.number for _, batch in await batches_of(one.log)]
        assert sum(each.requests for each in settlers) == len(await one.trades()) > 20


async def test_consumers_that_die_anywhere_lose_and_double_nothing(place: str) -> None:
    async with settling(place) as one:
        entries = [(entry.id, batch) for entry, batch in await batches_of(one.log)]
        told = 0
        for turn in range(1000):
            if told < len(entries):
                await one.tell(entries[told : told + 6])
                told += 6
            tasks = [asyncio.create_task(one.settler().run()) for _ in range(2)]
            for _ in range(5 * turn):  # die within a step, another one each time
                await asyncio.sleep(0)
            if turn % 3:
                await asyncio.sleep(0.02)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if told >= len(entries):
                break
        async with running(one.settler()):
            await one.caught_up()
        assert await one.requested() == await one.trades()


@pytest.mark.parametrize("fault", list(Fault))
async def test_a_sink_that_fails_is_asked_what_it_took(fault: Fault, tmp_path: Path) -> None:
    async with settling(f"file:{tmp_path}") as one:
        one.settled.faults.extend([fault] * 4)
        await one.tell()
        async with running(one.settler(), one.settler()):
            await one.caught_up()
        assert not one.settled.faults
        assert await one.requested() == await one.trades()


async def test_what_cannot_be_read_is_put_aside_and_the_rest_goes_on(place: str) -> None:
    async with settling(place, 300) as one:
        batches = [(entry.id, batch) for entry, batch in await batches_of(one.log)]
        await one.tell(batches[:5])
        await one.processor.append([b"no JSON", b'{"types":"Batch"}'])
        # One that says which batch it is of, and nothing else that can be read.
        spoilt = batches[5][1].number
        head = encode_processor_entry(*batches[5]).partition(b"}")[0]
        await one.processor.append([head + b"},7]"])
        await one.tell(batches[6:])
        consumer = one.settler()
        async with running(consumer, one.settler()):
            await one.caught_up()
        letters = await one.put_aside()
        assert [letter["stream"] for letter in letters] == [PROCESSOR_STREAM] * 3
        wanted = [trade for trade in await one.trades() if trade[0] != spoilt]
        assert await one.requested() == wanted
        [skipped] = [told for told in await one.entries() if told.batch.number == spoilt]
        assert isinstance(skipped.documents[0], SettlementSkipped)


async def test_an_entry_that_no_stream_can_read_is_put_aside_too(
    redis_server: RedisServer,
) -> None:
    prefix = secrets.token_hex(8)
    url = f"redis://{redis_server.host}:{redis_server.port}/0?prefix={prefix}"
    async with settling(url, 100) as one:
        batches = [(entry.id, batch) for entry, batch in await batches_of(one.log)]
        await one.tell(batches[:7])
        connection = Redis(host=redis_server.host, port=redis_server.port)
        async with connection:
            [key] = [key async for key in connection.scan_iter(f"{prefix}*processor_stream*")]
            await connection.xadd(key, {"two": "fields", "are": "no entry"})
        # The numbers jump behind it, and a consumer that was given all of it says nothing more.
        await one.tell(batches[9:])
        assert len(await one.consumers.read(GROUP, "silent", 100)) == 7
        with pytest.raises(CorruptData):
            await one.consumers.read(GROUP, "silent", 100)
        async with running(one.settler(), one.settler()):
            await one.caught_up()
        [letter] = await one.put_aside()
        assert (letter["stream"], letter["size_bytes"]) == (PROCESSOR_STREAM, 0)
        lost = {batch.number for _, batch in batches[7:9]}
        assert [told.batch.number for told in await one.entries()] == [
            batch.number for _, batch in batches if batch.number not in lost
        ]


class Choosy(StreamSettlement):
    """A sink that never takes one batch."""

    def __init__(self, stream: Stream, number: int) -> None:
        super().__init__(stream)
        self.refused = number
        self.offered = 0

    async def settle(self, batches: Sequence[ToSettle], /) -> None:
        for one in batches:
            asks = any(isinstance(document, SettlementRequest) for document in one.documents)
            if one.batch.number == self.refused and asks:
                self.offered += 1
                raise InvalidRecord(f"batch {self.refused} is too much")
        await super().settle(batches)


async def test_a_batch_that_the_sink_never_takes_is_offered_again_and_then_put_aside(
    tmp_path: Path,
) -> None:
    async with settling(f"file:{tmp_path}") as one:
        await one.tell()
        refused, _ = (await one.trades())[3]
        sink = Choosy(one.settled, refused)
        async with running(one.settler(sink)):
            await one.caught_up()
        assert sink.offered >= settler.TRIES_MAX
        [letter] = await one.put_aside()
        assert f"batch {refused} is too much" in str(letter["reason"])
        kept = [trade for trade in await one.trades() if trade[0] != refused]
        assert await one.requested() == kept


class Frozen(StreamSettlement):
    """A sink whose first write waits, as that of a process that was stopped."""

    def __init__(self, stream: Stream) -> None:
        super().__init__(stream)
        self.reached = asyncio.Event()
        self.thawed = asyncio.Event()

    async def settle(self, batches: Sequence[ToSettle], /) -> None:
        self.reached.set()
        await self.thawed.wait()
        await super().settle(batches)


async def test_a_member_that_was_frozen_while_others_took_over_doubles_nothing(place: str) -> None:
    async with settling(place) as one:
        await one.tell()
        sink = Frozen(one.settled)
        frozen = one.settler(sink)
        async with running(frozen):
            async with asyncio.timeout(DEADLINE_S):
                await sink.reached.wait()
            async with running(one.settler()):
                await one.caught_up()
                assert await one.requested() == await one.trades()
                sink.thawed.set()
                async with asyncio.timeout(DEADLINE_S):
                    while frozen.place is None or frozen.place.number < len(await one.entries()):
                        await asyncio.sleep(0.01)
        assert frozen.requests == 0
        assert await one.requested() == await one.trades()


async def test_nothing_is_acknowledged_that_the_sink_has_not(tmp_path: Path) -> None:
    async with settling(f"file:{tmp_path}") as one:
        await one.tell()
        one.settled.faults.extend([Fault.BEFORE] * 1000)
        async with running(one.settler()):
            async with asyncio.timeout(DEADLINE_S):
                while len(one.settled.faults) > 980:
                    await asyncio.sleep(0.001)
            assert await one.requested() == []
            before = (await one.processor.read(START, 1))[0].id
            assert (await one.consumers.positions())[GROUP] < before
            one.settled.faults.clear()
            await one.caught_up()
        assert await one.requested() == await one.trades()


async def test_a_log_that_lost_its_tail_is_settled_on_with_the_number_that_it_has(
    tmp_path: Path,
) -> None:
    async with settling(f"file:{tmp_path}") as one:
        batches = [(entry.id, batch) for entry, batch in await batches_of(one.log)]
        await one.tell([*batches[:10], *batches[14:]])
        async with running(one.settler(), one.settler()):
            await one.caught_up()
        lost = {batch.number for _, batch in batches[10:14]}
        assert await one.requested() == [
            trade for trade in await one.trades() if trade[0] not in lost
        ]


async def test_a_log_that_went_on_from_another_history_stops_settlement(tmp_path: Path) -> None:
    async with settling(f"file:{tmp_path}", 100) as one:
        batches = [(entry.id, batch) for entry, batch in await batches_of(one.log)]
        await one.tell(batches)
        last = batches[-1][0]
        forked = attrs.evolve(batches[-3][1], hash="f" * 64)
        await one.tell([(Position(last.ms + 1, 0), forked)])
        with pytest.raises(LogRewritten, match=f"batch {forked.number} "):
            async with asyncio.timeout(DEADLINE_S):
                await one.settler().run()


async def test_the_relay_keeps_what_settlement_is_owed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_module, "KEPT_ENTRIES_MAX", 5)
    monkeypatch.setattr(relay_module, "READ_BATCHES_MAX", 3)
    monkeypatch.setattr(relay_module, "GROUPS_S", 0.0)
    async with settling("memory://") as one, open_stream("memory://", WEBSOCKET_STREAM) as beside:
        await one.consumers.read(GROUP, "early", 1)  # the group is there, and was given nothing
        relay = Relay(
            Log(one.log),
            {PROCESSOR_STREAM: one.processor, WEBSOCKET_STREAM: beside},
            groups={PROCESSOR_STREAM: one.consumers},
        )
        task = asyncio.create_task(relay.run())
        batches = await batches_of(one.log)
        async with asyncio.timeout(DEADLINE_S):
            while relay.place.number < batches[-1][1].number:
                await asyncio.sleep(0.001)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert len(await one.processor.read(START, 1000)) == len(batches)
        assert len(await beside.read(START, 1000)) < 10
        async with running(one.settler()):
            await one.caught_up()
        assert await one.requested() == await one.trades()


async def test_requests_are_let_go_when_every_group_acknowledged_them_and_no_sooner(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settlement, "TRIM_S", 0.0)
    place = f"redis://{redis_server.host}:{redis_server.port}/0?prefix={secrets.token_hex(8)}"
    async with (
        settling(place) as one,
        open_stream(place, SETTLEMENT_STREAM) as settled,
        open_consumers(place, settled) as groups,
    ):
        batches = [(entry.id, batch) for entry, batch in await batches_of(one.log)]
        third = len(batches) // 3
        for group in ("onchain", "audit"):
            assert await groups.read(group, "first", 1) == []
        await one.tell(batches[:third])
        async with running(one.settler(StreamSettlement(settled, groups))):
            await one.caught_up()
        audited = await groups.read("audit", "first", 1000)
        assert len(audited) == third
        await groups.ack("audit", [entry.id for entry in audited])
        taken = await groups.read("onchain", "first", 7)
        await groups.ack("onchain", [entry.id for entry in taken[:3]])
        # The consumer dies with four in hand, and a settler between two others goes on.
        await one.tell(batches[third : 2 * third])
        async with running(one.settler(StreamSettlement(settled, groups)), one.settler()):
            await one.caught_up()
        bounds = await settled.bounds()
        assert bounds is not None
        assert bounds.first.id == taken[3].id
        assert await groups.reclaim("onchain", "second", 0.0, 100) == taken[3:]
        rest = await groups.read("onchain", "second", 1000)
        assert len(taken) + len(rest) == 2 * third
        await groups.ack("onchain", [entry.id for entry in (*taken, *rest)])
        # What the other group has not read holds the stream back as well.
        await one.tell(batches[2 * third :])
        async with running(one.settler(StreamSettlement(settled, groups))):
            await one.caught_up()
        assert (await settled.read(START, 1))[0].id == rest[third - len(taken)].id
        assert len(await groups.read("audit", "first", 1000)) == len(batches) - third


async def test_a_sink_that_lost_what_was_acknowledged_is_said_and_filled_again_by_a_new_group(
    place: str,
) -> None:
    async with settling(place) as one, MemoryStream() as emptied:
        batches = [(entry.id, batch) for entry, batch in await batches_of(one.log)]
        half = len(batches) // 2
        await one.tell(batches[:half])
        async with running(one.settler()):
            await one.caught_up()
        await one.tell(batches[half:])
        poor = one.settler(StreamSettlement(emptied))
        async with running(poor), asyncio.timeout(DEADLINE_S):
            while not poor.lack:
                await asyncio.sleep(0.01)
        assert "pmengine forget settlement" in poor.lack
        assert await emptied.bounds() is None, "nothing is passed over"
        await one.consumers.forget(GROUP)
        again = one.settler(StreamSettlement(emptied))
        async with running(again):
            await one.caught_up()
        assert again.lack == ""
        entries = [
            decode_settlement_entry(entry.payload) for entry in await emptied.read(START, 100_000)
        ]
        assert [told.batch.number for told in entries] == [batch.number for _, batch in batches]


async def test_requests_that_no_group_ever_read_are_kept(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settlement, "TRIM_S", 0.0)
    place = f"redis://{redis_server.host}:{redis_server.port}/0?prefix={secrets.token_hex(8)}"
    async with (
        settling(place, 60) as one,
        open_stream(place, SETTLEMENT_STREAM) as settled,
        open_consumers(place, settled) as groups,
    ):
        await one.tell()
        async with running(one.settler(StreamSettlement(settled, groups))):
            await one.caught_up()
        assert await one.requested() == await one.trades()


async def test_a_log_that_was_trimmed_is_settled_from_where_it_begins(tmp_path: Path) -> None:
    async with settling(f"file:{tmp_path}", 60) as one, MemoryStream() as log:
        sink = StreamSettlement(one.settled)
        assert await told_from(sink, Log(log)) == BEGINNING
        batches = await batches_of(one.log)
        await log.append([entry.payload for entry, _ in batches])
        copied = await batches_of(log)
        assert await told_from(sink, Log(log)) == Place(before(copied[0][0].id), 0, GENESIS_HASH)
        await log.trim(before(copied[5][0].id))
        held = await told_from(sink, Log(log))
        assert (held.number, held.hash) == (copied[4][1].number, copied[4][1].hash)
        # A sink that is further says itself where it goes on.
        last = copied[7][1]
        told = BatchTold(number=last.number, position=str(copied[7][0].id), hash=last.hash)
        await sink.last()
        await sink.settle([ToSettle(told, [])])
        assert await told_from(sink, Log(log)) == Place(copied[7][0].id, last.number, last.hash)


def test_a_place_says_where_a_sink_goes_on() -> None:
    payload = b'[{"types":"Batch","number":7,"position":"5-1","hash":"h"},{"types":"Answered"}]'
    asked = requests_of(payload, "here")
    assert (asked.place, list(asked.documents)) == (Place(Position(5, 1), 7, "h"), [])
    with pytest.raises(CorruptData, match="here"):
        requests_of(b"[]", "here")
