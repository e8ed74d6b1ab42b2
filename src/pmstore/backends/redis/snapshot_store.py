"""Snapshots in Redis."""

from __future__ import annotations

import asyncio
import builtins
import hashlib
import warnings
from typing import Final

from pmstore.backends.redis.config import RedisConfig
from pmstore.backends.redis.place import RedisPlace
from pmstore.backends.redis.scripts import Script
from pmstore.codec import decode_snapshot, decode_snapshot_info, encode_snapshot
from pmstore.errors import (
    BrokenSnapshotWarning,
    CorruptData,
    InvalidQuery,
    StoreUnavailable,
    WriteOutcome,
)
from pmstore.models.snapshot import Snapshot, SnapshotInfo

PIECE_BYTES_MIN: Final = 1_000_000
"""A generation is stored in pieces a little larger than this: no command carries more."""

_DRAFT_S: Final = 3600
"""Seconds after which the pieces of a save that was not finished are forgotten."""

_PUSH: Final = Script(
    """
-- KEYS: the generation. ARGV: a piece, seconds for which an unfinished one is kept.
redis.call('RPUSH', KEYS[1], ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[2])
"""
)
"""Adds a piece."""

_FINISH: Final = Script(
    """
-- KEYS: the generation, the index. ARGV: pieces, name.
if redis.call('LLEN', KEYS[1]) ~= tonumber(ARGV[1]) then
  return 0
end
redis.call('PERSIST', KEYS[1])
redis.call('ZADD', KEYS[2], 0, ARGV[2])
return 1
"""
)
"""Lets a generation whose pieces are all there be one."""

_FORGET: Final = Script(
    """
-- KEYS: the index, then the generations. ARGV: their names.
local removed = redis.call('ZREM', KEYS[1], unpack(ARGV))
for at = 2, #KEYS do
  redis.call('UNLINK', KEYS[at])
end
return removed
"""
)
"""Removes generations; answers how many were there."""


class RedisSnapshotStore(RedisPlace):
    """
    Keeps generations of snapshots in Redis; a `SnapshotStore`.

    A generation is the snapshot file in pieces, the list `snapshot:{number}`; `snapshots`
    names those that are whole. Numbers are never used again.

    Args:
        config: Where.
    """

    def __init__(self, config: RedisConfig) -> None:
        super().__init__(config)
        self._index = self.key("snapshots")
        self._counter = self.key("snapshots:count")

    async def save(self, snapshot: Snapshot, /) -> SnapshotInfo:
        """
        Store a generation; see `SnapshotStore.save`.

        It becomes one after its pieces were read back and are what was written; pieces of
        one that does not are forgotten by the server.

        Cost:
            Two round trips for each megabyte, and three.
        """
        self.check_call()
        number: int = await self.client.call("INCR", self._counter)
        name = f"{number:012d}"
        key = self._key(name)
        digest = hashlib.sha256()
        pieces = size = 0
        piece = bytearray()
        for part in encode_snapshot(snapshot):
            piece += part
            if len(piece) >= PIECE_BYTES_MIN:
                digest.update(piece)
                size += len(piece)
                pieces += 1
                await self._push(key, bytes(piece))
                piece.clear()
        digest.update(piece)
        size += len(piece)
        pieces += 1
        await self._push(key, bytes(piece))
        if hashlib.sha256(await self._read(name)).digest() != digest.digest():
            raise CorruptData("what was read back is not what was written", where=key)
        if not await self.client.run(_FINISH, [key, self._index], [pieces, name]):
            raise StoreUnavailable(
                f"{key} is gone before it was finished: saving took over {_DRAFT_S} seconds",
                outcome=WriteOutcome.NOT_APPLIED,
            )
        return SnapshotInfo.of(snapshot, name=name, size_bytes=size)

    async def load(self) -> Snapshot | None:
        """The newest valid generation; see `SnapshotStore.load`."""
        self.check_call()
        names = await self._names()
        problems = []
        for name in reversed(names):
            try:
                snapshot = await self.get(name)
            except CorruptData as error:
                problems.append(str(error))
                continue
            if snapshot is not None:
                for problem in problems:
                    warnings.warn(f"skipped a broken snapshot: {problem}", BrokenSnapshotWarning, 2)
                return snapshot
        if problems:
            raise CorruptData(
                f"none of {len(problems)} generations is valid; the newest: {problems[0]}",
                where=self._index,
            )
        return None

    async def get(self, name: str, /) -> Snapshot | None:
        """The generation of that name, None if there is none."""
        self.check_call()
        content = await self._read(name)
        if not content:
            if name in await self._names():
                raise CorruptData("its pieces are gone", where=self._key(name))
            return None
        return await asyncio.to_thread(decode_snapshot, content, self._key(name))

    async def list(self) -> list[SnapshotInfo]:
        """Every generation, oldest first, the broken ones with their `problem`."""
        self.check_call()
        return [await self._info(name) for name in await self._names()]

    async def prune(self, keep: int, /) -> int:
        """Remove all but the newest *keep* verified generations; see `SnapshotStore.prune`."""
        self.check_call()
        if keep < 1:
            raise InvalidQuery(f"keep is {keep}; at least one generation stays")
        kept = 0
        surplus = []
        for name in reversed(await self._names()):
            if kept >= keep:
                surplus.append(name)
            elif (await self._info(name)).problem is None:
                kept += 1
        if not surplus:
            return 0
        keys = [self._index, *map(self._key, surplus)]
        removed: int = await self.client.run(_FORGET, keys, surplus)
        return removed

    async def _push(self, key: str, piece: bytes) -> None:
        await self.client.run(_PUSH, [key], [piece, _DRAFT_S])

    async def _names(self) -> builtins.list[str]:
        names = await self.client.call("ZRANGE", self._index, 0, -1, writes=False)
        return [name.decode() for name in names]

    async def _read(self, name: str) -> bytes:
        """The content of a generation; empty if there is none."""
        key = self._key(name)
        pieces: builtins.list[bytes] = []
        while True:
            piece = await self.client.call("LINDEX", key, len(pieces), writes=False)
            if piece is None:
                return b"".join(pieces)
            pieces.append(piece)

    async def _info(self, name: str) -> SnapshotInfo:
        content = await self._read(name)
        try:
            return await asyncio.to_thread(decode_snapshot_info, content, name, self._key(name))
        except CorruptData as error:
            return _broken(name, len(content), str(error))

    def _key(self, name: str) -> str:
        return self.key(f"snapshot:{name}")


def _broken(name: str, size_bytes: int, problem: str) -> SnapshotInfo:
    return SnapshotInfo(
        name=name,
        timestamp=0,
        number=0,
        hash="",
        last_message_id=None,
        input_position=None,
        size_bytes=size_bytes,
        problem=problem,
    )
