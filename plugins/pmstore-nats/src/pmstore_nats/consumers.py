"""Consumer groups in a bucket of NATS JetStream."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from types import TracebackType
from typing import Final, Self

import attrs

from pmstore import (
    START,
    CorruptData,
    Entry,
    InvalidQuery,
    Position,
    StoreUnavailable,
    WriteOutcome,
)
from pmstore.plugin import Clock
from pmstore.storage import Lifetime, check_ids
from pmstore_nats.bucket import ATTEMPTS_MAX, Bucket, Value
from pmstore_nats.config import NatsConfig
from pmstore_nats.stream import NatsStream

_SEQ_MAX: Final = 2**63 - 1


@attrs.frozen
class _Owed:
    """Who has had an entry and not acknowledged it, and since when (epoch milliseconds)."""

    name: str
    since_ms: int


@attrs.define
class _Group:
    """How far a group was given entries, and what is owed to it."""

    value: Value
    given: Position = START
    owed: dict[Position, _Owed] = attrs.Factory(dict)

    def encode(self) -> bytes:
        by_name: dict[str, list[list[int]]] = {}
        for id, owed in self.owed.items():
            by_name.setdefault(owed.name, []).append([id.ms, id.seq, owed.since_ms])
        record = {"given": [self.given.ms, self.given.seq], "owed": by_name}
        return json.dumps(record, separators=(",", ":")).encode()


class NatsConsumers(Lifetime):
    """
    Groups over one stream for all who reach the same NATS; a `Consumers`.

    The bucket `<prefix>_<stream>_groups` has a value for each group: how far it was given
    entries, and what each consumer owes since when, by the server's time. Every change is one
    write over the revision that was seen, so that one consumer at a time changes a group: for
    some thousand entries a second in reads of many, and at most some ten thousand that are owed.

    Args:
        config: Which server.
        stream: Where the entries come from; opened and closed by the caller.
        clock: The time in epoch milliseconds; unset, the server's.
    """

    def __init__(
        self, config: NatsConfig, stream: NatsStream, *, clock: Clock | None = None
    ) -> None:
        super().__init__()
        self._stream = stream
        self._clock = clock
        self._bucket = Bucket(config, f"{stream.name}_groups")

    async def __aenter__(self) -> Self:
        """Connect, and make the bucket if it is not there; see `Bucket.open`."""
        await self._bucket.open()
        return await super().__aenter__()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        if not self._opened:
            return
        await super().__aexit__(exc_type, exc, traceback)
        await self._bucket.close()

    async def read(self, group: str, name: str, limit: int, wait_s: float = 0.0, /) -> list[Entry]:
        """
        Up to *limit* entries that no consumer of *group* has had; see `Consumers.read`.

        After an unknown outcome *name* owes them, and another can take them over.

        Cost:
            Four round trips and those of `Stream.read`; again whenever another was faster.
        """
        self._check(group, name, limit)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait_s
        for _ in range(ATTEMPTS_MAX):
            known = await self._look(group)
            if known.value.data is None and not await self._write(group, known):
                continue  # it is there now
            left_s = max(0.0, deadline - loop.time())
            entries = await self._stream.read(known.given, limit, left_s)
            if not entries:
                if loop.time() >= deadline:
                    return []
                continue
            asked_after, known = known.given, await self._look(group)
            entries = [entry for entry in entries if entry.id > known.given]
            # A group that was forgotten meanwhile, and came to be again, stands before.
            if entries and known.given >= asked_after and known.value.data is not None:
                now_ms = await self._now_ms()
                known.owed.update((entry.id, _Owed(name, now_ms)) for entry in entries)
                known.given = entries[-1].id
                if await self._write(group, known):
                    return entries
        raise self._outpaced(group)

    async def ack(self, group: str, ids: Sequence[Position], /) -> int:
        """
        Say that these were processed; answers how many were owed.

        Cost:
            Two round trips; again whenever another was faster.
        """
        self.check_call(len(ids))
        for _ in range(ATTEMPTS_MAX):
            known = await self._look(group)
            count = sum(known.owed.pop(id, None) is not None for id in ids)
            if not count or await self._write(group, known):
                return count
        raise self._outpaced(group)

    async def reclaim(self, group: str, name: str, idle_s: float, limit: int, /) -> list[Entry]:
        """
        Take over up to *limit* entries owed for *idle_s* seconds; see `Consumers.reclaim`.

        Raises:
            CorruptData: Nothing is left to take but entries that were trimmed; it names the
                first. Acknowledge it to go on without.
        """
        self._check(group, name, limit)
        for _ in range(ATTEMPTS_MAX):
            known = await self._look(group)
            if not known.owed:
                return []
            now_ms = await self._now_ms()
            due = [
                id
                for id, owed in sorted(known.owed.items())
                if owed.name != name and now_ms - owed.since_ms >= idle_s * 1000
            ]
            entries = await self._entries(due, limit)
            if not entries:
                if due:
                    raise self._trimmed(group, due)
                return []
            known.owed.update((entry.id, _Owed(name, now_ms)) for entry in entries)
            if await self._write(group, known):
                return entries
        raise self._outpaced(group)

    async def positions(self) -> dict[str, Position]:
        """For each group, the position through which nothing is owed to it."""
        self.check_call()
        found: dict[str, Position] = {}
        for name in await self._bucket.names():
            known = await self._look(name)
            if known.value.data is not None:
                found[name] = _before(min(known.owed)) if known.owed else known.given
        return found

    async def forget(self, group: str, /) -> None:
        """Remove a group; an unknown one is no error."""
        self.check_call()
        for _ in range(ATTEMPTS_MAX):
            value = await self._bucket.get(group)
            if value.data is None or await self._bucket.remove(group, value):
                return
        raise self._outpaced(group)

    async def _look(self, group: str) -> _Group:
        value = await self._bucket.get(group)
        if value.data is None:
            return _Group(value)
        try:
            said = json.loads(value.data)
            owed = {
                Position(ms, seq): _Owed(name, since_ms)
                for name, several in said["owed"].items()
                for ms, seq, since_ms in several
            }
            return _Group(value, Position(*said["given"]), owed)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            where = f"{self._bucket.name} {group}"
            raise CorruptData(f"no group: {error!r}", where=where) from error

    async def _write(self, group: str, known: _Group) -> bool:
        return await self._bucket.put(group, known.encode(), known.value)

    async def _entries(self, ids: Sequence[Position], limit: int) -> list[Entry]:
        """The first *limit* entries of *ids* that the stream still holds."""
        held: dict[Position, Entry] = {}
        found: list[Entry] = []
        for id in ids:
            if len(found) == limit:
                break
            if id not in held:
                read = await self._stream.read(_before(id), limit - len(found))
                held.update((entry.id, entry) for entry in read)
            if id in held:
                found.append(held[id])
        return found

    async def _now_ms(self) -> int:
        return await self._bucket.now_ms() if self._clock is None else self._clock()

    def _check(self, group: str, name: str, limit: int) -> None:
        self.check_call()
        check_ids("consumer", group, name)
        if limit < 1:
            raise InvalidQuery(f"limit is {limit}; take at least one entry")

    def _trimmed(self, group: str, ids: Sequence[Position]) -> CorruptData:
        return CorruptData(
            f"{len(ids)} entries were trimmed while they were owed, the first is {ids[0]}; "
            "acknowledge them to go on without",
            where=f"{self._bucket.name} {group}",
            position=(ids[0].ms, ids[0].seq),
        )

    def _outpaced(self, group: str) -> StoreUnavailable:
        return StoreUnavailable(
            f"{self._bucket.name} {group}: others were faster {ATTEMPTS_MAX} times",
            outcome=WriteOutcome.NOT_APPLIED,
        )


def _before(id: Position) -> Position:
    """The highest position before *id*."""
    return Position(id.ms, id.seq - 1) if id.seq else Position(id.ms - 1, _SEQ_MAX)
