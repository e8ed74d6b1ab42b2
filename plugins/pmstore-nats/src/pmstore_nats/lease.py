"""Leases in a bucket of NATS JetStream."""

from __future__ import annotations

import json
from types import TracebackType
from typing import Final, Self

import attrs

from pmstore import CorruptData, InvalidQuery, StoreUnavailable, WriteOutcome
from pmstore.plugin import Clock
from pmstore.storage import Lifetime, check_ids
from pmstore_nats.bucket import ATTEMPTS_MAX, Bucket, Value
from pmstore_nats.config import NatsConfig

_TTL_S_MAX: Final = 10**9


@attrs.frozen
class _Known:
    """What the bucket says of a lease; epoch 0 if nobody ever took it."""

    value: Value
    epoch: int = 0
    until_ms: int = 0


class NatsLease(Lifetime):
    """
    Named leases for all who reach the same NATS; a `Lease`.

    The bucket `<prefix>_leases` has a value for each lease, with `epoch` and `until_ms`. The
    time is the server's; clocks of clients count for nothing. An epoch is one more than the
    last, and at least the time in epoch milliseconds: they grow also over the loss of all
    data, as long as the clock does.

    Args:
        config: Which server, and the namespace in it.
        clock: The time in epoch milliseconds; unset, the server's.
    """

    def __init__(self, config: NatsConfig, *, clock: Clock | None = None) -> None:
        super().__init__()
        self._clock = clock
        self._bucket = Bucket(config, f"{config.prefix}_leases" if config.prefix else "leases")

    async def __aenter__(self) -> Self:
        """Connect, and make the bucket if it is not there; see `Bucket.open`."""
        await self._bucket.open()
        return await super().__aenter__()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        if not self._opened:
            return
        await super().__aexit__(exc_type, exc, traceback)
        await self._bucket.close()

    async def acquire(self, name: str, ttl_s: float, /) -> int | None:
        """
        Take the lease for *ttl_s* seconds; its new epoch, None while it is held.

        After an unknown outcome it may be held by nobody who knows, until *ttl_s* is over.

        Cost:
            Four round trips, and again whenever another writes the same lease in between.
        """
        hold_ms = self._checked(name, ttl_s)
        for _ in range(ATTEMPTS_MAX):
            now_ms, known = await self._look(name)
            if known.until_ms > now_ms:
                return None
            epoch = max(known.epoch + 1, now_ms)
            if await self._write(name, known, epoch, now_ms + hold_ms):
                return epoch
        raise self._outpaced(name)

    async def renew(self, name: str, epoch: int, ttl_s: float, /) -> bool:
        """Hold on for *ttl_s* more seconds; False if it is no longer held under *epoch*."""
        return await self._set(name, epoch, self._checked(name, ttl_s))

    async def release(self, name: str, epoch: int, /) -> None:
        """Give the lease back; without effect if it is not held under *epoch*."""
        self._checked(name, 1.0)
        await self._set(name, epoch, None)

    async def _set(self, name: str, epoch: int, hold_ms: int | None) -> bool:
        """Let who holds it under *epoch* hold it for so long, or no longer; whether it did."""
        for _ in range(ATTEMPTS_MAX):
            now_ms, known = await self._look(name)
            if known.until_ms <= now_ms or known.epoch != epoch:
                return False
            until_ms = 0 if hold_ms is None else now_ms + hold_ms
            if await self._write(name, known, epoch, until_ms):
                return True
        raise self._outpaced(name)

    async def _look(self, name: str) -> tuple[int, _Known]:
        """The time, and the lease as it was at that time or later."""
        now_ms = await self._bucket.now_ms() if self._clock is None else self._clock()
        value = await self._bucket.get(name)
        if value.data is None:
            return now_ms, _Known(value)
        try:
            said = json.loads(value.data)
            return now_ms, _Known(value, int(said["epoch"]), int(said["until_ms"]))
        except (ValueError, TypeError, KeyError) as error:
            where = f"{self._bucket.name} {name}"
            raise CorruptData(f"no lease: {error!r}", where=where) from error

    async def _write(self, name: str, known: _Known, epoch: int, until_ms: int) -> bool:
        record = json.dumps({"epoch": epoch, "until_ms": until_ms}).encode()
        return await self._bucket.put(name, record, known.value)

    def _checked(self, name: str, ttl_s: float) -> int:
        """How many milliseconds *ttl_s* is."""
        self.check_call()
        check_ids("lease", name)
        if not 0 < ttl_s <= _TTL_S_MAX:
            raise InvalidQuery(
                f"ttl_s is {ttl_s}; hold a lease for more than 0 and at most {_TTL_S_MAX} seconds"
            )
        return max(1, round(ttl_s * 1000))

    def _outpaced(self, name: str) -> StoreUnavailable:
        return StoreUnavailable(
            f"{self._bucket.name} {name}: others were faster {ATTEMPTS_MAX} times",
            outcome=WriteOutcome.NOT_APPLIED,
        )
