"""The store service of another engine: what its changes add up to, and what of them stays."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import pytest

from pmengine.commands import Tick
from pmengine.engine import ID_MEMORY_S
from pmengine.services.foreign_log import ForeignLog, recover_foreign
from pmengine.services.foreign_state import ForeignState
from pmengine.services.recovery import CannotStart
from pmengine.services.store import StoreService
from pmengine.services.taking import TakesHere
from pmstore import CorruptData, Position, Snapshot, SnapshotStore, Stream
from pmstore.backends.file import FileSnapshotStore
from pmstore.backends.memory import MemoryConsumers, MemorySnapshotStore, MemoryStream
from pmstore.testing import ManualClock
from tests.codec.examples import SOURCE_SNAPSHOT
from tests.services.rig import NOW_MS, engine_on, recover_on

MARKET = {"id": 1, "outcomes": ["Yes", "No"], "token_ids": ["token_yes", "token_no"]}
EVENT: dict[str, Any] = {"EventAdded": {"event_id": 1, "markets": {"1": MARKET}, "end_date": None}}


def order(number: int, **other: Any) -> dict[str, Any]:
    """An order as the source's documents print it."""
    return {
        "id": f"order_{number}",
        "symbol": {"event_id": 1, "market_id": 1, "token_id": "token_yes"},
        "side": "Buy",
        "order_type": "Limit",
        "quantity": 100,
        "price": 5000,
        "status": "New",
        "filled_quantity": 0,
        "remaining_quantity": 100,
        "timestamp": NOW_MS,
        "user_id": "user_456",
        "order_num": number,
    } | other


def created(number: int, **other: Any) -> dict[str, Any]:
    return {"OrderCreated": order(number, **other)}


def ended(kind: str, number: int) -> dict[str, Any]:
    return {kind: {"order_id": f"order_{number}", "symbol": order(number)["symbol"]}}


@attrs.define
class Beside:
    """Another engine's stream, and the store service beside it."""

    stream: Stream
    letters: Stream
    snapshots: SnapshotStore
    store: StoreService
    state: ForeignState
    log: ForeignLog

    async def say(self, *documents: Any) -> Position:
        """What the other engine writes, an entry each; the service folds it."""
        items = [one if isinstance(one, bytes) else json.dumps(one).encode() for one in documents]
        position = await self.stream.append(items)
        while await self.store.catch_up():
            pass
        return position

    def shown(self) -> Snapshot:
        """What a snapshot would say now."""
        return self.state.freeze(NOW_MS)

    def orders(self) -> dict[str, int]:
        """What remains of each open order."""
        return {one.id: one.remaining_quantity for one in self.shown().orders}


async def _nobody() -> Mapping[str, Position]:
    return {}


async def beside(
    stream: Stream,
    snapshots: SnapshotStore,
    *,
    letters: Stream | None = None,
    groups: Callable[[], Awaitable[Mapping[str, Position]]] = _nobody,
    now_ms: int = NOW_MS,
) -> Beside:
    """The service as it starts now."""
    state, place = await recover_foreign(stream, snapshots, id_memory_s=ID_MEMORY_S, now_ms=now_ms)
    log = ForeignLog(stream, letters, groups)
    store = StoreService(
        log,
        TakesHere(snapshots),
        state=state,
        place=place,
        interval_s=5.0,
        keep=2,
        consumers=tuple,
        clock=ManualClock(now_ms),
        read_entries_max=3,
    )
    return Beside(stream, letters or stream, snapshots, store, state, log)


@asynccontextmanager
async def fresh(*, puts_aside: bool = False) -> AsyncIterator[Beside]:
    """A service on a stream that nobody wrote to yet."""
    async with (
        MemoryStream() as stream,
        MemoryStream() as letters,
        MemorySnapshotStore() as snapshots,
    ):
        yield await beside(stream, snapshots, letters=letters if puts_aside else None)


async def positions_of(stream: Stream) -> list[Position]:
    return [entry.id for entry in await stream.read(Position(0, 0), 100)]


async def test_changes_one_by_one_and_in_arrays_add_up_to_the_open_orders() -> None:
    async with fresh() as one:
        await one.say(EVENT, created(1), [created(2), created(3)], created(4))
        assert one.orders() == {f"order_{n}": 100 for n in (1, 2, 3, 4)}
        filled = order(1, status="PartiallyFilled", filled_quantity=30, remaining_quantity=70)
        await one.say(
            {"OrderUpdated": filled},
            [ended("OrderFilled", 2), ended("OrderCancelled", 3)],
            {"OrderUpdated": order(4, status="Cancelled")},
            {"MarketUpdateId": {"event_id": 1, "market_id": 1, "update_id": 9}},
        )
        assert one.orders() == {"order_1": 70}
        assert one.shown().events[1].markets[1].update_id == 9
        assert one.store.place.number == 8


async def test_what_comes_late_about_a_removed_event_changes_nothing() -> None:
    async with fresh() as one:
        await one.say(EVENT, created(1), {"EventRemoved": 1})
        assert one.orders() == {}
        late = {"MarketUpdateId": {"event_id": 1, "market_id": 1, "update_id": 9}}
        await one.say(created(2), {"OrderUpdated": order(1)}, late)
        assert one.orders() == {}
        assert not one.shown().events
        assert one.state.passed_over == 3


