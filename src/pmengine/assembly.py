"""Settings -> running parts: the one file that says which services there are and who gets what."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from time import monotonic
from typing import Final

import attrs
import structlog

from pmengine.commands import EVENT_INPUT, ORDER_INPUT
from pmengine.engine import Engine
from pmengine.projections import PROCESSOR_STREAM, WEBSOCKET_STREAM
from pmengine.services.collector import spare_the_collector
from pmengine.services.dead_letters import DEAD_LETTERS
from pmengine.services.depth import DepthFeed, depths_of
from pmengine.services.engine import EngineService
from pmengine.services.events import (
    API_MQ_STREAM,
    CATALOGUE_STREAM,
    Announcer,
    EventDesk,
    Finisher,
    KeptCatalogue,
)
from pmengine.services.front import Front
from pmengine.services.history import History
from pmengine.services.history_ledger import Ledger
from pmengine.services.log import STORE_STREAM, Log, Place
from pmengine.services.recovery import CannotStart, Recovered, recover
from pmengine.services.relay import Relay
from pmengine.services.resuming import Resuming
from pmengine.services.room import Room
from pmengine.services.settlement import SETTLEMENT_STREAM, StreamSettlement, told_from
from pmengine.services.settler import Settler
from pmengine.services.store import StoreService
from pmengine.services.taking import TakesHere
from pmengine.services.user_feed import UserFeed
from pmengine.services.user_pictures import users_of
from pmengine.services.verifying import Guard, StoreComparison
from pmengine.settings import Settings
from pmengine.user_events import USER_EVENT_STREAM
from pmstore import (
    START,
    Consumers,
    Position,
    SelfTrade,
    State,
    Stores,
    Stream,
    open_consumers,
    open_stores,
    open_stream,
)
from pmstore.clock import system_clock

HISTORY_GATHERS_S: Final = 0.1
"""Stores are written so late at most; a question that needs them does not wait for that."""

_logger = structlog.get_logger("pmengine")


@attrs.define
class Exchange:
    """
    A whole exchange in one process, running.

    `failed` ends with the error of the first service that could not go on. `inputs` are the
    engine's input streams by name, `log` is what it writes. `guard` checks it, if asked for.
    """

    settings: Settings
    inputs: Mapping[str, Stream]
    log: Log
    recovered: Recovered
    engine: EngineService
    store: StoreService
    history: History
    front: Front
    depth: DepthFeed
    users: UserFeed
    events: EventDesk
    finisher: Finisher
    announcer: Announcer
    failed: asyncio.Future[None]
    guard: Guard | None = None
    settler: Settler | None = None
    ready: bool = True

    async def heads(self) -> Sequence[int]:
        """The number of the last entry of the log, of the one shard that this is."""
        return [await self.log.head_number()]

    def readiness(self) -> tuple[bool, str]:
        """Whether orders are taken, and why not."""
        if not self.ready:
            return False, "the exchange is stopping or a service failed"
        if self.engine.lack:
            return False, self.engine.lack
        return True, "orders are taken"


@asynccontextmanager
async def open_exchange(settings: Settings) -> AsyncIterator[Exchange]:
    """
    Recover, start every service, and stop them in order when left.

    What was acknowledged is in the log; leaving takes a last snapshot so that the next
    start is quick.

    Raises:
        pmstore.PmstoreError: A store cannot be opened.
        CannotStart: Snapshots, log and stores do not fit together.
    """
    async with open_stores(settings=settings.storage) as stores:
        log = Log(await stores.open_stream(STORE_STREAM))

        async def find(*, oldest: bool = False, beyond: int = 0) -> Recovered:
            return await recover(
                log,
                stores.snapshots,
                id_memory_s=settings.id_memory_s,
                now_ms=system_clock(),
                oldest=oldest,
                beyond=beyond,
            )

        recovered = await find()
        if recovered.adopted is not None:
            if settings.ledger and recovered.state.orders:
                raise CannotStart(
                    "the snapshot is foreign: it has orders and says nothing of the "
                    "money behind them. Start with ENGINE_LEDGER=off, or move it away"
                )
            await stores.snapshots.save(recovered.adopted)
        state = recovered.state
        folded = _copied(state, settings)
        watched = _copied(state, settings) if settings.verify != "off" else None
        consumed = state.input_position or {}
        order_start = consumed.get(ORDER_INPUT, START)
        event_start = consumed.get(EVENT_INPUT, START)
        # The input and the projections live in memory: nothing is acknowledged before its
        # facts are in the log, and everything that follows the log can be derived again.
        async with (
            open_stream(f"memory://?start={order_start}", ORDER_INPUT) as order_input,
            open_stream(f"memory://?start={event_start}", EVENT_INPUT) as event_input,
            open_stream("memory://", PROCESSOR_STREAM) as processor,
            open_stream("memory://", WEBSOCKET_STREAM) as websocket,
            open_stream("memory://", USER_EVENT_STREAM) as user_events,
            open_consumers("memory://", processor) as groups,
        ):
            inputs: dict[str, Stream] = {ORDER_INPUT: order_input, EVENT_INPUT: event_input}
            engine = EngineService(
                engine_of(settings, state),
                log,
                recovered,
                inputs=inputs,
                volatile_inputs=True,
                epoch=recovered.epoch + 1,
                tick_ms=settings.tick_ms,
                post_only_ms=settings.post_only_ms,
                clock=system_clock,
                room=Room({STORE_STREAM: log.stream}, settings.stream_bytes_max),
            )
            targets = {
                PROCESSOR_STREAM: processor,
                WEBSOCKET_STREAM: websocket,
                USER_EVENT_STREAM: user_events,
            }
            settling = None
            if settings.settlement:
                settling = await _open_settling(stores, log, processor, groups)
            relay = Relay(
                log,
                targets,
                recovered.place,
                starts={} if settling is None else {PROCESSOR_STREAM: settling.start},
                groups={} if settling is None else {PROCESSOR_STREAM: groups},
            )
            history = History(
                log,
                orders=stores.orders,
                trades=stores.trades,
                accounts=await stores.open_accounts(),
                events=await stores.open_events(),
                ledger=await _ledger(stores, settings),
                resuming=Resuming(
                    log,
                    stores.snapshots,
                    recovered,
                    oldest=lambda number: find(oldest=True, beyond=number),
                ),
                gather_s=HISTORY_GATHERS_S,
            )
            await history.prepare()
            store = StoreService(
                log,
                TakesHere(stores.snapshots),
                state=folded,
                place=recovered.place,
                interval_s=settings.snapshot_interval_s,
                keep=settings.snapshots_keep,
                consumers=lambda: [
                    relay.place.position,
                    history.needed_after,
                    *([] if settling is None else [settling.needed_after]),
                ],
                clock=system_clock,
                is_pressed=lambda: bool(engine.lack),
            )
            guard = None
            if watched is not None:
                guard = Guard(
                    settings.verify,
                    log,
                    state=watched,
                    place=recovered.place,
                    id_memory_s=settings.id_memory_s,
                    ledger=settings.ledger,
                    fee_account=settings.fee_account,
                    snapshots=stores.snapshots,
                    stores=StoreComparison(
                        log, history.orders, history.trades, history.accounts, history.events
                    ),
                    projections=targets,
                )
            catalogue = await stores.open_stream(CATALOGUE_STREAM)
            kept = KeptCatalogue(catalogue)
            await kept.look()
            front = Front(
                order_input=order_input,
                event_input=event_input,
                processor=processor,
                after=START,
                new_id=new_id,
                lack=lambda: engine.lack,
            )
            desk = EventDesk(kept, history.events, system_clock)
            exchange = Exchange(
                settings=settings,
                inputs=inputs,
                log=log,
                recovered=recovered,
                engine=engine,
                store=store,
                history=history,
                front=front,
                depth=DepthFeed(websocket, START, depths_of(engine.engine)),
                users=UserFeed(user_events, users_of(state)),
                events=desk,
                finisher=Finisher(
                    desk,
                    partial(front.send, timeout_s=settings.order_timeout_s, listing=True),
                    grace_s=settings.order_timeout_s,
                    now=monotonic,
                ),
                announcer=Announcer(catalogue, await stores.open_stream(API_MQ_STREAM)),
                failed=asyncio.get_running_loop().create_future(),
                guard=guard,
                settler=None if settling is None else settling.settler,
            )
            await engine.announce()  # before anybody else can send something
            async with _running(exchange, relay):
                yield exchange


@asynccontextmanager
async def _running(exchange: Exchange, relay: Relay) -> AsyncIterator[None]:
    """Every service as a task; the engine ends first, then those who follow it."""
    engine = _watched("engine", exchange.engine.run, exchange)
    followers = [
        _watched("relay", relay.run, exchange),
        _watched("front", exchange.front.run, exchange),
        _watched("depth", exchange.depth.run, exchange),
        _watched("users", exchange.users.run, exchange),
        _watched("history", exchange.history.run, exchange),
        _watched("store", exchange.store.run, exchange),
        _watched("events", exchange.finisher.run, exchange),
        _watched("announcer", exchange.announcer.run, exchange),
        _watched(
            "collector",
            lambda: spare_the_collector(exchange.settings.snapshot_interval_s),
            exchange,
        ),
    ]
    if exchange.settler is not None:
        followers.append(_watched("settlement", exchange.settler.run, exchange))
    if exchange.guard is not None:
        followers.append(_watched("guard", exchange.guard.run, exchange))
    try:
        yield
    finally:
        exchange.ready = False
        exchange.engine.stop()
        try:
            async with asyncio.timeout(exchange.settings.shutdown_timeout_s):
                await asyncio.gather(engine, return_exceptions=True)
                if not exchange.failed.done():
                    await exchange.history.reached(exchange.engine.place.number)
        except TimeoutError:
            _logger.warning("stop_timed_out", detail="what was acknowledged is in the log")
        for task in (engine, *followers):
            task.cancel()
        await asyncio.gather(engine, *followers, return_exceptions=True)
        if not exchange.failed.done():
            while await exchange.store.catch_up():
                pass
            await exchange.store.save()
        else:
            exchange.failed.exception()


@attrs.frozen
class _Settling:
    """Settlement in this process, and from where on the log it is told of trades."""

    settler: Settler
    start: Place

    @property
    def needed_after(self) -> Position:
        """What of the log it still needs: everything after this."""
        return (self.settler.place or self.start).position


async def _open_settling(
    stores: Stores, log: Log, processor: Stream, groups: Consumers
) -> _Settling:
    sink = StreamSettlement(await stores.open_stream(SETTLEMENT_STREAM))
    letters = await stores.open_stream(DEAD_LETTERS)
    settler = Settler(groups, processor, sink, letters, new_id())
    return _Settling(settler, await told_from(sink, log))


async def _ledger(stores: Stores, settings: Settings) -> Ledger | None:
    """Where money and tokens are kept, and the stores can say what moved them."""
    kept = await stores.open_ledger() if settings.ledger else None
    return None if kept is None else Ledger(kept, fee_account=settings.fee_account)


def _copied(state: State, settings: Settings) -> State:
    return State.restore(state.freeze(state.time_ms), id_memory_s=settings.id_memory_s)


def _watched(
    name: str, run: Callable[[], Awaitable[None]], exchange: Exchange
) -> asyncio.Task[None]:
    async def watch() -> None:
        try:
            await run()
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            exchange.ready = False
            _logger.error("service_failed", service=name, reason=f"{type(error).__name__}: {error}")
            if not exchange.failed.done():
                exchange.failed.set_exception(error)
            raise

    return asyncio.create_task(watch(), name=name)


def engine_of(settings: Settings, state: State) -> Engine:
    """An engine that goes on from *state*."""
    return Engine(
        shard=settings.shard,
        ledger=settings.ledger,
        id_memory_s=settings.id_memory_s,
        step_max=settings.step_max,
        self_trade=SelfTrade(settings.self_trade),
        open_orders_max=settings.open_orders_max,
        groups_max=settings.groups_max,
        sessions_max=settings.sessions_max,
        fee_account=settings.fee_account,
        snapshot=state.freeze(state.time_ms),
    )


def new_id() -> str:
    """A UUID of version 7: its first 48 bits are the time, so that ids sort by age."""
    random = int.from_bytes(os.urandom(10), "big")
    high = (system_clock() & (2**48 - 1)) << 16 | 0x7000 | random >> 68
    low = 0x8000_0000_0000_0000 | random & (2**62 - 1)
    text = f"{high << 64 | low:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
