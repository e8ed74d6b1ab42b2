"""Notes of what changed, written by the script that changes it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Generic, TypeVar

from pmstore.backends.redis.place import RedisPlace
from pmstore.backends.redis.scripts import Script
from pmstore.protocols.outbox import Backlog, Note

K = TypeVar("K")

_KEEP: Final = Script(
    """
-- KEYS: readers, the reader's notes, its dead ones. ARGV: the reader, 1 to keep it.
if ARGV[2] == '1' then
  return redis.call('SADD', KEYS[1], ARGV[1])
end
redis.call('DEL', KEYS[2], KEYS[3])
return redis.call('SREM', KEYS[1], ARGV[1])
"""
)

_FORGET: Final = Script(
    """
-- KEYS: readers, the reader's notes, its dead ones, the counter.
-- ARGV: the reader, 1 for a note about everything, then numbers.
for at = 3, #ARGV do
  redis.call('XDEL', KEYS[2], ARGV[at] .. '-0')
  redis.call('HDEL', KEYS[3], ARGV[at])
end
if ARGV[2] == '1' and redis.call('SISMEMBER', KEYS[1], ARGV[1]) == 1 then
  local time = redis.call('TIME')
  local ms = time[1] .. string.sub(string.format('%06d', time[2]), 1, 3)
  local number = string.format('%.0f-0', redis.call('INCR', KEYS[4]))
  redis.call('XADD', KEYS[2], number, 'k', '', 'l', '0', 't', ms)
end
"""
)

_BURY: Final = Script(
    """
-- KEYS: the reader's notes, its dead ones. ARGV: the reason, then numbers.
for at = 2, #ARGV do
  local id = ARGV[at] .. '-0'
  local note = redis.call('XRANGE', KEYS[1], id, id)[1]
  if note then
    local key, least = note[2][2], note[2][4]
    redis.call('XDEL', KEYS[1], id)
    redis.call('HSET', KEYS[2], ARGV[at], least .. ' ' .. #key .. ' ' .. key .. ARGV[1])
  end
end
"""
)

_BACKLOG: Final = Script(
    """
-- KEYS: the reader's notes.
local oldest = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
return {redis.call('XLEN', KEYS[1]), oldest and oldest[2][6] or '', redis.call('TIME')}
""",
    writes=False,
)


class RedisOutbox(Generic[K]):
    """
    Notes for each kept reader, a stream each; an `Outbox`.

    Args:
        place: Opened while this is used.
        name: Of the kind of records.
        key_of: The key of a record from its id.
    """

    def __init__(self, place: RedisPlace, name: str, key_of: Callable[[str], K]) -> None:
        self._place = place
        self._name = name
        self._key_of = key_of
        self._readers = place.key(f"{name}:readers")
        self._counter = place.key(f"{name}:seq")

    async def keep(self, reader: str, kept: bool = True, /) -> bool:
        """Write notes for *reader* from now on, or no longer; see `Outbox.keep`."""
        keys = [self._readers, self._notes(reader), self._dead(reader)]
        changed: int = await self._place.client.run(_KEEP, keys, [reader, int(kept)])
        return bool(changed)

    async def readers(self) -> list[str]:
        """Who is kept; see `Outbox.readers`."""
        found = await self._place.client.call("SMEMBERS", self._readers, writes=False)
        return sorted(name.decode() for name in found)

    async def notes(self, reader: str, limit: int, /, *, dead: bool = False) -> list[Note[K]]:
        """The oldest notes of *reader*; see `Outbox.notes`."""
        client = self._place.client
        if dead:
            buried = await client.call("HGETALL", self._dead(reader), writes=False)
            found = [
                self._buried(int(number), text)
                for number, text in zip(buried[::2], buried[1::2], strict=True)
            ]
            return sorted(found, key=lambda note: note.seq)[:limit]
        entries = await client.call(
            "XRANGE", self._notes(reader), "-", "+", "COUNT", limit, writes=False
        )
        return [
            Note(int(id.partition(b"-")[0]), self._key(fields[1]), int(fields[3]))
            for id, fields in entries
        ]

    async def forget(
        self, reader: str, notes: Sequence[Note[K]], /, *, everything: bool = False
    ) -> None:
        """Delete exactly these; see `Outbox.forget`."""
        if notes or everything:
            keys = [self._readers, self._notes(reader), self._dead(reader), self._counter]
            numbers = [note.seq for note in notes]
            await self._place.client.run(_FORGET, keys, [reader, int(everything), *numbers])

    async def bury(self, reader: str, notes: Sequence[Note[K]], reason: str, /) -> None:
        """Move these to the dead letters; see `Outbox.bury`."""
        if notes:
            keys = [self._notes(reader), self._dead(reader)]
            numbers = [note.seq for note in notes]
            await self._place.client.run(_BURY, keys, [reason, *numbers])

    async def backlog(self, reader: str, /) -> Backlog:
        """Depth and age of what *reader* has; see `Outbox.backlog`."""
        depth, since, time = await self._place.client.run(_BACKLOG, [self._notes(reader)], [])
        if not depth:
            return Backlog(depth=0, lag_s=0.0)
        now_ms = int(time[0]) * 1000 + int(time[1]) // 1000
        return Backlog(depth=depth, lag_s=max(0, now_ms - int(since)) / 1000)

    def _key(self, id: bytes) -> K | None:
        return self._key_of(id.decode()) if id else None

    def _buried(self, number: int, text: bytes) -> Note[K]:
        least, size, rest = text.split(b" ", 2)
        id, reason = rest[: int(size)], rest[int(size) :]
        return Note(number, self._key(id), int(least), reason.decode())

    def _notes(self, reader: str) -> str:
        return self._place.key(f"{self._name}:notes:{reader}")

    def _dead(self, reader: str) -> str:
        return self._place.key(f"{self._name}:dead:{reader}")
