"""Leases in Redis."""

from __future__ import annotations

from typing import Final

from pmstore.backends.redis.client import RedisClient
from pmstore.backends.redis.config import RedisConfig
from pmstore.backends.redis.place import RedisPlace
from pmstore.backends.redis.scripts import Argument, Script
from pmstore.clock import Clock
from pmstore.errors import InvalidQuery
from pmstore.storage.checks import check_ids

_TTL_S_MAX: Final = 10**9
"""About thirty years: milliseconds stay far below what a double holds exactly."""

_KNOWN: Final = """
-- KEYS: the lease. ARGV: ms to hold it, the time in ms ('': the server's), further ones.
local now = tonumber(ARGV[2])
if not now then
  local time = redis.call('TIME')
  now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local known = redis.call('HMGET', KEYS[1], 'epoch', 'until_ms')
local epoch, held = known[1], tonumber(known[2] or '0') > now
local until_ms = string.format('%.0f', now + tonumber(ARGV[1]))
"""

_ACQUIRE: Final = Script(
    _KNOWN
    + """
if held then
  return false
end
-- At least the time, so that epochs grow even where the server has forgotten the last one.
epoch = string.format('%.0f', math.max(tonumber(epoch or '0') + 1, now))
redis.call('HSET', KEYS[1], 'epoch', epoch, 'until_ms', until_ms)
return epoch
"""
)

_RENEW: Final = Script(
    _KNOWN
    + """
if not held or epoch ~= ARGV[3] then
  return 0
end
redis.call('HSET', KEYS[1], 'until_ms', until_ms)
return 1
"""
)

_RELEASE: Final = Script(
    _KNOWN
    + """
if held and epoch == ARGV[3] then
  redis.call('HSET', KEYS[1], 'until_ms', '0')
end
return 0
"""
)


class RedisLease(RedisPlace):
    """
    Named leases for all who reach the same Redis; a `Lease`.

    A lease is a hash that never expires, `lease:{name}` with `epoch` and `until_ms`, timed by
    the server's clock. An epoch is one more than the last, and at least the time in epoch
    milliseconds: they grow also over the loss of all data, as long as the clock does.

    Args:
        config: Where; the keys begin with its prefix.
        clock: The time in epoch milliseconds; unset, the server's.
        client: Used instead of one of *config*'s; the caller enters and leaves it.
    """

    def __init__(
        self,
        config: RedisConfig,
        *,
        clock: Clock | None = None,
        client: RedisClient | None = None,
    ) -> None:
        super().__init__(config, client=client)
        self._clock = clock

    async def acquire(self, name: str, ttl_s: float, /) -> int | None:
        """
        Take the lease for *ttl_s* seconds; its new epoch, None while it is held.

        After an unknown outcome it may be held by nobody who knows, until *ttl_s* is over.
        """
        epoch = await self._run(_ACQUIRE, name, _ms(ttl_s))
        return None if epoch is None else int(epoch)

    async def renew(self, name: str, epoch: int, ttl_s: float, /) -> bool:
        """Hold on for *ttl_s* more seconds; False if it is no longer held under *epoch*."""
        return bool(await self._run(_RENEW, name, _ms(ttl_s), epoch))

    async def release(self, name: str, epoch: int, /) -> None:
        """Give the lease back; without effect if it is not held under *epoch*."""
        await self._run(_RELEASE, name, 0, epoch)

    async def _run(
        self, script: Script, name: str, hold_ms: int, *epoch: Argument
    ) -> bytes | int | None:
        self.check_call()
        check_ids("lease", name)
        now = "" if self._clock is None else self._clock()
        answer: bytes | int | None = await self.client.run(
            script, (self.key(f"lease:{name}"),), (hold_ms, now, *epoch)
        )
        return answer


def _ms(ttl_s: float) -> int:
    if not 0 < ttl_s <= _TTL_S_MAX:
        raise InvalidQuery(
            f"ttl_s is {ttl_s}; hold a lease for more than 0 and at most {_TTL_S_MAX} seconds"
        )
    return max(1, round(ttl_s * 1000))
