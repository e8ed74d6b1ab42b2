"""What Redis runs to change versioned records, each script in one atomic step."""

from __future__ import annotations

from typing import Final

from pmstore.backends.redis.scripts import Script

# A record is a JSON document at a key of its own, and a header in one hash:
#   version timestamp until tag \n member \n index \n index \n …
# with the three numbers padded to 20 digits. `until` is when the record is forgotten (zeros:
# never), `tag` is its state, - for a tombstone, which has no further lines. `member` is what
# stands for the record in every index: ordered sets of score 0, so ordered by their bytes. Each
# of the other lines is the name of an index in which it stands.
#
# Numbers of 64 bits are compared as padded text alone: Lua's numbers are doubles. Documents are
# never read here. Everything is checked before the first write, because Redis undoes nothing.

_SHARED: Final = """
local ZEROS = '00000000000000000000'

local function is_tombstone(header)
  return string.sub(header, 64, 64) == '-'
end

local function places_of(header)
  return string.sub(header, string.find(header, '\\n', 64, true) + 1)
end

local function group(groups, place, member)
  local list = groups[place]
  if not list then
    list = {}
    groups[place] = list
  end
  list[#list + 1] = member
end

local function spread(groups, all, prefix, places)
  local member
  for line in string.gmatch(places, '[^\\n]+') do
    if not member then
      member = line
      group(groups, all, member)
    else
      group(groups, prefix .. line, member)
    end
  end
end

local function take_out(drops)
  for key, members in pairs(drops) do
    for at = 1, #members, 1000 do
      redis.call('ZREM', key, unpack(members, at, math.min(at + 999, #members)))
    end
  end
end

local function put_in(adds)
  for key, members in pairs(adds) do
    local args = {}
    for at, member in ipairs(members) do
      args[2 * at - 1] = 0
      args[2 * at] = member
    end
    redis.call('ZADD', key, unpack(args))
  end
end

-- Forgets what is due: tombstones, and records with a time to live. A bounded number of them.
local function purge(meta, all, due, prefix, record, now)
  local late = redis.call('ZRANGEBYLEX', due, '-', '[' .. now .. '\\255', 'LIMIT', 0, 1000)
  local drops = {}
  for _, entry in ipairs(late) do
    local id = string.sub(entry, 21)
    local header = redis.call('HGET', meta, id)
    if header and string.sub(header, 43, 62) == string.sub(entry, 1, 20) then
      if not is_tombstone(header) then
        spread(drops, all, prefix, places_of(header))
        redis.call('DEL', record .. id)
      end
      redis.call('HDEL', meta, id)
    end
  end
  take_out(drops)
  if #late > 0 then
    redis.call('ZREM', due, unpack(late))
  end
end

-- Writes notes for everybody who keeps them: pairs of a key and a least version.
local function write_notes(readers, notes, prefix)
  if #notes == 0 or #readers == 0 then
    return
  end
  local time = redis.call('TIME')
  local ms = time[1] .. string.sub(string.format('%06d', time[2]), 1, 3)
  local last = redis.call('INCRBY', prefix .. 'seq', #notes / 2)
  for at = 1, #notes, 2 do
    local id = string.format('%.0f-0', last - (#notes - at - 1) / 2)
    for _, reader in ipairs(readers) do
      local key, least = notes[at], notes[at + 1]
      redis.call('XADD', prefix .. 'notes:' .. reader, id, 'k', key, 'l', least, 't', ms)
    end
  end
end
"""

