"""Streams, trade stores, snapshot stores, leases and consumer groups with one bug each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import attrs

from pmstore.backends.memory import (
    MemoryAccountStore,
    MemoryConsumers,
    MemoryEventStore,
    MemoryLease,
    MemorySnapshotStore,
    MemoryStream,
    MemoryTradeStore,
)
from pmstore.errors import Conflict
from pmstore.models.balance import Balance
from pmstore.models.market import Event
from pmstore.models.position import EMPTY, START, Entry, Head, Position
from pmstore.models.query import BalanceQuery, Page, TradeQuery
from pmstore.models.snapshot import Snapshot
from pmstore.models.trade import Trade
from pmstore.protocols.store import Coverage, Store
from pmstore.protocols.stream import Stream
from pmstore.testing.clause import Clauses
from pmstore.testing.clauses import (
    account_store_clauses,
    consumers_clauses,
    event_store_clauses,
    lease_clauses,
    snapshot_store_clauses,
    stream_clauses,
    trade_store_clauses,
)
from pmstore.testing.consumers_laws import ConsumedStream
from pmstore.testing.planted.bug import PlantedBug
from pmstore.testing.rig import ManualClock, Rig

S = TypeVar("S", bound=Store)

clock: Final = ManualClock()


class IgnoresTheHead(MemoryStream):
    """A conditional append is an append."""

    async def append(
        self,
        items: Sequence[bytes],
        /,
        *,
        expect_head: Head | None = None,
        epoch: int | None = None,
    ) -> Position:
        return await super().append(items, epoch=epoch)


class ComparesTheIdAlone(MemoryStream):
    """The payload of the expected head is not compared."""

    async def append(
        self,
        items: Sequence[bytes],
        /,
        *,
        expect_head: Head | None = None,
        epoch: int | None = None,
    ) -> Position:
        bounds = await self.bounds()
        if expect_head is not None and bounds is not None and bounds.last.id == expect_head.id:
            expect_head = bounds.last.head
        return await super().append(items, expect_head=expect_head, epoch=epoch)


class ChecksThenAppends(MemoryStream):
    """The head is compared in one step and the entries written in another."""

    async def append(
        self,
        items: Sequence[bytes],
        /,
        *,
        expect_head: Head | None = None,
        epoch: int | None = None,
    ) -> Position:
        bounds = await self.bounds()
        head = EMPTY if bounds is None else bounds.last.head
        if expect_head is not None and expect_head != head:
            raise Conflict(f"the head is {head}")
        await asyncio.sleep(0)
        return await super().append(items, epoch=epoch)


class IgnoresTheEpoch(MemoryStream):
    """A writer that was replaced goes on writing."""

    async def append(
        self,
        items: Sequence[bytes],
        /,
        *,
        expect_head: Head | None = None,
        epoch: int | None = None,
    ) -> Position:
        return await super().append(items, expect_head=expect_head)


class AppendsOneByOne(MemoryStream):
    """Batches of several writers mix, and a cancellation cuts one."""

    async def append(
        self,
        items: Sequence[bytes],
        /,
        *,
        expect_head: Head | None = None,
        epoch: int | None = None,
    ) -> Position:
        last = await super().append(items[:1], expect_head=expect_head, epoch=epoch)
        for item in items[1:]:
            await asyncio.sleep(0)
            last = await super().append([item], epoch=epoch)
        return last


class WakesNobody(MemoryStream):
    """A waiting reader sleeps through appends."""

    def _wake(self) -> None:
        return


class ReadsInclusively(MemoryStream):
    """`read` begins with the entry that it was to begin after."""

    async def read(self, after: Position, limit: int, wait_s: float = 0.0, /) -> list[Entry]:
        before = Position(after.ms, after.seq - 1) if after.seq else Position(after.ms - 1, 10**9)
        return await super().read(before if after > START else after, limit, wait_s)


class TrimsTheLast(MemoryStream):
    """Trimming everything forgets the head."""

    async def trim(self, through: Position, /) -> None:
        await super().trim(through)
        if self._entries and self._entries[-1].id <= through:
            self._entries.clear()
            self._ids.clear()


class TrimsOneMore(MemoryStream):
    """The entry behind the position goes too."""

    async def trim(self, through: Position, /) -> None:
        behind = await self.read(through, 1)
        await super().trim(behind[0].id if behind else through)


class TakesTimeForIds(MemoryStream):
    """Ids go back with the clock."""

    async def append(
        self,
        items: Sequence[bytes],
        /,
        *,
        expect_head: Head | None = None,
        epoch: int | None = None,
    ) -> Position:
        if self._last.ms > self._clock():
            self._last = Position(self._clock(), 0)
        return await super().append(items, expect_head=expect_head, epoch=epoch)


class AppendsEmptyItems(MemoryStream):
    """An empty item is left out."""

    async def append(
        self,
        items: Sequence[bytes],
        /,
        *,
        expect_head: Head | None = None,
        epoch: int | None = None,
    ) -> Position:
        kept = [item for item in items if item]
        return await super().append(kept, expect_head=expect_head, epoch=epoch)


class AppendsTradesAgain(MemoryTradeStore):
    """A known trade takes its place anew."""

    async def append(self, trades: Sequence[Trade], /) -> None:
        extra = [attrs.evolve(one, trade_id=one.trade_id + 10_000) for one in trades]
        known = {one.trade_id for one in (await self.find(TradeQuery(limit=1000))).items}
        await super().append([*trades, *(one for one in extra if one.trade_id - 10_000 in known)])


class SortsTradesByTimeAlone(MemoryTradeStore):
    """Trades of one millisecond come in any order."""

    async def find(self, query: TradeQuery, /) -> Page[Trade]:
        page = await super().find(query)
        by_time = sorted(page.items, key=lambda one: (-one.timestamp, one.trade_id))
        return Page(tuple(by_time), page.next)


class FindsTakersAlone(MemoryTradeStore):
    """A user is not found as a maker."""

    async def find(self, query: TradeQuery, /) -> Page[Trade]:
        page = await super().find(query)
        kept = (one for one in page.items if query.user_id in (None, one.taker_user_id))
        return Page(tuple(kept), page.next)


class KeepsTheLastAppended(MemoryTradeStore):
    """The window goes by arrival, not by time."""

    async def append(self, trades: Sequence[Trade], /) -> None:
        await super().append(trades)
        for one in trades:
            if one.trade_id not in self._trades:
                self._drop(self._all.first())
                self._recent = (self._recent or 0) + 1
                await super().append([one])
                self._recent -= 1


class LoadsTheHighestNumber(MemorySnapshotStore):
    """The newest generation is taken for the one with the highest number."""

    async def load(self) -> Snapshot | None:
        infos = await self.list()
        return await self.get(max(infos, key=lambda one: one.number).name) if infos else None


class PrunesTheNewest(MemorySnapshotStore):
    """`prune` keeps the oldest generations."""

    async def prune(self, keep: int, /) -> int:
        names = [info.name for info in await self.list()]
        await super().prune(max(len(names), keep))
        for name in names[keep:]:
            del self._generations[name]
        return len(names[keep:])


class KeepsOneGeneration(MemorySnapshotStore):
    """A new generation takes the place of the one before."""

    async def save(self, snapshot: Snapshot, /) -> Any:
        info = await super().save(snapshot)
        await self.prune(1)
        return info


class StartsEpochsAnew(MemoryLease):
    """The epoch of a released lease is given again."""

    async def release(self, name: str, epoch: int, /) -> None:
        await super().release(name, epoch)
        self._leases.pop(name, None)


class NeverEnds(MemoryLease):
    """A lease that is not renewed is held for ever."""

    async def acquire(self, name: str, ttl_s: float, /) -> int | None:
        return await super().acquire(name, ttl_s + 10**6)

    async def renew(self, name: str, epoch: int, ttl_s: float, /) -> bool:
        return await super().renew(name, epoch, ttl_s + 10**6)


class GivesToEverybody(MemoryConsumers):
    """Every consumer of a group gets every entry."""

    async def read(self, group: str, name: str, limit: int, wait_s: float = 0.0, /) -> list[Entry]:
        return await super().read(f"{group}/{name}", name, limit, wait_s)


class ForgetsWhatIsOwed(MemoryConsumers):
    """The position is how far a group was given entries."""

    async def positions(self) -> dict[str, Position]:
        await super().positions()
        return {name: group.given for name, group in self._groups.items()}


class ReclaimsFromItself(MemoryConsumers):
    """`reclaim` does not look at who owes."""

    async def reclaim(self, group: str, name: str, idle_s: float, limit: int, /) -> list[Entry]:
        owed = self._groups[group].owed if group in self._groups else {}
        for one in owed.values():
            one.name = ""
        return await super().reclaim(group, name, idle_s, limit)


class PagesBalancesOfOthers(MemoryAccountStore):
    """The next page of a user's balances goes on with the next user."""

    async def find(self, query: BalanceQuery, /) -> Page[Balance]:
        if query.after is not None:
            query = attrs.evolve(query, user_id=None)
        return await super().find(query)


