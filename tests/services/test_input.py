"""What the engine service does with its input: unreadable entries, and time that passes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from redis.asyncio import Redis

from pmengine.command_answers import Answered, processor_documents
from pmengine.commands import (
    ORDER_INPUT,
    AddOneEvent,
    Deposit,
    NewMarket,
    SubmitOrder,
    Tick,
    encode_command,
)
from pmengine.engine import Engine
from pmengine.services.dead_letters import (
    KEPT_MS,
    PAYLOAD_BYTES_MAX,
    DeadLetter,
    forget_old_letters,
)
from pmengine.services.engine import BATCH_COMMANDS_MAX
from pmengine.services.inputs import ENTRY_BYTES_MAX
from pmengine.services.log import Log
from pmstore import (
    START,
    OrderCancelled,
    OrderType,
    Position,
    Remembered,
    Side,
    Symbol,
    open_stream,
)
from pmstore.backends.memory import MemorySnapshotStore, MemoryStream
from pmstore.testing import ManualClock
from pmstore.testing.servers import RedisServer
from tests.services.rig import DEADLINE_S, NOW_MS, batches_of, engine_on, flow

UNREADABLE = {
    "no JSON": b"\xff\xfe",
    "cut short": b'{"types":"Tick"',
    "an unknown command": b'{"types":"Bogus"}',
    "a missing field": b'{"types":"CancelOrder","user_id":"ann"}',
    "a wrong type": b'{"types":"Deposit","id":"d","user_id":"ann","amount":"5"}',
    "nested without end": b'{"types":"Tick","x":' + b"[" * 100_000,
    "half of a character": b'{"types":"Tick","correlation_id":"\\ud800"}',
}


@pytest.fixture
async def log() -> AsyncIterator[MemoryStream]:
    async with MemoryStream(clock=ManualClock(NOW_MS)) as stream:
        yield stream


@pytest.fixture
async def snapshots() -> AsyncIterator[MemorySnapshotStore]:
    async with MemorySnapshotStore() as store:
        yield store


@pytest.mark.parametrize("payload", UNREADABLE.values(), ids=UNREADABLE.keys())
async def test_an_unreadable_entry_is_put_aside_and_the_input_goes_on(
    payload: bytes, log: MemoryStream, snapshots: MemorySnapshotStore
) -> None:
    async with engine_on(log, snapshots) as engine:
        await engine.put([payload, *(encode_command(command) for command in flow(0, 40))])
        assert engine.service.dead_letters == 1
        digest = engine.service.engine.state_digest()
    straight = Engine()
    straight.handle_batch(flow(0, 40), NOW_MS)
    assert digest == straight.state_digest()


async def test_an_unreadable_entry_is_answered_when_it_says_who_asked(
    log: MemoryStream, snapshots: MemorySnapshotStore
) -> None:
    asked = json.dumps({"types": "CancelOrder", "correlation_id": "who-asked"}).encode()
    async with engine_on(log, snapshots) as engine:
        digest = engine.service.engine.state_digest()
        await engine.put([asked])
        assert engine.service.engine.state_digest() == digest
    answers = [
        document
        for _, batch in await batches_of(log)
        for document in processor_documents(batch)
        if isinstance(document, Answered)
    ]
    assert [(one.correlation_id, one.outcome) for one in answers] == [("who-asked", "MALFORMED")]


async def test_an_oversize_entry_is_answered_and_not_done(
    log: MemoryStream, snapshots: MemorySnapshotStore
) -> None:
    deposit = Deposit(id="d", user_id="ann", amount=5, correlation_id="who-asked")
    oversize = encode_command(deposit) + b" " * ENTRY_BYTES_MAX
    too_many = b"[%b]" % b",".join([encode_command(Tick())] * (1 + 10_000))
    async with engine_on(log, snapshots) as engine:
        await engine.put([oversize, too_many])
        assert engine.service.dead_letters == 2
        assert engine.state.deposited == 0
    facts = [fact for _, batch in await batches_of(log) for fact in batch.changes]
    answered = [fact for fact in facts if isinstance(fact, Remembered)]
    assert [(one.correlation_id, one.outcome) for one in answered] == [("who-asked", "MALFORMED")]


async def test_the_largest_entry_that_is_allowed_is_one_batch(
    log: MemoryStream, snapshots: MemorySnapshotStore
) -> None:
    deposits = [Deposit(id=str(number), user_id="ann", amount=1) for number in range(10_000)]
    payload = b"[%b]" % b",".join(encode_command(deposit) for deposit in deposits)
    async with engine_on(log, snapshots) as engine:
        await engine.put([payload])
        assert engine.state.deposited == 10_000
    assert len(await batches_of(log)) == 1


async def test_an_order_of_an_event_that_ends_is_cancelled_by_a_tick_of_the_engines_own(
    log: MemoryStream, snapshots: MemorySnapshotStore
) -> None:
    clock = ManualClock(NOW_MS)
    market = NewMarket(("yes", "no"))
    order = SubmitOrder(
        order_id="o",
        symbol=Symbol(1, 1, "yes"),
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        user_id="ann",
        quantity=100,
        price=5_000,
    )
    async with engine_on(log, snapshots, clock=clock) as engine:
        await engine.take(
            [
                AddOneEvent(event_id=1, markets={1: market}, end_date="2024-01-01T12:00:10Z"),
                Deposit(id="d", user_id="ann", amount=1_000_000),
                order,
            ]
        )
        assert engine.state.orders.keys() == {"o"}
        place = engine.service.place
        clock.move(9)
        await engine.take([Tick()])
        assert engine.state.orders.keys() == {"o"}
        clock.move(1)
        # Nobody sends anything now: the engine sees by its clock that something is due.
        place = engine.service.place
        async with asyncio.timeout(DEADLINE_S):
            while engine.state.orders:
                found = await Log(log).read(place, 10, DEADLINE_S)
                place = place._replace(
                    position=found[-1][0].id, number=found[-1][1].number, hash=found[-1][1].hash
                )
        (row,) = engine.state.balances["cash"].values()
        assert (row.available, row.frozen) == (1_000_000, 0)
        facts = [fact for _, batch in await batches_of(log) for fact in batch.changes]
        assert [fact.order_id for fact in facts if isinstance(fact, OrderCancelled)] == ["o"]


async def test_consumed_entries_of_a_memory_input_are_let_go(
    log: MemoryStream, snapshots: MemorySnapshotStore
) -> None:
    async with engine_on(log, snapshots) as engine:
        await engine.take(flow(0, 50))
        await engine.take([Tick()])
        bounds = await engine.order_input.bounds()
        assert bounds is not None
        assert bounds.first == bounds.last
        assert engine.service.positions[ORDER_INPUT] == bounds.last.id


async def test_an_entry_with_several_fields_is_put_aside_too(
    redis_server: RedisServer, log: MemoryStream, snapshots: MemorySnapshotStore, tmp_path: Path
) -> None:
    prefix = tmp_path.name.replace("[", "").replace("]", "")[-60:]
    url = f"redis://{redis_server.host}:{redis_server.port}/0?prefix={prefix}"
    connection = Redis(host=redis_server.host, port=redis_server.port, protocol=3)

    async def poison() -> None:
        await connection.xadd(f"{prefix}:{ORDER_INPUT}", {"types": "Tick", "other": "field"})

    async with connection, open_stream(url, ORDER_INPUT) as order_input:
        await poison()
        for start in (0, 10):
            # It stands first, between others, and last when the engine starts again.
            async with engine_on(log, snapshots, order_input=order_input) as engine:
                await engine.take(flow(start, start + 5))
                await poison()
                await engine.take(flow(start + 5, start + 10))
                assert engine.service.dead_letters == 2
            await poison()


async def test_what_is_put_aside_is_kept_with_its_place_and_reason(
    log: MemoryStream, snapshots: MemorySnapshotStore
) -> None:
    huge = b"[" + b" " * ENTRY_BYTES_MAX + b"]"
    payloads = [b'{"types":"Bogus"}', huge]
    async with (
        MemoryStream(clock=ManualClock(NOW_MS)) as letters,
        engine_on(log, snapshots, dead_letters=letters) as engine,
    ):
        for payload in payloads:
            await engine.put([payload])
        await engine.take(flow(0, 5))
        kept = [
            msgspec.json.decode(entry.payload, type=DeadLetter)
            for entry in await letters.read(START, 100)
        ]
        assert [one.payload for one in kept] == [one[:PAYLOAD_BYTES_MAX] for one in payloads]
        assert [one.size_bytes for one in kept] == [len(one) for one in payloads]
        assert {one.stream for one in kept} == {ORDER_INPUT}
        assert "Bogus" in kept[0].reason
        assert Position.parse(kept[0].position) < Position.parse(kept[1].position)
        await forget_old_letters(letters, NOW_MS + KEPT_MS + 1)
        assert len(await letters.read(START, 100)) == 1


async def test_a_batch_ends_with_the_entry_that_fills_it(
    log: MemoryStream, snapshots: MemorySnapshotStore
) -> None:
    sizes = [BATCH_COMMANDS_MAX - 1, 2, 1, 2 * BATCH_COMMANDS_MAX, 3]
    deposits = iter(range(sum(sizes)))
    entries = [
        b"[%b]"
        % b",".join(
            encode_command(Deposit(id=f"{next(deposits)}", user_id="ann", amount=1))
            for _ in range(size)
        )
        for size in sizes
    ]
    async with engine_on(log, snapshots) as engine:
        await engine.put(entries)
        taken = [
            sum(isinstance(change, Remembered) for change in batch.changes)
            for _, batch in await batches_of(log)
        ]
        assert taken == [BATCH_COMMANDS_MAX + 1, 1 + 2 * BATCH_COMMANDS_MAX, 3]
        assert engine.state.balances["cash"]["ann"].available == sum(sizes)