SAVE: Final = Script(
    _SHARED
    + """
-- KEYS: headers, index of all, what is due, sources, readers, then a key for each record.
-- ARGV: prefix, prefix of records, prefix of notes, the time, until ('': for ever), ms to live,
-- records kept ('': all), offset of ids in members, 1 if a version has one content, the only
-- note's key ('': a note each), source ('': none), position, ms after which nothing is left where
-- nobody writes ('': for ever), then id, header and document each.
local meta, all, due, prefix, record = KEYS[1], KEYS[2], KEYS[3], ARGV[1], ARGV[2]
local untold, source = ARGV[5], ARGV[11]
local FIXED, EACH = 13, 3
if source ~= '' then
  local stands = redis.call('HGET', KEYS[4], source)
  if stands and stands >= ARGV[12] then
    return {'duplicate'}
  end
end

purge(meta, all, due, prefix, record, ARGV[4])
local readers = redis.call('SMEMBERS', KEYS[5])
local count = #KEYS - 5
local ids = {}
for at = 1, count do
  ids[at] = ARGV[FIXED + EACH * at - 2]
end
local known = {}
if count > 0 then
  known = redis.call('HMGET', meta, unpack(ids))
end
local seen, fresh, held = {}, {}, {}
for at = 1, count do
  local header, old = ARGV[FIXED + EACH * at - 1], known[at]
  local version = string.sub(header, 1, 20)
  held[at] = '1'
  if seen[ids[at]] then
    old = seen[ids[at]]
  end
  local told = old and string.sub(old, 1, 20)
  if not old or told < version then
    fresh[#fresh + 1] = at
    seen[ids[at]] = header
  elseif told > version or is_tombstone(old) then
    held[at] = '0'
  elseif ARGV[9] == '1' then
    local document = redis.call('GET', KEYS[5 + at])
    if not document then
      fresh[#fresh + 1] = at
    elseif document ~= ARGV[FIXED + EACH * at] then
      return {'conflict', at}
    end
  end
end


local adds, drops, headers, documents, undue, notes = {}, {}, {}, {}, {}, {}
local least = false
for number, at in ipairs(fresh) do
  local id, header, old = ids[at], ARGV[FIXED + EACH * at - 1], known[at]
  local places = places_of(header)
  local live = old and not is_tombstone(old)
  if not live then
    spread(adds, all, prefix, places)
  else
    local before = places_of(old)
    if before ~= places then
      spread(drops, all, prefix, before)
      spread(adds, all, prefix, places)
    end
  end
  if old and string.sub(old, 43, 62) ~= ZEROS then
    undue[#undue + 1] = string.sub(old, 43, 62) .. id
  end
  headers[2 * number - 1] = id
  headers[2 * number] = header
  documents[2 * number - 1] = KEYS[5 + at]
  documents[2 * number] = ARGV[FIXED + EACH * at]
  if ARGV[10] == '' then
    notes[#notes + 1] = id
    notes[#notes + 1] = string.sub(header, 1, 20)
  elseif not least or string.sub(header, 22, 41) < least then
    least = string.sub(header, 22, 41)
  end
end
if least then
  notes = {ARGV[10], least}
end
for key in pairs(adds) do
  local kind = redis.call('TYPE', key).ok
  if kind ~= 'zset' and kind ~= 'none' then
    return {'kind', key}
  end
end

if source ~= '' then
  redis.call('HSET', KEYS[4], source, ARGV[12])
end
if #fresh == 0 then
  return {'saved', table.concat(held)}
end
redis.call('HSET', meta, unpack(headers))
take_out(drops)
put_in(adds)
if #undue > 0 then
  redis.call('ZREM', due, unpack(undue))
end
if untold == '' then
  redis.call('MSET', unpack(documents))
else
  local entries = {}
  for number, at in ipairs(fresh) do
    redis.call('SET', documents[2 * number - 1], documents[2 * number], 'PX', ARGV[6])
    entries[2 * number - 1] = 0
    entries[2 * number] = untold .. ids[at]
  end
  redis.call('ZADD', due, unpack(entries))
  -- Nothing outlives the last of its records by much, though nobody writes any more.
  for key in pairs(adds) do
    redis.call('PEXPIRE', key, ARGV[13])
  end
  redis.call('PEXPIRE', meta, ARGV[13])
  redis.call('PEXPIRE', all, ARGV[13])
  redis.call('PEXPIRE', due, ARGV[13])
end
write_notes(readers, notes, ARGV[3])

if ARGV[7] ~= '' then
  local over = redis.call('ZCARD', all) - tonumber(ARGV[7])
  if over > 0 then
    local old, out = redis.call('ZRANGE', all, 0, math.min(over, 3000) - 1), {}
    for _, member in ipairs(old) do
      local id = string.sub(member, tonumber(ARGV[8]) + 1)
      local header = redis.call('HGET', meta, id)
      if header then
        spread(out, all, prefix, places_of(header))
        redis.call('HDEL', meta, id)
      else
        group(out, all, member)
      end
      redis.call('DEL', record .. id)
    end
    take_out(out)
  end
end
return {'saved', table.concat(held)}
"""
)
"""
Keeps the newest version of each record and moves a source; both or neither.

Answers `saved` and for each record whether what was sent is there now; `conflict` and which
record; `kind` and the index that is a key of another kind; or `duplicate`.
"""

