"""What Redis runs for consumer groups, each script in one atomic step."""

from __future__ import annotations

from typing import Final

from pmstore.backends.redis.scripts import Script
from pmstore.backends.redis.stream_scripts import NAMED

READ: Final = Script(
    NAMED
    + """
-- KEYS: the stream. ARGV: group, consumer, limit.
local function given()
  return redis.pcall(
    'XREADGROUP', 'GROUP', ARGV[1], ARGV[2], 'COUNT', ARGV[3], 'STREAMS', KEYS[1], '>'
  )
end

local answer = given()
if answer and answer.err and string.find(answer.err, 'NOGROUP', 1, true) then
  redis.call('XGROUP', 'CREATE', KEYS[1], ARGV[1], '0', 'MKSTREAM')
  answer = given()
end
if answer and answer.err then
  return answer
end
if answer then
  return {answer[1][2], ''}
end
for _, answer in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local about = named(answer)
  if about['name'] == ARGV[1] then
    return {{}, about['last-delivered-id']}
  end
end
"""
)
"""Gives entries that nobody of the group has had, else the id after which the next one comes."""

AGAIN: Final = Script(
    """
-- KEYS: the stream. ARGV: group, consumer, the id after which to begin, limit.
local answer = redis.pcall(
  'XREADGROUP', 'GROUP', ARGV[1], ARGV[2], 'COUNT', ARGV[4], 'STREAMS', KEYS[1], ARGV[3]
)
if answer and answer.err and string.find(answer.err, 'NOGROUP', 1, true) then
  return {}
end
if answer and answer.err then
  return answer
end
return answer[1][2]
"""
)
"""What a consumer owes already, in order; an entry that was trimmed has no fields."""

RECLAIM: Final = Script(
    """
-- KEYS: the stream. ARGV: group, consumer, idle ms, limit.
local taken, lost, from = {}, {}, '-'
while #taken < tonumber(ARGV[4]) do
  local page = redis.pcall('XPENDING', KEYS[1], ARGV[1], 'IDLE', ARGV[3], from, '+', 100)
  if page.err then
    if string.find(page.err, 'NOGROUP', 1, true) then
      break
    end
    return page
  end
  for _, owed in ipairs(page) do
    if owed[2] ~= ARGV[2] then
      -- XCLAIM would forget an entry that was trimmed, as if it had been acknowledged.
      if #redis.call('XRANGE', KEYS[1], owed[1], owed[1]) == 0 then
        table.insert(lost, owed[1])
      else
        local claimed = redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, owed[1])
        table.insert(taken, claimed[1])
        if #taken == tonumber(ARGV[4]) then
          break
        end
      end
    end
  end
  if #page < 100 then
    break
  end
  from = '(' .. page[#page][1]
end
return {taken, lost}
"""
)
"""Takes over what others owe; answers it, and the ids of what they owe and was trimmed."""

POSITIONS: Final = Script(
    NAMED
    + """
-- KEYS: the stream.
if redis.call('EXISTS', KEYS[1]) == 0 then
  return {}
end
local answer = {}
for _, group in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local about = named(group)
  local owed = redis.call('XPENDING', KEYS[1], about['name'])
  table.insert(answer, {about['name'], about['last-delivered-id'], owed[2] or ''})
end
return answer
""",
    writes=False,
)
"""Every group with the last id given to it and the lowest one owed to it ('': none)."""

FORGET: Final = Script(
    """
-- KEYS: the stream. ARGV: group.
if redis.call('EXISTS', KEYS[1]) == 0 then
  return 0
end
return redis.call('XGROUP', 'DESTROY', KEYS[1], ARGV[1])
"""
)
"""Removes a group."""
