"""Consumer groups in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import attrs

from pmstore.clock import Clock, system_clock
from pmstore.errors import InvalidQuery
from pmstore.models.position import START, Entry, Position
from pmstore.protocols.stream import Stream
from pmstore.storage.checks import check_ids
from pmstore.storage.lifetime import Lifetime

_SEQ_MAX = 2**64 - 1


@attrs.define
class _Owed:
    """An entry that a consumer has had and not acknowledged."""

    entry: Entry
    name: str
    since_ms: int


@attrs.define
class _Group:
    """How far a group was given entries, and what is owed to it, in stream order."""

    given: Position = START
    owed: dict[Position, _Owed] = attrs.Factory(dict)


class MemoryConsumers(Lifetime):
    """
    Groups over one stream, kept in this process; a `Consumers`.

    What is owed is held here, so that trimming the stream takes nothing from a group.

    Args:
        stream: Where the entries come from; opened and closed by the caller.
        clock: The time now in epoch milliseconds.
    """

    def __init__(self, stream: Stream, *, clock: Clock = system_clock) -> None:
        super().__init__()
        self._stream = stream
        self._clock = clock
        self._groups: dict[str, _Group] = {}

    async def read(self, group: str, name: str, limit: int, wait_s: float = 0.0, /) -> list[Entry]:
        """Up to *limit* entries that no consumer of *group* has had; see `Consumers.read`."""
        self.check_call()
        check_ids("consumer", group, name)
        if limit < 1:
            raise InvalidQuery(f"limit is {limit}; read at least one entry")
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait_s
        known = self._groups.setdefault(group, _Group())
        while True:
            given = known.given
            entries = await self._stream.read(given, limit, max(0.0, deadline - loop.time()))
            # From here to the return nothing awaits: what is taken, is taken by one reader.
            self.check_call()
            known = self._groups.setdefault(group, _Group())
            fresh = [entry for entry in entries if entry.id > known.given]
            if fresh:
                now_ms = self._clock()
                for entry in fresh:
                    known.owed[entry.id] = _Owed(entry, name, now_ms)
                known.given = fresh[-1].id
                return fresh
            if known.given <= given and loop.time() >= deadline:
                return []

    async def ack(self, group: str, ids: Sequence[Position], /) -> int:
        """Say that these were processed; answers how many were owed."""
        self.check_call(len(ids))
        known = self._groups.get(group)
        if known is None:
            return 0
        return sum(known.owed.pop(id, None) is not None for id in ids)

    async def reclaim(self, group: str, name: str, idle_s: float, limit: int, /) -> list[Entry]:
        """Take over up to *limit* entries owed for *idle_s* seconds; see `Consumers.reclaim`."""
        self.check_call()
        check_ids("consumer", group, name)
        if limit < 1:
            raise InvalidQuery(f"limit is {limit}; reclaim at least one entry")
        known = self._groups.get(group)
        if known is None:
            return []
        now_ms = self._clock()
        taken: list[Entry] = []
        for owed in known.owed.values():
            if owed.name != name and now_ms - owed.since_ms >= idle_s * 1000:
                owed.name = name
                owed.since_ms = now_ms
                taken.append(owed.entry)
                if len(taken) == limit:
                    break
        return taken

    async def positions(self) -> dict[str, Position]:
        """For each group, the position through which nothing is owed to it."""
        self.check_call()
        return {
            name: _before(next(iter(group.owed))) if group.owed else group.given
            for name, group in self._groups.items()
        }

    async def forget(self, group: str, /) -> None:
        """Remove a group; an unknown one is no error."""
        self.check_call()
        self._groups.pop(group, None)


def _before(id: Position) -> Position:
    """The highest position before *id*."""
    return Position(id.ms, id.seq - 1) if id.seq else Position(id.ms - 1, _SEQ_MAX)