REMOVE: Final = Script(
    _SHARED
    + """
-- KEYS: headers, index of all, what is due, readers, then a key for each record.
-- ARGV: prefix, prefix of records, prefix of notes, the time, until, ms after which nothing is left
-- where nobody writes ('': for ever), then id, version and the note's least version each.
local meta, all, due, prefix = KEYS[1], KEYS[2], KEYS[3], ARGV[1]
local FIXED, EACH = 6, 3
purge(meta, all, due, prefix, ARGV[2], ARGV[4])
local count = #KEYS - 4
local ids = {}
for at = 1, count do
  ids[at] = ARGV[FIXED + EACH * at - 2]
end
local known = redis.call('HMGET', meta, unpack(ids))
local seen, drops, gone, headers, entries, undue, notes = {}, {}, {}, {}, {}, {}, {}
local removed = 0
for at = 1, count do
  local id, version = ids[at], ARGV[FIXED + EACH * at - 1]
  local old = seen[id] or known[at]
  local live = old and not is_tombstone(old)
  if not live or string.sub(old, 1, 20) <= version then
    if live then
      spread(drops, all, prefix, places_of(old))
      gone[#gone + 1] = KEYS[4 + at]
    elseif old and string.sub(old, 1, 20) > version then
      version = string.sub(old, 1, 20)
    end
    if old and string.sub(old, 43, 62) ~= ZEROS then
      undue[#undue + 1] = string.sub(old, 43, 62) .. id
    end
    local header = version .. ' ' .. ZEROS .. ' ' .. ARGV[5] .. ' -\\n'
    seen[id] = header
    headers[#headers + 1] = id
    headers[#headers + 1] = header
    entries[#entries + 1] = 0
    entries[#entries + 1] = ARGV[5] .. id
    notes[#notes + 1] = id
    notes[#notes + 1] = ARGV[FIXED + EACH * at]
  end
end
if #headers == 0 then
  return 0
end
redis.call('HSET', meta, unpack(headers))
take_out(drops)
if #undue > 0 then
  redis.call('ZREM', due, unpack(undue))
end
redis.call('ZADD', due, unpack(entries))
if #gone > 0 then
  removed = redis.call('DEL', unpack(gone))
end
if ARGV[6] ~= '' then
  redis.call('PEXPIRE', meta, ARGV[6])
  redis.call('PEXPIRE', due, ARGV[6])
end
write_notes(redis.call('SMEMBERS', KEYS[4]), notes, ARGV[3])
return removed
"""
)
"""Leaves a tombstone for each id that is not known in a newer version; answers how many were."""

PRUNE: Final = Script(
    _SHARED
    + """
-- KEYS: headers, index of all. ARGV: prefix, prefix of records, the first member that stays, how
-- many at most. Members end in ids of 20 digits.
local old = redis.call('ZRANGEBYLEX', KEYS[2], '-', ARGV[3], 'LIMIT', 0, ARGV[4])
local out = {}
for _, member in ipairs(old) do
  local id = string.sub(member, -20)
  local header = redis.call('HGET', KEYS[1], id)
  if header then
    spread(out, KEYS[2], ARGV[1], places_of(header))
    redis.call('HDEL', KEYS[1], id)
  else
    group(out, KEYS[2], member)
  end
  redis.call('DEL', ARGV[2] .. id)
end
take_out(out)
return #old
"""
)
"""Drops the lowest records; answers how many."""
