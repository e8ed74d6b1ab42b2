"""The newest trades that processes share in front of a truth."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any, Final

from pmstore.backends.redis.cache import TTL_S, generation_key
from pmstore.backends.redis.config import RedisConfig
from pmstore.backends.redis.order_store import BATCH_MAX
from pmstore.backends.redis.place import RedisPlace
from pmstore.backends.redis.scripts import Argument, Script
from pmstore.codec import decode_trade, encode_trade
from pmstore.models.query import LIMIT_MAX, Page, TradeQuery
from pmstore.models.trade import Trade
from pmstore.protocols.cache import Token
from pmstore.protocols.store import Coverage, Limits
from pmstore.storage.matching import trade_matches
from pmstore.storage.pages import page_of, trade_place

_Key = tuple[int, int]

_RECENT: Final = 10_000

# One ordered set of score 0 holds everything, so that the server evicts all of it or nothing:
# `!` and the turn (tokens are of one turn), `"` and the key from which on no trade is missing
# (zeros: none is missing at all), and each trade as its key of 40 digits and its document.
_SHARED: Final = """
local function told(sign)
  local member = redis.call('ZRANGEBYLEX', KEYS[1], '[' .. sign, '(' .. sign .. '\\255')[1]
  return member and string.sub(member, 2)
end

local function tell(sign, text)
  local before = told(sign)
  if before then
    redis.call('ZREM', KEYS[1], sign .. before)
  end
  redis.call('ZADD', KEYS[1], 0, sign .. text)
end

-- Drops the oldest above so many; what is complete is complete from the oldest left on.
local function trim(most)
  local others = 1
  local since = told('"')
  if since then
    others = 2
  end
  local over = redis.call('ZCARD', KEYS[1]) - others - most
  if over > 0 then
    local old = redis.call('ZRANGEBYLEX', KEYS[1], '[0', '+', 'LIMIT', 0, over)
    for at = 1, #old, 1000 do
      redis.call('ZREM', KEYS[1], unpack(old, at, math.min(at + 999, #old)))
    end
  end
  if since and over >= 0 then
    local oldest = redis.call('ZRANGEBYLEX', KEYS[1], '[0', '+', 'LIMIT', 0, 1)[1]
    if oldest and string.sub(oldest, 1, 40) > since then
      tell('"', string.sub(oldest, 1, 40))
    end
  end
end
"""

_LEASE: Final = Script(
    _SHARED
    + """
-- KEYS: the window. ARGV: a new turn, ms to live.
local turn = told('!')
if not turn then
  turn = ARGV[1]
  redis.call('DEL', KEYS[1])
  tell('!', turn)
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return turn
"""
)

_PUT: Final = Script(
    _SHARED
    + """
-- KEYS: the window. ARGV: the turn, ms to live, trades kept, then key and document of each.
if told('!') ~= ARGV[1] then
  return 0
end
local since = told('"') or ''
for at = 4, #ARGV, 2 do
  local key = ARGV[at]
  if key >= since then
    local known = redis.call('ZRANGEBYLEX', KEYS[1], '[' .. key, '(' .. key .. '\\255')
    if #known == 0 then
      redis.call('ZADD', KEYS[1], 0, key .. ARGV[at + 1])
    end
  end
end
trim(tonumber(ARGV[3]))
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
"""
)

_COMPLETE: Final = Script(
    _SHARED
    + """
-- KEYS: the window. ARGV: the turn, trades kept, the key from which on none is missing.
if told('!') ~= ARGV[1] then
  return 0
end
tell('"', ARGV[3])
trim(tonumber(ARGV[2]))
return 1
"""
)

_FIND: Final = Script(
    _SHARED
    + """
-- KEYS: the window. ARGV: below, down to, how many.
local since = told('"')
if not since or not told('!') then
  return {}
end
return {since, redis.call('ZREVRANGEBYLEX', KEYS[1], ARGV[1], ARGV[2], 'LIMIT', 0, ARGV[3])}
""",
    writes=False,
)

_NOTHING_MISSING: Final = "0" * 40
_BELOW_ALL: Final = "[0"


class RedisTradeWindow(RedisPlace):
    """
    The newest trades for every process that uses the server; a `TradeWindow`.

    It can be entered while the server is away.

    Args:
        config: Where; `recent` is how many trades are kept, ten thousand if unset, `ttl_s` how
            long after the last one, a day if unset.
    """

    def __init__(self, config: RedisConfig) -> None:
        self._recent = _RECENT if config.recent is None else config.recent
        super().__init__(
            config,
            limits=Limits(batch_size_max=BATCH_MAX),
            coverage=Coverage(newest=self._recent),
            reachable=False,
        )
        self._ttl_ms = int((TTL_S if config.ttl_s is None else config.ttl_s) * 1000)

    async def lease(self) -> Token:
        """A token; see `TradeWindow.lease`."""
        self.check_call()
        turn: bytes = await self._run(_LEASE, [secrets.token_hex(12), self._ttl_ms])
        return turn.decode()

    async def put(self, token: Token, trades: Sequence[Trade], /) -> bool:
        """Keep trades that the truth has; see `TradeWindow.put`."""
        self.check_call(len(trades))
        args: list[Argument] = [token, self._ttl_ms, self._recent]
        for trade in trades:
            args += (_text((trade.timestamp, trade.trade_id)), encode_trade(trade))
        return bool(await self._run(_PUT, args))

    async def complete(self, token: Token, since: _Key | None, /) -> bool:
        """Nothing from *since* on is missing; see `TradeWindow.complete`."""
        self.check_call()
        key = _NOTHING_MISSING if since is None else _text(since)
        return bool(await self._run(_COMPLETE, [token, self._recent, key]))

    async def find(self, query: TradeQuery, /, *, below: _Key | None = None) -> Page[Trade] | None:
        """
        The truth's page if it can be proved; see `TradeWindow.find`.

        Cost:
            One round trip: the newest 1001 trades that time and *below* allow are looked
            at, and where these do not prove a page, none is.
        """
        self.check_call()
        begin = "+" if below is None else f"({_text(below)}"
        if query.end_ms is not None:
            bound = f"({max(query.end_ms, 0):020d}"
            begin = bound if begin == "+" else min(begin, bound)
        end = _BELOW_ALL if query.start_ms is None else f"[{max(query.start_ms, 0):020d}"
        looked_at = LIMIT_MAX + 1
        answer = await self._run(_FIND, [begin, end, looked_at])
        if not answer:
            return None
        since, members = answer[0].decode(), answer[1]
        found: list[Trade] = []
        for member in members:
            if member[:40].decode() < since:
                return None
            trade = decode_trade(member[40:], "trade window")
            if trade_matches(trade, query):
                found.append(trade)
                if len(found) > query.limit:
                    return page_of(found, query.limit, trade_place)
        inside = query.start_ms is not None and f"{max(query.start_ms, 0):020d}" > since[:20]
        whole = since == _NOTHING_MISSING or inside
        return Page(tuple(found)) if whole and len(members) < looked_at else None

    async def clear(self) -> None:
        """Drop everything; see `TradeWindow.clear`."""
        self.check_call()
        await self._run(_CLEAR, [])

    async def _run(self, script: Script, args: Sequence[Argument]) -> Any:
        return await self.client.run_there(
            script, lambda it: ([generation_key(self, "trades", it)], args)
        )


_CLEAR: Final = Script("redis.call('DEL', KEYS[1])")


def _text(key: _Key) -> str:
    return f"{key[0]:020d}{key[1]:020d}"
