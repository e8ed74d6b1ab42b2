"""Divides the data of a stopped deployment into another number of shards."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Final

import attrs
import structlog

from pmengine.commands import Tick
from pmengine.processes.deployment import Deployment
from pmengine.processes.layout import Layout, ShardToRead, shards_to_read, write_layout
from pmengine.processes.service import end
from pmengine.processes.sharing import require_shared_stores, require_shared_streams
from pmengine.projections import PROCESSOR_STREAM, decode_batch_told
from pmengine.services.dividing import CannotDivide, divide
from pmengine.services.history_stores import HistoryStores
from pmengine.services.inputs import read_commands, read_input
from pmengine.services.log import STORE_STREAM
from pmengine.services.recovery import Recovered
from pmengine.services.shown_history import HistoryStacks
from pmengine.settings import Settings
from pmstore import (
    EMPTY,
    START,
    Lease,
    Position,
    Restored,
    Snapshot,
    StoreUnavailable,
    open_snapshot_store,
    open_stores_to_read,
    open_stream,
)
from pmstore.codec import encode_batch, encode_changes

READ_ENTRIES_MAX: Final = 64
LEASE_S: Final = 30.0
"""For how long nobody else leads if this dies; renewed all along."""
RENEW_S: Final = 5.0

_logger = structlog.get_logger("pmengine.resharding")


@attrs.frozen(kw_only=True)
class Divided:
    """What was, or would be, on each shard, by its number: events, open orders, cash in micros."""

    layout: Layout
    events: list[int]
    orders: list[int]
    is_done: bool


@attrs.frozen
class _Held:
    """A shard as it is, with the lease that keeps others from leading it."""

    deployment: Deployment
    lease: Lease
    epoch: int
    recovered: Recovered

    @property
    def lease_name(self) -> str:
        return f"engine-{self.deployment.shard}"


async def reshard(
    settings: Settings, shards: int, *, really: bool, told: Callable[[str], None]
) -> Divided:
    """
    Divide the data that *settings* name into *shards* shards; only look unless *really*.

    Every log is closed with an entry that changes nothing, so that nobody who led before writes
    any more. The new shards begin in places of their own with what the old ones ended with,
    and only then the data counts as theirs: what fails before leaves everything as it was, and
    the places that were stay as they are.

    Args:
        told: Called with each step in words.

    Raises:
        CannotDivide: Something runs, is behind or is left over; says what can be done.
        SettingsError: The data is not that of `ENGINE_SHARDS` shards, or cannot be divided.
        CannotStart, CorruptData, StoreUnavailable: From logs, snapshots, stores.
    """
    require_shared_streams(settings.storage)
    require_shared_stores(settings.storage)
    if shards == settings.shards:
        raise CannotDivide(f"the data is that of {shards} shards already")
    places = await shards_to_read(settings)
    async with AsyncExitStack() as closing:
        first = Deployment(attrs.evolve(settings, shard=0), closing)
        layout = await first.layout()
        held = []
        for shard, place in enumerate(places):
            one = await _hold(first.of_shard(shard), closing)
            await _check_relay(one)
            await _check_history(one, place)
            told(f"shard {shard} stands still at entry {one.recovered.place.number} of its log")
            held.append(one)
        for one in held:  # last: relays of the others send to it
            await _check_inputs(one)
        if really:
            held = [await _close(one) for one in held]
        snapshots = [one.recovered.state.freeze(one.recovered.state.time_ms) for one in held]
        # In a thread: the leases are renewed meanwhile.
        made = await asyncio.to_thread(divide, snapshots, shards, ledger=settings.ledger)
        after = await _free_layout(settings, layout, shards)
        if really:
            for shard, snapshot in enumerate(made):
                await _begin(settings, after, shard, snapshot)
                told(f"shard {shard} of {shards} begins after entry {snapshot.number}")
            for one in held:
                if not await one.lease.renew(one.lease_name, one.epoch, LEASE_S):
                    raise CannotDivide("it took too long, and another engine may lead by now")
            await write_layout(settings, layout, after)
        return Divided(
            layout=after,
            events=[len(one.events) for one in made],
            orders=[len(one.orders) for one in made],
            is_done=really,
        )


async def _hold(deployment: Deployment, closing: AsyncExitStack) -> _Held:
    """Keep others from leading a shard, and find how it is."""
    shard, lease = deployment.shard, await deployment.lease()
    name = f"engine-{shard}"
    epoch = await lease.acquire(name, LEASE_S)
    if epoch is None:
        raise CannotDivide(f"an engine leads shard {shard}: stop every service first")
    closing.push_async_callback(lease.release, name, epoch)
    renewing = asyncio.create_task(_renew(lease, name, epoch))
    closing.push_async_callback(end, [renewing])
    recovered = await deployment.recover()
    if recovered.lost_tail or recovered.adopted is not None:
        raise CannotDivide(
            f"shard {shard} must be started once before it can be divided: its snapshot is "
            "beyond its log"
        )
    return _Held(deployment, lease, epoch, recovered)


async def _renew(lease: Lease, name: str, epoch: int) -> None:
    """Hold on to a lease; whether it was held all along is asked before the last step."""
    while True:
        await asyncio.sleep(RENEW_S)
        try:
            await lease.renew(name, epoch, LEASE_S)
        except StoreUnavailable as error:
            _logger.warning("lease_not_renewed", lease=name, reason=str(error))


async def _check_inputs(one: _Held) -> None:
    """See that everything that was sent was taken."""
    consumed = one.recovered.state.input_position or {}
    for name, stream in (await one.deployment.inputs()).items():
        position = consumed.get(name, START)
        bounds = await stream.bounds()
        while bounds is not None and position < bounds.last.id:
            for entry in await read_input(stream, position):
                position = entry.id
                if not _is_nothing(entry.payload):
                    raise CannotDivide(
                        f"commands wait on {name} of shard {one.deployment.shard} behind "
                        f"{position}: stop the gateways, and start the engine until it has taken "
                        "them"
                    )


async def _check_relay(one: _Held) -> None:
    """See that everything was told, and every move of cash to another shard sent on."""
    bounds = await (await one.deployment.stream(PROCESSOR_STREAM)).bounds()
    position = START
    if bounds is not None:
        told = decode_batch_told(bounds.last.payload, PROCESSOR_STREAM)
        position = Position.parse(told.position)
    if await _changed_after(one, position):
        raise CannotDivide(
            f"the relay of shard {one.deployment.shard} has not told of all of its log: start it "
            "until `pmengine status` shows a lag of 0"
        )


async def _changed_after(one: _Held, position: Position) -> bool:
    """Whether the log says something behind *position*; an entry that closed it does not."""
    log = await one.deployment.log()
    while entries := await log.stream.read(position, READ_ENTRIES_MAX):
        if any(log.decode(entry).changes for entry in entries):
            return True
        position = entries[-1].id
    return False


def _is_nothing(payload: bytes) -> bool:
    """Whether an input entry only says that time has passed."""
    try:
        return all(isinstance(command, Tick) for command in read_commands(payload))
    except ValueError:
        return False


async def _check_history(one: _Held, place: ShardToRead) -> None:
    """See that the stores have had the log to its end: nobody will read it any more."""
    async with open_stores_to_read(settings=place.storage) as stores:
        orders, trades, accounts, events = (
            stores.orders,
            stores.trades,
            stores.accounts,
            stores.events,
        )
        positions: list[Position] = []
        if orders and trades and accounts and events:
            shared = HistoryStacks(orders=orders, trades=trades, accounts=accounts, events=events)
            own = place.ownership.stacks(shared)
            standing = await HistoryStores(
                own.orders, own.trades, own.accounts, own.events
            ).standing()
            positions = list(standing.positions)
    if await _changed_after(one, min(positions, default=START)):
        raise CannotDivide(
            f"the stores have not had all of the log of shard {one.deployment.shard}: start its "
            "history until `pmengine status` shows a lag of 0"
        )


async def _close(one: _Held) -> _Held:
    """Write what changes nothing, so that no older epoch writes any more."""
    recovered, state = one.recovered, one.recovered.state
    log = (await one.deployment.log()).stream
    number = recovered.place.number + 1
    consumed = dict(state.input_position or {})
    payload, own_hash = encode_batch(
        number, one.epoch, state.time_ms, recovered.place.hash, consumed, encode_changes(())
    )
    position = await log.append([payload], expect_head=recovered.head, epoch=one.epoch)
    state.stand_at(position, number, own_hash, consumed, state.time_ms)
    _logger.info("log_closed", shard=one.deployment.shard, number=number)
    return one


async def _free_layout(settings: Settings, before: Layout, shards: int) -> Layout:
    """The next layout in whose places there is nothing, not even from a try that failed."""
    generation = before.generation
    while True:
        generation += 1
        layout = Layout(generation=generation, shards=shards)
        for shard in range(shards):
            storage = layout.storage(settings.storage, shard)
            async with (
                open_stream(storage.streams, STORE_STREAM, pins=storage.pins) as log,
                open_snapshot_store(storage.snapshots, pins=storage.pins) as snapshots,
            ):
                if await log.bounds() is not None or await snapshots.list():
                    break
        else:
            return layout


async def _begin(settings: Settings, layout: Layout, shard: int, snapshot: Snapshot) -> None:
    """Let a shard have *snapshot*, and its log go on above it."""
    storage = layout.storage(settings.storage, shard)
    async with (
        open_stream(storage.streams, STORE_STREAM, pins=storage.pins) as log,
        open_snapshot_store(storage.snapshots, pins=storage.pins) as snapshots,
    ):
        await snapshots.save(snapshot)
        payload, _ = encode_batch(
            snapshot.number + 1,
            0,
            snapshot.time_ms,
            snapshot.hash,
            dict(snapshot.input_position or {}),
            encode_changes([Restored(snapshot.number, snapshot.hash)]),
        )
        await log.append([payload], expect_head=EMPTY)
