"""Leases in memory."""

from __future__ import annotations

import attrs

from pmstore.clock import Clock, system_clock
from pmstore.errors import InvalidQuery
from pmstore.storage.checks import check_ids
from pmstore.storage.lifetime import Lifetime


@attrs.define
class _Held:
    """The newest epoch of a name, and until when it is held (0: not held)."""

    epoch: int
    until_ms: int


class MemoryLease(Lifetime):
    """
    Named leases for the tasks of this process; a `Lease`.

    Args:
        clock: The time now in epoch milliseconds.
    """

    def __init__(self, *, clock: Clock = system_clock) -> None:
        super().__init__()
        self._clock = clock
        self._leases: dict[str, _Held] = {}

    async def acquire(self, name: str, ttl_s: float, /) -> int | None:
        """Take the lease for *ttl_s* seconds; its new epoch, None while it is held."""
        self.check_call()
        check_ids("lease", name)
        until_ms = self._until(ttl_s)
        known = self._leases.setdefault(name, _Held(0, 0))
        if known.until_ms > self._clock():
            return None
        known.epoch += 1
        known.until_ms = until_ms
        return known.epoch

    async def renew(self, name: str, epoch: int, ttl_s: float, /) -> bool:
        """Hold on for *ttl_s* more seconds; False if it is no longer held under *epoch*."""
        self.check_call()
        until_ms = self._until(ttl_s)
        known = self._held(name, epoch)
        if known is None:
            return False
        known.until_ms = until_ms
        return True

    async def release(self, name: str, epoch: int, /) -> None:
        """Give the lease back; without effect if it is not held under *epoch*."""
        self.check_call()
        known = self._held(name, epoch)
        if known is not None:
            known.until_ms = 0

    def _held(self, name: str, epoch: int) -> _Held | None:
        known = self._leases.get(name)
        if known is None or known.epoch != epoch or known.until_ms <= self._clock():
            return None
        return known

    def _until(self, ttl_s: float) -> int:
        if not ttl_s > 0:
            raise InvalidQuery(f"ttl_s is {ttl_s}; hold a lease for more than 0 seconds")
        return self._clock() + int(ttl_s * 1000)
