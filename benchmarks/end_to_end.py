"""One process, from JSON on the input stream to facts on a log that fsync made durable."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.measuring import Advance, Figure, Run, Stopwatch, rate
from benchmarks.tapes import USERS, Tape, commands_of, make_tape, opening_commands
from pmengine.assembly import open_exchange
from pmengine.commands import EVENT_INPUT, ORDER_INPUT, Command, encode_command
from pmengine.engine import ID_MEMORY_S, Engine
from pmengine.services.engine import EngineService
from pmengine.services.log import STORE_STREAM, Log
from pmengine.services.recovery import recover
from pmengine.settings import Settings
from pmstore import START, Stream, open_snapshot_store, open_stream
from pmstore.clock import system_clock
from pmstore.settings import StorageSettings

ORDERS_TARGET: Final = 60_000
RESTING: Final = 10_000
FEED: Final = 500
"""Commands that are put on the input together, an entry each."""


def measure(count: int, repeats: int, advance: Advance) -> list[Figure]:
    """The engine service alone on the mix and on orders only, then all services, in turn."""
    resting = min(RESTING, count)
    mix = make_tape(count, resting=resting, owners=USERS)
    orders = make_tape(count, resting=resting, owners=USERS, cancels=False)
    alone_mix, alone_orders = Stopwatch(), Stopwatch()
    durable, caught_up = Stopwatch(), Stopwatch()
    for _ in range(repeats):
        for tape, watch in ((mix, alone_mix), (orders, alone_orders)):
            asyncio.run(_engine_alone(tape, watch))
            advance()
        asyncio.run(_all_services(orders, durable, caught_up))
        advance()
    rests = f"{orders.resting} orders rest"
    return [
        rate(
            "engine service, orders",
            alone_orders.runs,
            target=ORDERS_TARGET,
            unit="orders/s",
            detail=f"JSON in, durable facts out; half rest, half trade; fsync always; {rests}",
        ),
        rate(
            "engine service, mix",
            alone_mix.runs,
            target=ORDERS_TARGET,
            unit="commands/s",
            detail="orders and cancels",
        ),
        rate(
            "all services, durable",
            durable.runs,
            target=ORDERS_TARGET,
            unit="orders/s",
            detail="until durable; relay, answers, depth, history and snapshots run beside it",
        ),
        rate(
            "all services, in history",
            caught_up.runs,
            unit="orders/s",
            detail="what can go on for hours",
        ),
    ]


def entries_of(commands: Sequence[Command]) -> list[bytes]:
    """What a gateway would put on the input for *commands*."""
    return [encode_command(command) for command in commands]


async def feed_durably(
    order_input: Stream, log: Stream, engine: EngineService, entries: Sequence[bytes]
) -> None:
    """Put *entries* on the input and wait until the log holds what came of them."""
    last = START
    for start in range(0, len(entries), FEED):
        last = await order_input.append(entries[start : start + FEED])
        await asyncio.sleep(0)
    while engine.positions[ORDER_INPUT] < last:
        bounds = await log.bounds()
        if engine.positions[ORDER_INPUT] < last:
            await log.read(START if bounds is None else bounds.last.id, 1, 0.05)
            await asyncio.sleep(0)


@asynccontextmanager
async def engine_alone(folder: Path) -> AsyncIterator[tuple[Stream, Stream, EngineService]]:
    """An engine service on the stores in *folder* with nothing beside it; its input and log."""
    async with (
        open_stream(f"file:{folder}/streams", STORE_STREAM) as stream,
        open_snapshot_store(f"file:{folder}/store") as snapshots,
    ):
        log = Log(stream)
        recovered = await recover(log, snapshots, id_memory_s=ID_MEMORY_S, now_ms=0)
        start = (recovered.state.input_position or {}).get(ORDER_INPUT, START)
        async with (
            open_stream(f"memory://?start={start}", ORDER_INPUT) as order_input,
            open_stream("memory://", EVENT_INPUT) as event_input,
        ):
            service = EngineService(
                Engine(snapshot=recovered.state.freeze(0)),
                log,
                recovered,
                inputs={ORDER_INPUT: order_input, EVENT_INPUT: event_input},
                volatile_inputs=True,
                epoch=recovered.epoch + 1,
                tick_ms=100,
                clock=system_clock,
            )
            running = asyncio.create_task(service.run())
            try:
                yield order_input, stream, service
            finally:
                service.stop()
                await running


async def _engine_alone(tape: Tape, watch: Stopwatch) -> None:
    before, measured = commands_of(tape)
    first, entries = entries_of([*opening_commands(), *before]), entries_of(measured)
    with TemporaryDirectory() as folder:
        async with engine_alone(Path(folder)) as (order_input, log, service):
            await feed_durably(order_input, log, service, first)
            with watch.work(len(entries)):
                await feed_durably(order_input, log, service, entries)


async def _all_services(tape: Tape, durable: Stopwatch, caught_up: Stopwatch) -> None:
    before, measured = commands_of(tape)
    first, entries = entries_of([*opening_commands(), *before]), entries_of(measured)
    with TemporaryDirectory() as folder:
        settings = Settings(storage=StorageSettings(data_dir=Path(folder)))
        async with open_exchange(settings) as exchange:
            order_input = exchange.inputs[ORDER_INPUT]
            log, engine = exchange.log.stream, exchange.engine
            await feed_durably(order_input, log, engine, first)
            await exchange.history.reached(exchange.engine.place.number)
            with caught_up.work(len(entries)) as elapsed_s:
                await feed_durably(order_input, log, engine, entries)
                durable_s = elapsed_s()
                await exchange.history.reached(exchange.engine.place.number)
            bare_loop_ns = caught_up.runs[-1].bare_loop_ns
            durable.runs.append(Run(len(entries), durable_s, bare_loop_ns))
