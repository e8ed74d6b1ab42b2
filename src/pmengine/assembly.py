"""Settings -> running parts: the one file that says which services there are and who gets what."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from time import monotonic
from typing import Final

import attrs

from pmengine.commands import EVENT_INPUT, ORDER_INPUT
from pmengine.engine import Engine
from pmengine.exchange import Exchange, running
from pmengine.ids import new_id
from pmengine.projections import PROCESSOR_STREAM, WEBSOCKET_STREAM
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
            async with running(exchange, relay):
                yield exchange


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
