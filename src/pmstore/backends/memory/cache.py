"""A cache in the memory of one process."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final, Generic, Protocol, TypeVar

from pmstore.errors import VersionConflict
from pmstore.models.query import Page
from pmstore.protocols.cache import Looked, Token
from pmstore.protocols.store import Coverage
from pmstore.storage.kinds import Kind
from pmstore.storage.lifetime import Lifetime

K = TypeVar("K")
R = TypeVar("R")

LEASE_S: Final = 10.0
"""Seconds after which a token that nobody used is void."""


class Mirror(Protocol):
    """Answers lists over what a complete cache holds: a memory store of the same kind."""

    async def __aenter__(self) -> Any: ...
    async def save(self, records: Any, /) -> None: ...
    async def find(self, query: Any, /) -> Page[Any]: ...


class MemoryCache(Lifetime, Generic[K, R]):
    """
    Records by key in this process; a `Cache`, and a `CompleteCache` if it has no bound.

    Every verb is one step of the event loop. Entering begins a new incarnation: nothing
    that was held before is answered.

    Args:
        kind: What is held.
        max_records: Above it the record that was longest not asked for goes; None: none goes.
        ttl_s: Seconds that an entry lives.
        mirror: Makes the store that answers lists once the cache is complete.
        now_s: Seconds on a clock that never goes back.
    """

    def __init__(
        self,
        kind: Kind[K, R],
        *,
        max_records: int | None = 100_000,
        ttl_s: float = 86_400.0,
        mirror: Callable[[], Mirror] | None = None,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(coverage=Coverage(newest=0))
        self.kind = kind
        self._copy = kind.copy
        self._max_records = max_records
        self._ttl_s = ttl_s
        self._now_s = now_s
        self._make_mirror = mirror if max_records is None else None
        self._tokens = 0
        self._records: OrderedDict[K, tuple[R, float]] = OrderedDict()
        self._floors: OrderedDict[K, tuple[int, float]] = OrderedDict()
        self._leases: OrderedDict[K, tuple[Token, float]] = OrderedDict()
        self._mirror: Mirror | None = None
        self._hidden: dict[K, int] = {}
        """Key -> the version through which the mirror refuses it."""
        self._load: Token | None = None
        self._touched: set[K] = set()
        self._passed: set[K] = set()
        """Keys that the load met, and left because they had been touched."""
        self._complete_until_s = 0.0

    async def __aenter__(self) -> MemoryCache[K, R]:
        self._forget_all()
        await super().__aenter__()
        return self

    async def lookup(self, keys: Sequence[K], /) -> Looked[K, R]:
        """What is here, and a token for the rest; see `Cache.lookup`."""
        self.check_call(len(keys))
        now_s = self._now_s()
        records, copy = self._records, self._copy
        found: dict[K, R] = {}
        for key in keys:
            entry = records.get(key)
            if entry is not None and entry[1] > now_s:
                found[key] = copy(entry[0])
                records.move_to_end(key)
        if len(found) == len(keys):
            return Looked(found, "")
        token = self._new_token()
        for key in keys:
            if key not in found:
                self._drop(key)
                lease = self._leases.get(key)
                if lease is None or lease[1] <= now_s - LEASE_S:
                    self._grant(key, token, now_s)
        return Looked(found, token)

    async def lease(self, keys: Sequence[K], /) -> Token:
        """A token for all of *keys*; see `Cache.lease`."""
        self.check_call(len(keys))
        token, now_s = self._new_token(), self._now_s()
        for key in keys:
            self._grant(key, token, now_s)
        return token

    async def put(
        self,
        token: Token,
        records: Sequence[R],
        /,
        *,
        absent: Collection[K] = (),
        max_age_s: float | None = None,
    ) -> frozenset[K]:
        """Keep records under a token; see `Cache.put`."""
        self.check_call(len(records) + len(absent))
        now_s = self._now_s()
        lives_s = self._ttl_s if max_age_s is None else min(self._ttl_s, max_age_s)
        kept: set[K] = set()
        for record in records:
            key, version = self.kind.key(record), self.kind.version(record)
            taken_s = self._use(key, token, now_s)
            floor = self._floors.get(key)
            if taken_s is None or (floor is not None and version < floor[0]):
                continue
            kept.add(key)
            self._floors.pop(key, None)
            self._records[key] = (self._copy(record), taken_s + lives_s)
            self._records.move_to_end(key)
            await self._show([record])
        for key in absent:
            if self._use(key, token, now_s) is not None:
                kept.add(key)
                gone, floor = self._records.pop(key, None), self._floors.pop(key, None)
                least = 0 if floor is None else floor[0]
                await self._hide(
                    key, least if gone is None else max(least, self.kind.version(gone[0]) + 1)
                )
        self._evict()
        return frozenset(kept)

    async def floor(self, floors: Sequence[tuple[K, int]], /) -> None:
        """The least versions that may be answered; see `Cache.floor`."""
        self.check_call(len(floors))
        now_s = self._now_s()
        until_s = now_s + self._ttl_s
        self._expire_floors(now_s)
        for key, least in floors:
            self._void(key)
            known = self._floors.get(key)
            if known is not None and known[0] > least:
                least = known[0]
            entry = self._records.get(key)
            if entry is not None:
                if self.kind.version(entry[0]) >= least:
                    continue
                del self._records[key]
            self._floors[key] = (least, until_s)
            self._floors.move_to_end(key)
        self._evict()

    async def clear(self) -> None:
        """Drop everything; see `Cache.clear`."""
        self.check_call()
        self._forget_all()

    async def begin_load(self) -> Token:
        """A token for a load of everything; see `CompleteCache.begin_load`."""
        self.check_call()
        self._complete_until_s = 0.0
        self._load = self._new_token()
        self._touched, self._passed = set(), set()
        if self._make_mirror is not None:
            self._mirror = self._make_mirror()
            self._hidden.clear()
            await self._mirror.__aenter__()
            for record, _ in self._records.values():
                await self._show([record])
        return self._load

    async def load(self, token: Token, records: Sequence[R], /) -> bool:
        """Keep a page of the truth; see `CompleteCache.load`."""
        self.check_call(len(records))
        if token != self._load or self._mirror is None:
            return False
        until_s = self._now_s() + self._ttl_s
        for record in records:
            key = self.kind.key(record)
            if key in self._touched:
                self._passed.add(key)
            else:
                self._records[key] = (self._copy(record), until_s)
                await self._show([record])
        return token == self._load

    async def finish_load(self, token: Token, /) -> bool:
        """Whether all of the truth is here from now on; see `CompleteCache.finish_load`."""
        self.check_call()
        if token != self._load or self._mirror is None:
            return False
        self._load = None
        self._touched = set()
        if any(key not in self._records and key not in self._floors for key in self._passed):
            # Touched while it was loaded, and what was to come instead did not: it is missing.
            return False
        # Entries expire one by one, the first of them not before it was read.
        oldest_s = min((until_s for _, until_s in self._records.values()), default=None)
        self._complete_until_s = self._now_s() + self._ttl_s if oldest_s is None else oldest_s
        return True

    async def find(self, query: Any, /) -> Page[Any] | None:
        """The truth's answer if it is known here; see `CompleteCache.find`."""
        self.check_call()
        if self._mirror is None or self._floors or self._complete_until_s <= self._now_s():
            return None
        return await self._mirror.find(query)

    def _new_token(self) -> Token:
        self._tokens += 1
        return str(self._tokens)

    def _grant(self, key: K, token: Token, now_s: float) -> None:
        leases = self._leases
        self._void(key)
        leases[key] = (token, now_s)
        while leases:
            oldest = next(iter(leases))
            if leases[oldest][1] > now_s - LEASE_S:
                return
            del leases[oldest]

    def _use(self, key: K, token: Token, now_s: float) -> float | None:
        """When the token was taken that is hereby used up for *key*, None if it is void."""
        lease = self._leases.get(key)
        if lease is None or lease[0] != token or lease[1] <= now_s - LEASE_S:
            return None
        self._void(key)
        return lease[1]

    def _void(self, key: K) -> None:
        self._leases.pop(key, None)
        if self._load is not None:
            self._touched.add(key)

    def _drop(self, key: K) -> None:
        """Drop a record that is there perhaps; then not everything is here."""
        if self._records.pop(key, None) is not None and self._mirror is not None:
            self._complete_until_s = 0.0

    async def _show(self, records: list[R]) -> None:
        if self._mirror is None:
            return
        key, version = self.kind.key, self.kind.version
        if any(version(one) <= self._hidden.get(key(one), -1) for one in records):
            # What was believed to be gone never came to be, and something older did.
            self._end_mirror()
            return
        try:
            await self._mirror.save(records)
        except VersionConflict:
            # The truth was put back and changed anew: what is mirrored is of another past.
            self._end_mirror()

    async def _hide(self, key: K, least: int) -> None:
        """Let the mirror show no version of *key* below *least*."""
        if self._mirror is None or least == 0:
            return
        remove = getattr(self._mirror, "remove", None)
        if remove is None:
            self._end_mirror()
        else:
            # What is hidden once stays so: the mirror does not forget a removal for a smaller one.
            self._hidden[key] = max(self._hidden.get(key, -1), least - 1)
            await remove([(key, least - 1)])

    def _evict(self) -> None:
        most = self._max_records
        if most is None:
            return
        while len(self._records) > most:
            key, _ = self._records.popitem(last=False)
            self._void(key)
        while len(self._floors) > most:
            key, _ = self._floors.popitem(last=False)
            self._void(key)

    def _expire_floors(self, now_s: float) -> None:
        floors = self._floors
        while floors and next(iter(floors.values()))[1] <= now_s:
            key, _ = floors.popitem(last=False)
            self._void(key)
            self._complete_until_s = 0.0

    def _end_mirror(self) -> None:
        self._mirror = None
        self._hidden.clear()
        self._load = None
        self._complete_until_s = 0.0

    def _forget_all(self) -> None:
        self._records.clear()
        self._floors.clear()
        self._leases.clear()
        self._touched.clear()
        self._end_mirror()
