"""What Redis runs for a stream, each script in one atomic step."""

from __future__ import annotations

from typing import Final

from pmstore.backends.redis.scripts import PADDED, Script

NAMED: Final = """
local function named(answer)
  local values = {}
  for at = 1, #answer, 2 do
    values[answer[at]] = answer[at + 1]
  end
  return values
end
"""
"""Lua: an answer of names and values in turn as a table of values by their names."""

APPEND: Final = Script(
    NAMED
    + PADDED
    + """
-- KEYS: the stream, its epoch. ARGV: the field, the time in ms ('': the server's), the expected
-- head's id ('': any) and payload hash, the epoch ('': none), then the payloads.

local seen = redis.call('GET', KEYS[2])
if seen and not string.match(seen, '^%d+$') then
  return {'corrupt', KEYS[2], 'is not an epoch'}
end
if ARGV[5] ~= '' and seen and padded(ARGV[5]) < padded(seen) then
  return {'fenced', seen}
end

if ARGV[3] ~= '' then
  local entry = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
  local id, hash = '0-0', ''
  if entry then
    if #entry[2] ~= 2 then
      return {'corrupt', entry[1], 'has not one field, but ' .. #entry[2] / 2}
    end
    id, hash = entry[1], redis.sha1hex(entry[2][2])
  elseif redis.call('EXISTS', KEYS[1]) == 1 then
    id = named(redis.call('XINFO', 'STREAM', KEYS[1]))['last-generated-id']
  end
  if id ~= ARGV[3] or hash ~= ARGV[4] then
    return {'conflict', id, hash}
  end
end

-- Ids are 64-bit and Lua's numbers doubles, exact below 2^53: what is counted here stays below
-- 10^15 and the length of one batch.
local function behind(id)
  local ms, seq = string.match(id, '^(%d+)-(%d+)$')
  if #seq <= 15 then
    return ms, tonumber(seq) + 1
  elseif #ms <= 15 then
    return string.format('%.0f', tonumber(ms) + 1), 0
  end
end

local now = ARGV[2]
if now == '' then
  local time = redis.call('TIME')
  now = time[1] .. string.sub(string.format('%06d', time[2]), 1, 3)
end
-- Only the first entry can be refused, and where the clock is not ahead it then goes behind the
-- last id; nothing refuses those after it.
local next, id, ms, number = 6, {}
if #now <= 15 then
  id = redis.pcall('XADD', KEYS[1], now .. '-*', ARGV[1], ARGV[next])
end
if type(id) == 'string' then
  next = next + 1
  ms, number = behind(id)
else
  local last = '0-0'
  if redis.call('EXISTS', KEYS[1]) == 1 then
    last = named(redis.call('XINFO', 'STREAM', KEYS[1]))['last-generated-id']
  end
  if id.err and padded(now) > padded(string.match(last, '^%d+')) then
    return id
  end
  ms, number = behind(last)
  if not ms then
    return {'corrupt', last, 'leaves no id for a later entry'}
  end
end
for at = next, #ARGV do
  id = ms .. '-' .. string.format('%.0f', number)
  redis.call('XADD', KEYS[1], id, ARGV[1], ARGV[at])
  number = number + 1
end
if ARGV[5] ~= '' and ARGV[5] ~= seen then
  redis.call('SET', KEYS[2], ARGV[5])
end
return {'appended', id}
"""
)
"""Appends a batch if its conditions hold; answers a word and what belongs to it."""

SETTLE: Final = Script(
    """
-- KEYS: the stream, what is written so that there is something to wait for. ARGV: the id of an
-- entry, the hash of its payload.
local entry = redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1])[1]
if not entry or redis.sha1hex(entry[2][2]) ~= ARGV[2] then
  return {'gone'}
end
redis.call('SET', KEYS[2], ARGV[1])
return {'there'}
"""
)
"""Writes behind an entry: who has that on his disk has the entry too."""

TRIM: Final = Script(
    PADDED
    + """
-- KEYS: the stream. ARGV: the first id that stays.
local function comparable(id)
  local ms, seq = string.match(id, '^(%d+)-(%d+)$')
  return padded(ms) .. padded(seq)
end

local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
if not last then
  return 0
end
local first = ARGV[1]
if comparable(last[1]) < comparable(first) then
  first = last[1]
end
return redis.call('XTRIM', KEYS[1], 'MINID', '=', first)
"""
)
"""Drops the entries before an id, but never the last entry; answers how many."""

BOUNDS: Final = Script(
    NAMED
    + """
-- KEYS: the stream.
if redis.call('EXISTS', KEYS[1]) == 0 then
  return {}
end
local about = named(redis.call('XINFO', 'STREAM', KEYS[1]))
return {about['last-generated-id'], about['first-entry'], about['last-entry']}
""",
    writes=False,
)
"""The newest id ever given, the first and the last entry; nothing of an unknown stream."""