async def test_an_entry_that_cannot_be_read_stops_the_service_with_its_id() -> None:
    async with fresh() as one:
        await one.say(EVENT)
        bad = await one.stream.append([b'{"OrderCreated":{"id":""}}'])
        with pytest.raises(CorruptData, match=f"store_stream {bad}"):
            await one.store.catch_up()
        assert one.store.place.number == 1


async def test_it_is_put_aside_where_that_was_asked_for_and_snapshots_say_so() -> None:
    async with fresh(puts_aside=True) as one:
        bad = await one.say(EVENT, [created(1), {"NoSuchChange": {}}])
        await one.say(created(2))
        # All of an entry counts or nothing: the first order of the bad one is not there.
        assert one.orders() == {"order_2": 100}
        (letter,) = await one.letters.read(Position(0, 0), 10)
        told = json.loads(letter.payload)
        assert (told["stream"], told["position"]) == ("store_stream", str(bad))
        await one.store.save()
        again = await beside(one.stream, one.snapshots)
        assert list(again.shown().skipped) == [str(bad)]
        assert again.orders() == {"order_2": 100}


async def test_the_entry_that_the_older_snapshot_ends_with_stays() -> None:
    async with fresh() as one:
        older = await one.say(EVENT, created(1))
        await one.store.save()
        assert len(await positions_of(one.stream)) == 2
        newer = await one.say(created(2))
        await one.store.save()
        assert await positions_of(one.stream) == [older, newer]
        for _ in range(2):
            await one.say(ended("OrderCancelled", 2))
            one = await beside(one.stream, one.snapshots)
            await one.say(created(2))
            assert one.orders() == {"order_1": 100, "order_2": 100}


async def test_what_a_group_of_consumers_is_owed_is_not_trimmed() -> None:
    async with (
        MemoryStream() as stream,
        MemorySnapshotStore() as snapshots,
        MemoryConsumers(stream) as consumers,
    ):
        one = await beside(stream, snapshots, groups=consumers.positions)
        await one.say(EVENT, created(1))
        owed, *_ = await consumers.read("reports", "a", 1)
        for number in (2, 3, 4):
            await one.say(created(number))
            await one.store.save()
        assert (await positions_of(stream))[0] == owed.id


async def test_a_stream_that_lost_an_entry_behind_the_snapshot_stops_the_start() -> None:
    async with fresh() as one:
        last = await one.say(EVENT, created(1))
        await one.store.save()
        await one.stream.append([json.dumps(created(n)).encode() for n in (2, 3)])
        await one.stream.trim(last)
        with pytest.raises(CannotStart, match=f"the newest snapshot ends at {last}"):
            await beside(one.stream, one.snapshots)


async def test_a_stream_that_ends_before_the_snapshot_stops_the_start() -> None:
    async with fresh() as one, MemoryStream(clock=ManualClock(1000)) as other:
        await one.say(EVENT, created(1))
        await one.store.save()
        with pytest.raises(CannotStart, match="store_stream holds nothing"):
            await beside(other, one.snapshots)
        await other.append([json.dumps(EVENT).encode()])
        with pytest.raises(CannotStart, match="store_stream holds 1000-0 to 1000-0"):
            await beside(other, one.snapshots)


async def test_it_goes_on_where_the_source_s_own_service_stopped(tmp_path: Path) -> None:
    """Which trims everything through the end of its snapshot."""
    text = SOURCE_SNAPSHOT.replace("token_123", "token_yes")
    (tmp_path / "orders_snapshot.json").write_text(text, encoding="utf-8")
    before_end = NOW_MS - 1000
    async with (
        MemoryStream(start=Position(NOW_MS, 0)) as stream,
        FileSnapshotStore(tmp_path) as snapshots,
    ):
        one = await beside(stream, snapshots, now_ms=before_end)
        assert one.orders() == {"order_123": 100}
        await one.say(created(2))
        await one.store.save()
        again = await beside(stream, snapshots, now_ms=before_end)
        assert again.orders() == {"order_123": 100, "order_2": 100}
        # Nobody will say any more what became of the orders of an event that has ended.
        assert (await beside(stream, snapshots, now_ms=NOW_MS)).orders() == {}


async def test_its_snapshot_starts_an_engine_of_ours(tmp_path: Path) -> None:
    async with fresh() as one, MemoryStream() as log, FileSnapshotStore(tmp_path) as snapshots:
        await one.say(EVENT, created(1))
        await snapshots.save(one.shown())
        found = await recover_on(log, snapshots)
        assert found.state.orders["order_1"].remaining_quantity == 100
        assert found.adopted is not None
        assert found.adopted.user_update_ids == {"user_456": 1}


async def test_a_log_and_snapshots_of_ours_are_refused() -> None:
    async with MemoryStream() as log, MemorySnapshotStore() as snapshots:
        async with engine_on(log, snapshots) as engine:
            await engine.take([Tick()])
        with pytest.raises(CannotStart, match="was written by a pmengine"):
            await (await beside(log, snapshots)).store.catch_up()
        await snapshots.save((await recover_on(log, snapshots)).state.freeze(NOW_MS))
        with pytest.raises(CannotStart, match="is of a pmengine"):
            await beside(log, snapshots)