class IgnoresEventVersions(MemoryEventStore):
    """The event that comes last wins."""

    async def save(self, events: Sequence[tuple[Event, int]], /) -> None:
        for event, _ in events:
            self._events[event.event_id] = (event, -1)
        await super().save(events)


def _planted(
    clauses: Clauses[S], store: Callable[..., S], caught_by: str, **declared: Any
) -> PlantedBug[S]:
    def open_at(place: Path) -> S:
        return store()

    rig = Rig(open=open_at, clock=clock, shrinks=False, **declared)
    name = getattr(store, "func", store).__name__
    return PlantedBug(clauses, name, rig, caught_by)


def _stream(store: type[MemoryStream], caught_by: str, **declared: Any) -> PlantedBug[Stream]:
    def open_at(place: Path) -> Stream:
        return store(clock=clock)

    rig = Rig(open=open_at, clock=clock, shrinks=False, **declared)
    return PlantedBug(stream_clauses, store.__name__, rig, caught_by)


def _consumers(store: type[MemoryConsumers], caught_by: str) -> PlantedBug[ConsumedStream]:
    def open_at(place: Path) -> ConsumedStream:
        stream = MemoryStream(clock=clock)
        return ConsumedStream(stream, store(stream, clock=clock))

    return PlantedBug(
        consumers_clauses, store.__name__, Rig(open=open_at, clock=clock, shrinks=False), caught_by
    )


