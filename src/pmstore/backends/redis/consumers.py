"""Consumer groups over a Redis stream."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import attrs

from pmstore.backends.redis.scripts import Argument, Script
from pmstore.backends.redis.stream import RedisStream
from pmstore.backends.redis.stream_entries import RawEntry, entries_of, position_of
from pmstore.backends.redis.stream_groups import AGAIN, FORGET, POSITIONS, READ, RECLAIM
from pmstore.errors import CorruptData, InvalidQuery, SettingsError
from pmstore.models.position import START, Entry, Position
from pmstore.protocols.stream import Stream
from pmstore.storage.checks import check_ids
from pmstore.storage.lifetime import Lifetime

_PAGE: Final = 100
_LATE_S_MAX: Final = 60.0
"""How long after a lost answer its question may still reach the server."""
_PART_MAX: Final = 2**64 - 1
_NAMED_MAX: Final = 5
"""Ids that a message names at most."""


@attrs.define
class _Consumer:
    """What this object knows of a consumer: what it was given, and whether that may be all."""

    given: set[Position] = attrs.Factory(set)
    unseen: bool = False
    """The server gave it entries that were not handed on."""
    unsure_until: float = 0.0
    """An answer was lost: until this time of the loop the server may give such entries."""
    asking: asyncio.Lock = attrs.Factory(asyncio.Lock)


class RedisConsumers(Lifetime):
    """
    Groups over one stream, kept by the server; a `Consumers`.

    Entries stay in the stream alone: trim it through the lowest of `positions()`. An entry
    that was trimmed while a group was owed it is never passed over in silence: `reclaim`
    raises `CorruptData` with its id when it has nothing else to take, until it is acknowledged.

    What the server gave in an answer that was lost is given by the next `read` of the same
    consumer on the same object. What a consumer owed when its process died, only another
    name can `reclaim`: let every run of a process have a name of its own.

    Args:
        stream: A `RedisStream`, opened and closed by the caller.

    Raises:
        SettingsError: The stream is not kept in Redis.
    """

    def __init__(self, stream: Stream) -> None:
        if not isinstance(stream, RedisStream):
            raise SettingsError(
                [f"{type(stream).__name__} is no stream in Redis: it has no groups"]
            )
        super().__init__(limits=stream.limits)
        self._stream = stream
        self._consumers: dict[tuple[str, str], _Consumer] = {}

    async def read(self, group: str, name: str, limit: int, wait_s: float = 0.0, /) -> list[Entry]:
        """
        Up to *limit* entries that no consumer of *group* has had; see `Consumers.read`.

        Cancelling it while it waits takes nothing.

        Cost:
            One round trip; a waiting one two more for every time that it is woken.
        """
        self._check(group, name, limit)
        consumer = self._consumers.setdefault((group, name), _Consumer())
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait_s
        while True:
            async with consumer.asking:
                if consumer.unseen or loop.time() < consumer.unsure_until:
                    entries = await self._again(group, name, limit, consumer)
                    if entries:
                        return entries
                answer = await self._taking(consumer, READ, group, name, limit)
                entries = self._seen(consumer, answer[0])
            left_s = deadline - loop.time()
            if entries or left_s <= 0:
                return entries
            await self._stream.read(position_of(answer[1]), 1, left_s)
            self.check_call()

    async def ack(self, group: str, ids: Sequence[Position], /) -> int:
        """Say that these were processed; answers how many were owed."""
        self.check_call(len(ids))
        if not ids:
            return 0
        key = self._stream.stream_key
        count: int = await self._stream.client.call("XACK", key, group, *map(str, ids))
        for (of, _), consumer in self._consumers.items():
            if of == group:
                consumer.given.difference_update(ids)
        return count

    async def reclaim(self, group: str, name: str, idle_s: float, limit: int, /) -> list[Entry]:
        """
        Take over up to *limit* entries owed for *idle_s* seconds; see `Consumers.reclaim`.

        Raises:
            CorruptData: Nothing is left to take but entries that were trimmed; it names them.
                Acknowledge them to go on without them.

        Cost:
            One round trip, and a look at every entry that the group is owed.
        """
        self._check(group, name, limit)
        consumer = self._consumers.setdefault((group, name), _Consumer())
        idle_ms = max(0, round(idle_s * 1000))
        async with consumer.asking:
            taken, lost = await self._taking(consumer, RECLAIM, group, name, idle_ms, limit)
            entries = self._seen(consumer, taken)
        if lost and not entries:
            some = ", ".join(id.decode() for id in lost[:_NAMED_MAX])
            raise CorruptData(
                f"{len(lost)} entries were trimmed while they were owed: {some}"
                f"{', …' if len(lost) > _NAMED_MAX else ''}; acknowledge them to go on without",
                where=f"stream {self._stream.stream_key} group {group}",
            )
        return entries

    async def positions(self) -> dict[str, Position]:
        """For each group, the position through which nothing is owed to it."""
        self.check_call()
        return {
            name.decode(errors="backslashreplace"): (
                _before(position_of(owed)) if owed else position_of(given)
            )
            for name, given, owed in await self._run(POSITIONS)
        }

    async def forget(self, group: str, /) -> None:
        """Remove a group; an unknown one is no error."""
        self.check_call()
        await self._run(FORGET, group)
        for known in [key for key in self._consumers if key[0] == group]:
            del self._consumers[known]

    def _check(self, group: str, name: str, limit: int) -> None:
        self.check_call()
        check_ids("consumer", group, name)
        if limit < 1:
            raise InvalidQuery(f"limit is {limit}; take at least one entry")

    async def _run(self, script: Script, *args: Argument) -> Any:
        return await self._stream.client.run(script, (self._stream.stream_key,), args)

    async def _taking(self, consumer: _Consumer, script: Script, *args: Argument) -> Any:
        """Run a script that gives entries to *consumer*."""
        try:
            return await self._run(script, *args)
        except BaseException:
            consumer.unsure_until = asyncio.get_running_loop().time() + _LATE_S_MAX
            raise

    async def _again(self, group: str, name: str, limit: int, consumer: _Consumer) -> list[Entry]:
        """What the server gave to *consumer* and nobody has seen."""
        unseen: list[RawEntry] = []
        after = START
        while len(unseen) <= limit:
            page = await self._run(AGAIN, group, name, str(after), _PAGE)
            unseen += [raw for raw in page if position_of(raw[0]) not in consumer.given]
            if len(page) < _PAGE:
                break
            after = position_of(page[-1][0])
        consumer.unseen = len(unseen) > limit
        return self._seen(consumer, unseen[:limit])

    def _seen(self, consumer: _Consumer, raws: Sequence[RawEntry]) -> list[Entry]:
        """The entries of an answer, up to one that cannot be right."""
        entries: list[Entry] = []
        try:
            entries = entries_of(raws, self._stream.stream_key)
        finally:
            consumer.given.update(entry.id for entry in entries)
            if len(entries) < len(raws):
                consumer.unseen = True
        return entries


def _before(id: Position) -> Position:
    """The highest position before *id*."""
    return Position(id.ms, id.seq - 1) if id.seq else Position(id.ms - 1, _PART_MAX)
