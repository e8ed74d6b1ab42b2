"""Leases in a key-value bucket of NATS JetStream."""

from __future__ import annotations

import base64
import json
from types import TracebackType
from typing import Final, Self

import attrs

from pmstore import CorruptData, InvalidQuery, StoreUnavailable, WriteOutcome
from pmstore.plugin import Clock
from pmstore.storage import Lifetime, check_ids
from pmstore_nats.config import NatsConfig
from pmstore_nats.connection import WRONG_LAST_SEQUENCE, Connection, Message, message_of

_EXPECTED: Final = "Nats-Expected-Last-Subject-Sequence"
_NOW: Final = "clock.now"
"""No lease has this key: their keys have no dot."""
_TTL_S_MAX: Final = 10**9
_ATTEMPTS_MAX: Final = 1000


@attrs.frozen
class _Known:
    """What the bucket says of a lease; `seq` 0 if nobody ever took it."""

    seq: int = 0
    epoch: int = 0
    until_ms: int = 0


class NatsLease(Lifetime):
    """
    Named leases for all who reach the same NATS; a `Lease`.

    The bucket `<prefix>_leases` has a key for each lease, its name in base64url, with `epoch`
    and `until_ms`. It is written only over the revision that its writer has seen. The time is
    the server's, which says it of a message that is written to ask for it; clocks of clients
    count for nothing. An epoch is one more than the last, and at least the time in epoch
    milliseconds: they grow also over the loss of all data, as long as the clock does.

    Args:
        config: Which server, and the namespace in it.
        clock: The time in epoch milliseconds; unset, the server's.
    """

    def __init__(self, config: NatsConfig, *, clock: Clock | None = None) -> None:
        super().__init__()
        self._config = config
        self._clock = clock
        self._bucket = f"{config.prefix}_leases" if config.prefix else "leases"
        self._stream = f"KV_{self._bucket}"

    async def __aenter__(self) -> Self:
        """
        Connect, and make the bucket if it is not there.

        Raises:
            StoreUnavailable: Nobody answers, or there is no JetStream.
        """
        self._connection = Connection(self._config)
        try:
            await self._connection.api(
                f"STREAM.CREATE.{self._stream}",
                {
                    "name": self._stream,
                    "subjects": [f"$KV.{self._bucket}.>"],
                    "retention": "limits",
                    "storage": "file",
                    "discard": "new",
                    "max_msgs_per_subject": 1,
                    "max_consumers": -1,
                    "max_msgs": -1,
                    "max_bytes": -1,
                    "max_age": 0,
                    "num_replicas": 1,
                    # What tools for buckets expect of one.
                    "allow_rollup_hdrs": True,
                    "deny_delete": True,
                },
            )
        except BaseException:
            await self._connection.close()
            raise
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
        await self._connection.close()

    async def acquire(self, name: str, ttl_s: float, /) -> int | None:
        """
        Take the lease for *ttl_s* seconds; its new epoch, None while it is held.

        After an unknown outcome it may be held by nobody who knows, until *ttl_s* is over.

        Cost:
            Four round trips, and again whenever another writes the same lease in between.
        """
        hold_ms = self._checked(name, ttl_s)
        for _ in range(_ATTEMPTS_MAX):
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
        for _ in range(_ATTEMPTS_MAX):
            now_ms, known = await self._look(name)
            if known.until_ms <= now_ms or known.epoch != epoch:
                return False
            until_ms = 0 if hold_ms is None else now_ms + hold_ms
            if await self._write(name, known, epoch, until_ms):
                return True
        raise self._outpaced(name)

    async def _look(self, name: str) -> tuple[int, _Known]:
        """The time, and the lease as it was at that time or later."""
        now_ms = await self._now_ms()
        message = await self._get(self._key(name))
        if message is None:
            return now_ms, _Known()
        try:
            said = json.loads(message.data)
            return now_ms, _Known(message.seq, int(said["epoch"]), int(said["until_ms"]))
        except (ValueError, TypeError, KeyError) as error:
            raise CorruptData(f"no lease: {error!r}", where=f"{self._bucket} {name}") from error

    async def _now_ms(self) -> int:
        if self._clock is not None:
            return self._clock()
        await self._put(_NOW, b"{}", {})
        # Another's question may stand there already: then it is later.
        asked = await self._get(_NOW)
        if asked is None:
            raise StoreUnavailable(f"{self._bucket}: the server does not say the time")
        return asked.time_ms

    async def _write(self, name: str, known: _Known, epoch: int, until_ms: int) -> bool:
        """Write the lease over what is *known*; whether that was still there."""
        record = json.dumps({"epoch": epoch, "until_ms": until_ms}).encode()
        return await self._put(self._key(name), record, {_EXPECTED: str(known.seq)})

    async def _put(self, key: str, value: bytes, headers: dict[str, str]) -> bool:
        subject = f"$KV.{self._bucket}.{key}"
        said = await self._connection.request(subject, value, headers=headers, writes=True)
        error = said.get("error")
        if error is not None and error.get("err_code") != WRONG_LAST_SEQUENCE:
            raise self._connection.refused(error)
        return error is None

    async def _get(self, key: str) -> Message | None:
        which = {"last_by_subj": f"$KV.{self._bucket}.{key}"}
        said = await self._connection.api(f"STREAM.MSG.GET.{self._stream}", which)
        return message_of(said["message"]) if said else None

    def _checked(self, name: str, ttl_s: float) -> int:
        """How many milliseconds *ttl_s* is."""
        self.check_call()
        check_ids("lease", name)
        if not 0 < ttl_s <= _TTL_S_MAX:
            raise InvalidQuery(
                f"ttl_s is {ttl_s}; hold a lease for more than 0 and at most {_TTL_S_MAX} seconds"
            )
        return max(1, round(ttl_s * 1000))

    def _key(self, name: str) -> str:
        return base64.urlsafe_b64encode(name.encode()).rstrip(b"=").decode()

    def _outpaced(self, name: str) -> StoreUnavailable:
        return StoreUnavailable(
            f"{self._bucket} {name}: others were faster {_ATTEMPTS_MAX} times",
            outcome=WriteOutcome.NOT_APPLIED,
        )
