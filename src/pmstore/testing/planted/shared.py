"""Stores of several clients, one bug each: what each client knows by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from pmstore.backends.memory import (
    MemoryAccountStore,
    MemoryConsumers,
    MemoryEventStore,
    MemoryLease,
    MemorySnapshotStore,
    MemoryStream,
    MemoryTradeStore,
)
from pmstore.errors import Conflict, Fenced
from pmstore.models.balance import Balance
from pmstore.models.market import Event
from pmstore.models.position import Entry, Head, Position
from pmstore.models.snapshot import Snapshot, SnapshotInfo
from pmstore.models.trade import Trade
from pmstore.protocols.store import Store
from pmstore.storage.lifetime import Lifetime
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
from pmstore.testing.rig import Rig

S = TypeVar("S", bound=Store)


class Client(Lifetime):
    """One of several clients of a store that lives on; keeps every law that the store keeps."""

    def __init__(self, kept: Any) -> None:
        super().__init__()
        self.kept = kept
        kept._opened = True

    def __getattr__(self, name: str) -> Any:
        verb = getattr(self.kept, name)

        async def called(*positional: Any, **named: Any) -> Any:
            self.check_call()
            return await verb(*positional, **named)

        return called


class SavesRowByRow(Client):
    """Balances of a batch become visible one by one."""

    async def save(self, balances: Sequence[Balance], /) -> None:
        for at in range(len(balances)):
            await self.kept.save(balances[at : at + 1])
            await asyncio.sleep(0)


class ComparesEventsBefore(Client):
    """What is newer is decided before it is written."""

    async def save(self, events: Sequence[tuple[Event, int]], /) -> None:
        known = {event.event_id: self.kept._events.get(event.event_id) for event, _ in events}
        await asyncio.sleep(0)
        for event, version in events:
            held = known[event.event_id]
            if event.event_id not in self.kept._events:
                self.kept._all.add((event.event_id,))
            if held is None or held[1] < version:
                self.kept._events[event.event_id] = (event, version)


class KnowsItsOwnTrades(Client):
    """A repeat is known by the client that appended it first."""

    def __init__(self, kept: Any) -> None:
        super().__init__(kept)
        self._own: set[int] = set()

    async def append(self, trades: Sequence[Trade], /) -> None:
        fresh = [one for one in trades if one.trade_id not in self._own]
        self._own |= {one.trade_id for one in fresh}
        for one in fresh:
            self.kept.doubles.append(one.trade_id)
        await self.kept.append(fresh)

    async def find(self, query: Any, /) -> Any:
        page = await self.kept.find(query)
        doubled = [one for one in page.items for _ in range(self.kept.doubles.count(one.trade_id))]
        return type(page)(tuple(doubled), page.next)


class DoublingTrades(MemoryTradeStore):
    """Keeps a note of every append."""

    def __init__(self) -> None:
        super().__init__()
        self.doubles: list[int] = []


class CountsItsOwnGenerations(Client):
    """A generation is named by a number that its client counts."""

    def __init__(self, kept: Any) -> None:
        super().__init__(kept)
        self._count = 0

    async def save(self, snapshot: Snapshot, /) -> SnapshotInfo:
        self.kept._count = self._count
        self._count += 1
        info: SnapshotInfo = await self.kept.save(snapshot)
        return info


class KnowsItsOwnHead(Client):
    """The head is the entry that this client saw last."""

    def __init__(self, kept: Any) -> None:
        super().__init__(kept)
        self._head: Head | None = None
        self._epoch = 0

    async def append(
        self,
        items: Sequence[bytes],
        /,
        *,
        expect_head: Head | None = None,
        epoch: int | None = None,
    ) -> Position:
        if epoch is not None and epoch < self._epoch:
            raise Fenced("over")
        if None not in (expect_head, self._head) and expect_head != self._head:
            raise Conflict("another head")
        self._epoch = max(self._epoch, epoch or 0)
        at: Position = await self.kept.append(items)
        self._head = Entry(at, items[-1]).head
        return at


class WakesItsOwnReaders(Client):
    """A reader is woken by appends of its own client."""

    async def read(self, after: Position, limit: int, wait_s: float = 0.0, /) -> list[Entry]:
        found: list[Entry] = await self.kept.read(after, limit)
        if not found and wait_s:
            await asyncio.sleep(wait_s)
        return found


class LocksItsOwnLeases(Client):
    """A lease is looked at and taken under a lock that each client has for itself."""

    def __init__(self, kept: Any) -> None:
        super().__init__(kept)
        self._lock = asyncio.Lock()

    async def acquire(self, name: str, ttl_s: float, /) -> int | None:
        async with self._lock:
            held = self.kept._leases.get(name)
            free = held is None or held.until_ms <= self.kept._clock()
            await asyncio.sleep(0)
            if not free:
                return None
            if held is not None:
                held.until_ms = 0
            epoch: int | None = await self.kept.acquire(name, ttl_s)
            return epoch


def _one_a_place(make: Callable[[], Any], client: Callable[[Any], Any]) -> Callable[[Path], Any]:
    kept: dict[str, Any] = {}

    def open_at(place: Path) -> Any:
        if place.name not in kept:
            kept[place.name] = make()
        return client(kept[place.name])

    return open_at


def _shared(
    clauses: Clauses[S], make: Callable[[], Any], client: Callable[[Any], Any], caught_by: str
) -> PlantedBug[S]:
    rig: Rig[Any] = Rig(
        open=_one_a_place(make, client), durable=True, shared=True, shrinks=False, deadline_s=2
    )
    return PlantedBug(clauses, getattr(client, "__name__"), rig, caught_by)  # noqa: B009


def GroupsOfItsOwn(stream: Any) -> ConsumedStream:
    """Each client gives all entries to its own consumers."""
    return ConsumedStream(Client(stream), MemoryConsumers(stream))


SOUND: Final[tuple[tuple[Clauses[Any], Rig[Any]], ...]] = tuple(
    (clauses, Rig(open=_one_a_place(make, Client), durable=True, shared=True))
    for clauses, make in (
        (account_store_clauses, MemoryAccountStore),
        (event_store_clauses, MemoryEventStore),
        (lease_clauses, MemoryLease),
        (snapshot_store_clauses, MemorySnapshotStore),
        (stream_clauses, MemoryStream),
        (trade_store_clauses, MemoryTradeStore),
    )
)
"""The same without bugs."""

shared_bugs: Final[tuple[PlantedBug[Any], ...]] = (
    _shared(
        account_store_clauses,
        MemoryAccountStore,
        SavesRowByRow,
        "batches-of-another-client-are-seen-whole",
    ),
    _shared(
        event_store_clauses,
        MemoryEventStore,
        ComparesEventsBefore,
        "the-newest-version-stays-beside-another-client",
    ),
    _shared(
        trade_store_clauses,
        DoublingTrades,
        KnowsItsOwnTrades,
        "trades-of-another-client-are-repeats",
    ),
    _shared(
        snapshot_store_clauses,
        MemorySnapshotStore,
        CountsItsOwnGenerations,
        "generations-of-another-client-have-names-of-their-own",
    ),
    _shared(
        stream_clauses,
        MemoryStream,
        KnowsItsOwnHead,
        "of-appends-by-another-client-one-has-the-head",
    ),
    _shared(stream_clauses, MemoryStream, KnowsItsOwnHead, "the-epoch-of-another-client-fences"),
    _shared(stream_clauses, MemoryStream, WakesItsOwnReaders, "an-append-by-another-client-wakes"),
    _shared(
        lease_clauses,
        MemoryLease,
        LocksItsOwnLeases,
        "another-client-does-not-get-a-held-lease",
    ),
    _shared(
        consumers_clauses,
        MemoryStream,
        GroupsOfItsOwn,
        "another-client-of-a-group-gets-the-others",
    ),
    _shared(
        consumers_clauses,
        MemoryStream,
        GroupsOfItsOwn,
        "what-another-client-owes-can-be-reclaimed",
    ),
)
