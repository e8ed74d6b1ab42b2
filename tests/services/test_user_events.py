"""What users are told of the log: every change of theirs once, numbered without gaps."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from pmengine.commands import Command
from pmengine.engine import Engine
from pmengine.projections import (
    WEBSOCKET_STREAM,
    decode_user_entry,
    encode_user_entry,
)
from pmengine.services.log import STORE_STREAM, Log
from pmengine.services.relay import Relay
from pmengine.user_events import (
    USER_EVENT_STREAM,
    OpenOrderCancelled,
    OpenOrderCreated,
    OpenOrderFilled,
    OpenOrderUpdated,
    PositionChanged,
    UserDocument,
    user_documents,
)
from pmstore import START, Batch, CorruptData, Position, SelfTrade, Stream, open_stream
from pmstore.backends.memory import MemorySnapshotStore
from pmstore.codec import GENESIS_HASH, decode_changes, decode_order
from pmstore.testing.servers import RedisServer
from tests.engine.listings import START_MS, opening
from tests.engine.tapes import Tape
from tests.services.fleet import Fleet, over_redis
from tests.services.rig import DEADLINE_S, Running, batches_of, engine_on, flow

COMMANDS = 600


def batch_of(engine: Engine, commands: Sequence[Command], time_ms: int) -> Batch:
    return Batch(
        number=1,
        epoch=1,
        time=time_ms,
        prev_hash=GENESIS_HASH,
        hash=GENESIS_HASH,
        input={},
        changes=decode_changes(engine.handle_batch(commands, time_ms), "facts"),
    )


class Followed:
    """What the documents add up to, for every user; each must go on where the one before was."""

    def __init__(self) -> None:
        self.update_ids: dict[str, int] = {}
        self.orders: dict[str, int] = {}
        self.holdings: dict[tuple[str, str], tuple[int, int]] = {}
        self.count = 0

    def take(self, documents: Sequence[UserDocument]) -> None:
        for one in documents:
            assert one.update_id == self.update_ids.get(one.user_id, 0) + 1, one
            self.update_ids[one.user_id] = one.update_id
            self.count += 1
            if isinstance(one, OpenOrderCreated | OpenOrderUpdated):
                order = decode_order(one.order, "test")
                assert (order.id, order.user_id) == (one.order_id, one.user_id)
                assert order.version == one.update_id
                self.orders[order.id] = order.remaining_quantity
            elif isinstance(one, OpenOrderFilled | OpenOrderCancelled):
                del self.orders[one.order_id]
            else:
                assert isinstance(one, PositionChanged)
                self.holdings.pop((one.user_id, one.asset), None)
                if one.available or one.frozen:
                    self.holdings[one.user_id, one.asset] = (one.available, one.frozen)

    def assert_is(self, engine: Engine) -> None:
        """The documents add up to what the engine has."""
        state = engine.snapshot(0)
        assert self.update_ids == dict(state.user_update_ids)
        assert self.orders == {order.id: order.remaining_quantity for order in state.orders}
        held = {(row.user_id, row.asset): (row.available, row.frozen) for row in state.balances}
        assert self.holdings == {key: row for key, row in held.items() if any(row)}


@pytest.mark.parametrize(
    "options",
    [{}, {"step_max": 2}, {"self_trade": SelfTrade.CANCEL_MAKER, "step_max": 1}],
    ids=["plain", "small steps", "cancel maker"],
)
def test_the_numbers_of_a_user_have_no_gap_and_the_documents_add_up_to_the_state(
    options: dict[str, object],
) -> None:
    engine = Engine(**options)  # type: ignore[arg-type]
    followed = Followed()
    followed.take(user_documents(batch_of(engine, opening(exclusive=True), START_MS)))
    for command, time_ms in Tape(5, exclusive=True).run(COMMANDS):
        batch = batch_of(engine, [command], time_ms)
        payload = encode_user_entry(Position(7, 1), batch)
        told, documents = decode_user_entry(payload)
        assert (told.number, told.position, told.hash) == (1, "7-1", GENESIS_HASH)
        assert documents == user_documents(batch)
        followed.take(documents)
    followed.assert_is(engine)
    assert followed.count > COMMANDS


def test_what_is_no_entry_for_users_is_said_with_the_stream() -> None:
    with pytest.raises(CorruptData, match=USER_EVENT_STREAM):
        decode_user_entry(b'[{"types":"OpenOrderCreated"}]')


@asynccontextmanager
async def streams(folder: Path) -> AsyncIterator[tuple[Stream, dict[str, Stream]]]:
    """A log and its targets in files."""
    async with AsyncExitStack() as opened:
        enter = opened.enter_async_context
        log = await enter(open_stream(f"file:{folder}", STORE_STREAM))
        names = (USER_EVENT_STREAM, WEBSOCKET_STREAM)
        yield log, {name: await enter(open_stream(f"file:{folder}", name)) for name in names}


async def test_a_processor_that_dies_anywhere_loses_and_doubles_nothing_on_files(
    tmp_path: Path,
) -> None:
    written = 0
    while written < 60:
        async with (
            MemorySnapshotStore() as snapshots,
            streams(tmp_path) as (log, targets),
            engine_on(log, snapshots) as engine,
        ):
            relay = asyncio.create_task(Relay(Log(log), targets).run())
            for index in range(written, written + 12):
                await engine.take(flow(index, index + 1))
            written += 12
            relay.cancel()  # wherever it is: between two targets, within an append
            await asyncio.gather(relay, return_exceptions=True)
    async with streams(tmp_path) as (log, targets):
        relay = asyncio.create_task(Relay(Log(log), targets).run())
        await caught_up(log, targets[USER_EVENT_STREAM])
        relay.cancel()
        await asyncio.gather(relay, return_exceptions=True)
        await assert_told(log, targets[USER_EVENT_STREAM])


async def caught_up(log: Stream, told: Stream) -> None:
    """Wait until users are told of the last entry of the log."""
    bounds = await log.bounds()
    assert bounds is not None
    async with asyncio.timeout(2 * DEADLINE_S):
        while True:
            end = await told.bounds()
            if end is not None:
                batch, _ = decode_user_entry(end.last.payload)
                if Position.parse(batch.position) >= bounds.last.id:
                    return
            await asyncio.sleep(0.01)


async def assert_told(log: Stream, told: Stream) -> None:
    """One entry for each entry of the log, in order, and no user misses or hears twice."""
    followed = Followed()
    numbers = []
    for entry in await told.read(START, 100_000):
        batch, documents = decode_user_entry(entry.payload)
        numbers.append((batch.number, Position.parse(batch.position)))
        followed.take(documents)
    assert numbers == [(batch.number, entry.id) for entry, batch in await batches_of(log)]
    assert followed.count > 100


@pytest.mark.crash
@pytest.mark.slow
async def test_killed_processors_lose_and_double_nothing_on_redis(tmp_path: Path) -> None:
    with RedisServer(tmp_path / "redis") as server:
        environ = over_redis(server.host, server.port, STORE_SNAPSHOT_INTERVAL_SECONDS="60")
        place = f"redis://{server.host}:{server.port}"
        async with Fleet(tmp_path / "fleet", environ) as fleet, AsyncExitStack() as opened:
            names = (STORE_STREAM, USER_EVENT_STREAM)
            log, told = [
                await opened.enter_async_context(open_stream(place, name)) for name in names
            ]
            snapshots = await opened.enter_async_context(MemorySnapshotStore())
            running = await opened.enter_async_context(engine_on(log, snapshots))
            beside = await fleet.run("processor")
            await beside.ready()
            for start in range(0, 400, 100):
                processor = await fleet.run("processor")
                await processor.ready()
                writing = asyncio.create_task(write(running, start, start + 100))
                await asyncio.sleep(0.02)
                await processor.kill()
                await writing
            await beside.kill()
            await write(running, 400, 420)
            last = await fleet.run("processor")
            await caught_up(log, told)
            await assert_told(log, told)
            await last.until("processor", lag=0)
            await last.stop()


async def write(engine: Running, start: int, end: int) -> None:
    for index in range(start, end):
        await engine.take(flow(index, index + 1))
