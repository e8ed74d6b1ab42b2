"""Records that processes share in front of a truth."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final, Generic, TypeVar

import attrs

from pmstore.backends.redis.account_store import account_id
from pmstore.backends.redis.config import RedisConfig
from pmstore.backends.redis.order_store import BATCH_MAX
from pmstore.backends.redis.place import RedisPlace
from pmstore.backends.redis.scripts import Argument, Script, padded
from pmstore.codec import (
    decode_balance,
    decode_event,
    decode_order,
    encode_balance,
    encode_event,
    encode_order,
)
from pmstore.errors import StoreUnavailable, WriteOutcome
from pmstore.models.balance import Balance
from pmstore.models.market import Event
from pmstore.models.order import Order
from pmstore.protocols.cache import Looked, Token
from pmstore.protocols.store import Coverage, Limits
from pmstore.storage.kinds import ACCOUNTS, EVENTS, ORDERS, Kind

K = TypeVar("K")
R = TypeVar("R")

LEASE_S: Final = 10.0
"""Seconds after which a token that nobody used is void."""

TTL_S: Final = 86_400.0
"""Seconds that an entry lives where the config says nothing."""

# All keys of a cache hang on one key: its generation, a random word, below the incarnation of
# the server. Under it stand, for each id, the record `c:`, the lease `l:` (the token that may
# put it) and the floor `f:`. Whatever the server evicts can only make it forget: without its
# generation everything is unreachable, without its lease a token is void, and a floor that is
# gone refused nothing that a lease would let in: placing it took all leases of its key.
_SPACE: Final = """
-- KEYS: the generation. ARGV: a new one, ms that it lives.
local generation = redis.call('GET', KEYS[1])
if not generation then
  generation = ARGV[1]
  redis.call('SET', KEYS[1], generation, 'PX', ARGV[2])
end
local space = KEYS[1] .. ':' .. generation .. ':'
"""

_LOOKUP: Final = Script(
    _SPACE
    + """
-- Then: a token, ms that it is valid, ids.
local found, keys = {}, {}
for at = 5, #ARGV do
  keys[at - 4] = space .. 'c:' .. ARGV[at]
end
if #keys > 0 then
  found = redis.call('MGET', unpack(keys))
end
for at, record in ipairs(found) do
  if not record then
    redis.call('SET', space .. 'l:' .. ARGV[at + 4], ARGV[3], 'PX', ARGV[4], 'NX')
  end
end
return found
"""
)

_LEASE: Final = Script(
    _SPACE
    + """
-- Then: a token, ms that it is valid, ids.
for at = 5, #ARGV do
  redis.call('SET', space .. 'l:' .. ARGV[at], ARGV[3], 'PX', ARGV[4])
end
"""
)

_PUT: Final = Script(
    _SPACE
    + """
-- Then: a token, ms that it was valid, ms that entries live after its taking, how many records,
-- then id, version and document of each, then ids of absent ones.
local token, valid, life, count = ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])

-- What is left of an entry's life, false if the token is void; it is used up.
local function use(id)
  local lease = space .. 'l:' .. id
  if redis.call('GET', lease) ~= token then
    return false
  end
  local age = valid - redis.call('PTTL', lease)
  redis.call('DEL', lease)
  return life - age
end

local kept = {}
for number = 1, count do
  local at = 4 + 3 * number
  local id, version = ARGV[at], ARGV[at + 1]
  local left = use(id)
  kept[number] = '0'
  if left then
    local floor = redis.call('GET', space .. 'f:' .. id)
    if not floor or version >= floor then
      kept[number] = '1'
      if left > 0 then
        redis.call('SET', space .. 'c:' .. id, version .. ARGV[at + 2], 'PX', left)
        redis.call('DEL', space .. 'f:' .. id)
      else
        redis.call('DEL', space .. 'c:' .. id)
      end
    end
  end
