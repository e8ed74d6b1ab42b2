"""Trade, account, event and snapshot stores, leases and consumer groups with one bug each."""

from __future__ import annotations

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
    MemoryLedgerStore,
    MemorySnapshotStore,
    MemoryStream,
    MemoryTradeStore,
)
from pmstore.models.balance import Balance
from pmstore.models.leaving import Leaving
from pmstore.models.ledger import LedgerEntry
from pmstore.models.market import Event
from pmstore.models.position import Entry, Position
from pmstore.models.query import BalanceQuery, JournalQuery, LedgerQuery, Page, TradeQuery
from pmstore.models.snapshot import Snapshot
from pmstore.models.trade import Trade
from pmstore.protocols.store import Coverage, Store
from pmstore.testing.clause import Clauses
from pmstore.testing.clauses import (
    account_store_clauses,
    consumers_clauses,
    event_store_clauses,
    lease_clauses,
    ledger_store_clauses,
    snapshot_store_clauses,
    trade_store_clauses,
)
from pmstore.testing.consumers_laws import ConsumedStream
from pmstore.testing.planted.bug import PlantedBug
from pmstore.testing.rig import ManualClock, Rig

S = TypeVar("S", bound=Store)

clock: Final = ManualClock()


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


class WritesALineAgain(MemoryLedgerStore):
    """What is said again of a known line takes its place."""

    async def append(self, entries: Sequence[LedgerEntry], /) -> None:
        await super().append(entries)
        for one in entries:
            self._entries[one.source][one.number, one.line] = attrs.evolve(one)


class ForgetsWhoseLogItIs(MemoryLedgerStore):
    """All journals are one."""

    async def journal(self, query: JournalQuery, /) -> Page[LedgerEntry]:
        found: list[LedgerEntry] = []
        for source in sorted(self._entries):
            found += (await super().journal(attrs.evolve(query, source=source))).items
        return Page(tuple(found[: query.limit]))


class LosesTheSign(MemoryLedgerStore):
    """Amounts are kept without their sign."""

    async def append(self, entries: Sequence[LedgerEntry], /) -> None:
        await super().append([attrs.evolve(one, available=abs(one.available)) for one in entries])


class LimitsBeforeItFilters(MemoryLedgerStore):
    """A page of what was looked at, not of what was asked for."""

    async def find(self, query: LedgerQuery, /) -> Page[LedgerEntry]:
        page = await super().find(attrs.evolve(query, kinds=None))
        kept = (one for one in page.items if query.kinds is None or one.kind in query.kinds)
        return Page(tuple(kept), page.next)


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


class ForgetsWhoIsLeaving(MemorySnapshotStore):
    """Of the work left over, markets alone are kept."""

    async def save(self, snapshot: Snapshot, /) -> Any:
        work = [item for item in snapshot.work if not isinstance(item, Leaving)]
        return await super().save(attrs.evolve(snapshot, work=work))


class ForgetsFillsOfGroups(MemorySnapshotStore):
    """Groups are kept without what was filled of them."""

    async def save(self, snapshot: Snapshot, /) -> Any:
        groups = {key: attrs.evolve(group, fills=()) for key, group in snapshot.groups.items()}
        return await super().save(attrs.evolve(snapshot, groups=groups))


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


class TradesForNothing(MemoryEventStore):
    """The fees of markets are not stored."""

    async def save(self, events: Sequence[tuple[Event, int]], /) -> None:
        await super().save([(_without_fees(event), version) for event, version in events])


def _without_fees(event: Event) -> Event:
    markets = {id: attrs.evolve(market, fees=None) for id, market in event.markets.items()}
    return attrs.evolve(event, markets=markets)


def _planted(
    clauses: Clauses[S], store: Callable[..., S], caught_by: str, **declared: Any
) -> PlantedBug[S]:
    def open_at(place: Path) -> S:
        return store()

    rig = Rig(open=open_at, clock=clock, shrinks=False, **declared)
    name = getattr(store, "func", store).__name__
    return PlantedBug(clauses, name, rig, caught_by)


def _consumers(store: type[MemoryConsumers], caught_by: str) -> PlantedBug[ConsumedStream]:
    def open_at(place: Path) -> ConsumedStream:
        stream = MemoryStream(clock=clock)
        return ConsumedStream(stream, store(stream, clock=clock))

    return PlantedBug(
        consumers_clauses, store.__name__, Rig(open=open_at, clock=clock, shrinks=False), caught_by
    )


other_bugs: Final[tuple[PlantedBug[Any], ...]] = (
    _planted(trade_store_clauses, AppendsTradesAgain, "a-known-trade-is-a-repeat"),
    _planted(trade_store_clauses, SortsTradesByTimeAlone, "trades-come-newest-first"),
    _planted(ledger_store_clauses, WritesALineAgain, "a-known-line-is-a-repeat"),
    _planted(ledger_store_clauses, ForgetsWhoseLogItIs, "a-journal-is-in-the-order-of-its-lines"),
    _planted(ledger_store_clauses, LosesTheSign, "every-value-comes-out"),
    _planted(ledger_store_clauses, LimitsBeforeItFilters, "every-filter-is-honoured"),
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
    _planted(snapshot_store_clauses, ForgetsWhoIsLeaving, "every-value-comes-out"),
    _planted(snapshot_store_clauses, ForgetsFillsOfGroups, "every-value-comes-out"),
    _planted(event_store_clauses, TradesForNothing, "every-value-comes-out"),
    _planted(lease_clauses, StartsEpochsAnew, "epochs-only-grow"),
    _planted(lease_clauses, partial(NeverEnds, clock=clock), "a-lease-ends-with-its-time"),
    _consumers(GivesToEverybody, "each-entry-goes-to-one"),
    _consumers(ForgetsWhatIsOwed, "positions-say-what-is-owed"),
    _consumers(ReclaimsFromItself, "reclaiming-takes-from-others"),
    _planted(account_store_clauses, PagesBalancesOfOthers, "every-filter-is-honoured"),
    _planted(event_store_clauses, IgnoresEventVersions, "the-highest-version-is-kept"),
    _planted(
        event_store_clauses, IgnoresEventVersions, "random-events-equal-a-dictionary", examples=500
    ),
    _planted(
        account_store_clauses,
        PagesBalancesOfOthers,
        "random-balances-equal-a-dictionary",
        examples=500,
    ),
    _planted(
        trade_store_clauses, FindsTakersAlone, "random-appends-equal-a-dictionary", examples=500
    ),
)
