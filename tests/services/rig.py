"""An engine service on streams of the test's choice, with a clock that stands still."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import attrs

from pmengine.commands import EVENT_INPUT, ORDER_INPUT, Command, encode_command
from pmengine.engine import ID_MEMORY_S, Engine
from pmengine.sample import sample_command, sample_setup
from pmengine.services.engine import EngineService
from pmengine.services.log import Log, WrittenLog
from pmengine.services.recovery import Recovered, recover
from pmengine.services.resuming import Resuming
from pmengine.services.room import Room
from pmengine.services.store import StoreService
from pmengine.services.taking import TakesHere
from pmstore import START, Batch, Entry, Position, SnapshotStore, State, Stream
from pmstore.backends.memory import MemoryStream
from pmstore.testing import ManualClock
from pmstore.written import WrittenState

NOW_MS = 1_704_110_400_000
DEADLINE_S = 60.0


@attrs.define
class Running:
    """A running engine service and what it reads and writes."""

    service: EngineService
    log: Log
    order_input: Stream
    event_input: Stream
    task: asyncio.Task[None]

    @property
    def state(self) -> State:
        """The engine's state."""
        return self.service.engine.state

    async def put(self, payloads: Sequence[bytes]) -> None:
        """Put *payloads* on the orders' input together, and wait until the log has them."""
        last = await self.order_input.append(payloads)
        await self.consumed(ORDER_INPUT, last)

    async def take(self, commands: Sequence[Command]) -> None:
        """`put` for commands, an entry each."""
        await self.put([encode_command(command) for command in commands])

    async def consumed(self, name: str, last: Position) -> None:
        """Wait until a batch on the log says that the input *name* is consumed through *last*."""
        async with asyncio.timeout(DEADLINE_S):
            while (self.service.positions).get(name, START) < last:
                reading = asyncio.create_task(
                    self.log.stream.read(self.service.place.position, 1, DEADLINE_S)
                )
                await asyncio.wait({reading, self.task}, return_when=asyncio.FIRST_COMPLETED)
                if self.task.done():
                    reading.cancel()
                    self.task.result()
                    raise AssertionError("the engine ended")
                await asyncio.sleep(0)

    async def failure(self) -> BaseException | None:
        """What ended the service."""
        async with asyncio.timeout(DEADLINE_S):
            await asyncio.wait({self.task})
        return self.task.exception()


@asynccontextmanager
async def engine_on(
    stream: Stream,
    snapshots: SnapshotStore,
    *,
    clock: ManualClock | None = None,
    recovered: Recovered | None = None,
    order_input: Stream | None = None,
    epoch: int | None = None,
    ledger: bool = True,
    dead_letters: Stream | None = None,
    post_only_ms: int = 0,
    room: Room | None = None,
) -> AsyncIterator[Running]:
    """
    An engine service on the log *stream*, recovered from it; stopped gracefully when left.

    Args:
        recovered: Instead of what the log and *snapshots* say now.
        order_input: A durable input; without one it is memory and begins where the log says.
        epoch: Instead of the one after the last.
        dead_letters: Where what cannot be read is put.
        room: Bounds the streams that it measures.
    """
    clock = clock or ManualClock(NOW_MS)
    log = Log(stream)
    found = recovered or await recover_on(stream, snapshots, clock=clock)
    consumed = found.state.input_position or {}
    async with AsyncExitStack() as opened:
        volatile = order_input is None
        if order_input is None:
            order_input = await opened.enter_async_context(
                MemoryStream(start=consumed.get(ORDER_INPUT, START), clock=clock)
            )
        event_input = await opened.enter_async_context(
            MemoryStream(start=consumed.get(EVENT_INPUT, START), clock=clock)
        )
        service = EngineService(
            Engine(snapshot=found.state.freeze(0), ledger=ledger),
            log,
            found,
            inputs={ORDER_INPUT: order_input, EVENT_INPUT: event_input},
            volatile_inputs=volatile,
            epoch=found.epoch + 1 if epoch is None else epoch,
            tick_ms=1,
            clock=clock,
            dead_letters=dead_letters,
            post_only_ms=post_only_ms,
            room=room,
        )
        task = asyncio.create_task(service.run())
        try:
            yield Running(service, log, order_input, event_input, task)
        finally:
            service.stop()
            await asyncio.gather(task, return_exceptions=True)


async def recover_on(
    stream: Stream,
    snapshots: SnapshotStore,
    *,
    clock: ManualClock | None = None,
    oldest: bool = False,
    beyond: int = 0,
) -> Recovered:
    """What `recover` finds, read with nothing cached."""
    now_ms = (clock or ManualClock(NOW_MS))()
    return await recover(
        Log(stream),
        snapshots,
        id_memory_s=ID_MEMORY_S,
        now_ms=now_ms,
        oldest=oldest,
        beyond=beyond,
    )


async def resuming_on(stream: Stream, snapshots: SnapshotStore) -> Resuming:
    """Where a history on the log *stream* goes on, as the log and *snapshots* say now."""
    return Resuming(
        Log(stream),
        snapshots,
        await recover_on(stream, snapshots),
        oldest=lambda number: recover_on(stream, snapshots, oldest=True, beyond=number),
    )


def store_on(
    stream: Stream,
    snapshots: SnapshotStore,
    found: Recovered,
    *,
    clock: ManualClock | None = None,
    slowest: Callable[[], Position] | None = None,
    inputs: Mapping[str, Stream] | None = None,
) -> StoreService:
    """A store service that goes on from *found*; *slowest* says how far a consumer is."""
    return StoreService(
        WrittenLog(stream),
        TakesHere(snapshots),
        state=WrittenState.restore(found.state.freeze(NOW_MS), id_memory_s=ID_MEMORY_S),
        place=found.place,
        interval_s=5.0,
        keep=2,
        consumers=lambda: [] if slowest is None else [slowest()],
        clock=clock or ManualClock(NOW_MS),
        inputs=inputs,
    )


def flow(start: int, end: int) -> list[Command]:
    """Commands *start* to *end* of the sample flow; the first of all also list and pay in."""
    commands = [sample_command(index) for index in range(start, end)]
    return [*sample_setup(), *commands] if start == 0 else commands


async def batches_of(stream: Stream) -> list[tuple[Entry, Batch]]:
    """Every entry of the log."""
    log = Log(stream)
    return [(entry, log.decode(entry)) for entry in await stream.read(START, 100_000)]