end
for at = 7 + 3 * count, #ARGV do
  local gone = use(ARGV[at])
  kept[#kept + 1] = gone and '1' or '0'
  if gone then
    redis.call('DEL', space .. 'c:' .. ARGV[at], space .. 'f:' .. ARGV[at])
  end
end
return table.concat(kept)
"""
)

_FLOOR: Final = Script(
    _SPACE
    + """
-- Then: ms that a floor lives, then id and least version of each.
for at = 4, #ARGV, 2 do
  local id, least = ARGV[at], ARGV[at + 1]
  redis.call('DEL', space .. 'l:' .. id)
  local known = redis.call('GET', space .. 'f:' .. id)
  if known and known > least then
    least = known
  end
  local version = redis.call('GETRANGE', space .. 'c:' .. id, 0, 19)
  if version == '' or version < least then
    redis.call('DEL', space .. 'c:' .. id)
    redis.call('SET', space .. 'f:' .. id, least, 'PX', ARGV[3])
  end
end
"""
)


@attrs.frozen(kw_only=True)
class Stored(Generic[K, R]):
    """How records of one kind are written in a cache."""

    kind: Kind[K, R]
    id_of: Callable[[K], str]
    encode: Callable[[R], bytes]
    decode: Callable[[bytes, int, str], R]
    """From the document, the version and where it stands."""


STORED_ORDERS: Final[Stored[str, Order]] = Stored(
    kind=ORDERS,
    id_of=str,
    encode=encode_order,
    decode=lambda document, _, where: decode_order(document, where),
)
STORED_BALANCES: Final[Stored[tuple[str, str], Balance]] = Stored(
    kind=ACCOUNTS,
    id_of=lambda key: account_id(*key),
    encode=encode_balance,
    decode=lambda document, _, where: decode_balance(document, where),
)
STORED_EVENTS: Final[Stored[int, tuple[Event, int]]] = Stored(
    kind=EVENTS,
    id_of=str,
    encode=lambda record: encode_event(record[0]),
    decode=lambda document, version, where: (decode_event(document, where), version),
)


class RedisCache(RedisPlace, Generic[K, R]):
    """
    Records by key for every process that uses the server; a `Cache`.

    It may evict what it likes (`maxmemory-policy` of any kind), and it is never complete:
    lists go to the next layer. It can be entered while the server is away.

    Args:
        stored: Which records, and how they are written.
        config: Where; `ttl_s` is how long an entry lives, a day if unset.
    """

    def __init__(self, stored: Stored[K, R], config: RedisConfig) -> None:
        super().__init__(
            config,
            limits=Limits(batch_size_max=BATCH_MAX),
            coverage=Coverage(newest=0),
            reachable=False,
        )
        self._stored = stored
        self._name = stored.kind.name
        self._ttl_s = TTL_S if config.ttl_s is None else config.ttl_s

    async def lookup(self, keys: Sequence[K], /) -> Looked[K, R]:
        """What is here, and a token for the rest; see `Cache.lookup`."""
        self.check_call(len(keys))
        token = secrets.token_hex(12)
        ids = map(self._stored.id_of, keys)
        answer = await self._run(_LOOKUP, [token, _ms(LEASE_S), *ids])
        found = {
            key: self._stored.decode(entry[20:], int(entry[:20]), f"{self._name} cache {key!r}")
            for key, entry in zip(keys, answer, strict=True)
            if entry is not None
        }
        return Looked(found, token if None in answer else "")

    async def lease(self, keys: Sequence[K], /) -> Token:
        """A token for all of *keys*; see `Cache.lease`."""
        self.check_call(len(keys))
        token = secrets.token_hex(12)
        await self._run(_LEASE, [token, _ms(LEASE_S), *map(self._stored.id_of, keys)])
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
        stored, kind = self._stored, self._stored.kind
        life_s = self._ttl_s if max_age_s is None else min(self._ttl_s, max_age_s)
        args: list[Argument] = [token, _ms(LEASE_S), _ms(life_s), len(records)]
        keys: list[K] = []
        for record in records:
            key = kind.key(record)
            keys.append(key)
            args += (stored.id_of(key), padded(kind.version(record)), stored.encode(record))
        keys += absent
        args += map(stored.id_of, absent)
        kept: bytes = await self._run(_PUT, args)
        return frozenset(key for key, flag in zip(keys, kept, strict=True) if flag == _KEPT)

    async def floor(self, floors: Sequence[tuple[K, int]], /) -> None:
        """The least versions that may be answered; see `Cache.floor`."""
        self.check_call(len(floors))
        args: list[Argument] = [_ms(self._ttl_s)]
        for key, least in floors:
            args += (self._stored.id_of(key), padded(least))
        await self._run(_FLOOR, args)

    async def clear(self) -> None:
        """Drop everything; see `Cache.clear`."""
        self.check_call()
        await self._run(_CLEAR, [])

    async def _run(self, script: Script, args: Sequence[Argument]) -> Any:
        first = (secrets.token_hex(8), _ms(10 * self._ttl_s))

        def words(incarnation: str) -> tuple[list[str], list[Argument]]:
            return [generation_key(self, self._name, incarnation)], [*first, *args]

        return await self.client.run_there(script, words)


_KEPT: Final = ord("1")

_CLEAR: Final = Script("redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])")


def generation_key(place: RedisPlace, name: str, incarnation: str) -> str:
    """
    What the keys of a cache begin with on a server of that incarnation.

    Raises:
        StoreUnavailable: The server does not say which it is, so what an earlier one left
            could not be told from what it holds.
    """
    if not incarnation:
        raise StoreUnavailable(
            f"{place.client.where}: a cache needs the permission for INFO: it tells a server "
            "that was restarted",
            outcome=WriteOutcome.NOT_APPLIED,
        )
    return place.key(f"cache:{name}:{incarnation}")


def _ms(seconds: float) -> int:
    return max(1, int(seconds * 1000))
