"""What Redis runs to find versioned records and to load them; it changes nothing."""

from __future__ import annotations

from typing import Final

from pmstore.backends.redis.scripts import Script

FIND: Final = Script(
    """
-- KEYS: headers, then the indexes that hold every answer.
-- ARGV: prefix of records, offset of ids in members, + or - for the order, where to begin, where
-- to end, how many, how many to look at, from timestamp, to timestamp ('': any), tags between
-- commas ('': any), then lines that the header must have.
local meta, record, skip = KEYS[1], ARGV[1], tonumber(ARGV[2])
local from, to, limit, budget = ARGV[4], ARGV[5], tonumber(ARGV[6]), tonumber(ARGV[7])
local since, before, tags = ARGV[8], ARGV[9], ARGV[10]
local index, size
for at = 2, #KEYS do
  local entries = redis.call('ZCARD', KEYS[at])
  if not size or entries < size then
    index, size = KEYS[at], entries
  end
end

local function asked_for(header)
  local timestamp = string.sub(header, 22, 41)
  if timestamp < since or (before ~= '' and timestamp >= before) then
    return false
  end
  if tags ~= '' then
    local tag = string.sub(header, 64, string.find(header, '\\n', 64, true) - 1)
    if not string.find(tags, ',' .. tag .. ',', 1, true) then
      return false
    end
  end
  for at = 11, #ARGV do
    if not string.find(header, ARGV[at], 64, true) then
      return false
    end
  end
  return true
end

local found, named = {}, {}
local piece = math.min(limit, 500)
while #found < limit and budget > 0 do
  local command = ARGV[3] == '+' and 'ZRANGEBYLEX' or 'ZREVRANGEBYLEX'
  local members = redis.call(command, index, from, to, 'LIMIT', 0, piece)
  if #members == 0 then
    return {named, found, ''}
  end
  local ids, keys, wanted = {}, {}, {}
  for at, member in ipairs(members) do
    ids[at] = string.sub(member, skip + 1)
  end
  local headers = redis.call('HMGET', meta, unpack(ids))
  for at, header in ipairs(headers) do
    if header and asked_for(header) then
      keys[#keys + 1] = record .. ids[at]
      wanted[#keys] = ids[at]
    end
  end
  if #keys > 0 then
    -- What expired has no document and is passed over.
    for at, document in ipairs(redis.call('MGET', unpack(keys))) do
      if document and #found < limit then
        found[#found + 1] = document
        named[#found] = wanted[at]
      end
    end
  end
  if #members < piece then
    return {named, found, ''}
  end
  budget = budget - #members
  from = '(' .. members[#members]
  piece = math.min(1000, 2 * piece)
end
return {named, found, from}
""",
    writes=False,
)
"""Ids and documents in the order of members, and where to go on ('': there are no more)."""

LOAD: Final = Script(
    """
-- KEYS: headers, then documents. ARGV: ids.
return {redis.call('HMGET', KEYS[1], unpack(ARGV)), redis.call('MGET', unpack(KEYS, 2))}
""",
    writes=False,
)
"""Headers and documents of one moment."""