other_bugs: Final[tuple[PlantedBug[Any], ...]] = (
    _stream(IgnoresTheHead, "a-conditional-append-needs-its-head"),
    _stream(IgnoresTheHead, "only-an-empty-stream-has-the-empty-head"),
    _stream(IgnoresTheHead, "random-histories-equal-a-list"),
    _stream(ComparesTheIdAlone, "a-conditional-append-needs-its-head"),
    _stream(ChecksThenAppends, "of-racing-writers-one-wins"),
    _stream(IgnoresTheEpoch, "a-lower-epoch-is-fenced"),
    _stream(AppendsOneByOne, "batches-of-many-writers-stay-whole"),
    _stream(AppendsOneByOne, "a-cancelled-append-is-whole-or-nothing"),
    _stream(WakesNobody, "a-waiting-reader-is-woken", deadline_s=0.5),
    _stream(WakesNobody, "leaving-ends-a-waiting-read", deadline_s=0.5),
    _stream(ReadsInclusively, "reading-is-exclusive-and-limited"),
    _stream(TrimsTheLast, "trimming-keeps-the-last-entry"),
    _stream(TrimsOneMore, "trimming-spares-what-lies-behind"),
    _stream(TakesTimeForIds, "ids-grow-when-the-clock-goes-back"),
    _stream(AppendsEmptyItems, "an-append-with-nothing-is-refused"),
    _stream(MemoryStream, "everything-is-there-after-reopening", durable=True),
    _planted(trade_store_clauses, AppendsTradesAgain, "a-known-trade-is-a-repeat"),
    _planted(trade_store_clauses, SortsTradesByTimeAlone, "trades-come-newest-first"),
    _planted(trade_store_clauses, FindsTakersAlone, "every-filter-is-honoured"),
    _planted(
        trade_store_clauses,
        partial(KeepsTheLastAppended, recent=100),
        "a-window-keeps-the-newest",
        coverage=Coverage(newest=100),
    ),
    _planted(snapshot_store_clauses, LoadsTheHighestNumber, "the-newest-generation-is-loaded"),
    _planted(snapshot_store_clauses, PrunesTheNewest, "pruning-keeps-the-newest"),
    _planted(snapshot_store_clauses, KeepsOneGeneration, "generations-stand-side-by-side"),
    _planted(lease_clauses, StartsEpochsAnew, "epochs-only-grow"),
    _planted(lease_clauses, partial(NeverEnds, clock=clock), "a-lease-ends-with-its-time"),
    _consumers(GivesToEverybody, "each-entry-goes-to-one"),
    _consumers(ForgetsWhatIsOwed, "positions-say-what-is-owed"),
    _consumers(ReclaimsFromItself, "reclaiming-takes-from-others"),
    _planted(account_store_clauses, PagesBalancesOfOthers, "every-filter-is-honoured"),
    _planted(event_store_clauses, IgnoresEventVersions, "the-highest-version-is-kept"),
)
