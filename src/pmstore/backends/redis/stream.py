"""An ordered log as a Redis stream."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import Final, NoReturn, Self

from pmstore.backends.redis.client import RedisClient
from pmstore.backends.redis.config import RESERVED, RedisConfig
from pmstore.backends.redis.place import RedisPlace
from pmstore.backends.redis.scripts import Argument
from pmstore.backends.redis.stream_entries import entries_of, entry_of, position_of
from pmstore.backends.redis.stream_scripts import APPEND, BOUNDS, SETTLE, TRIM
from pmstore.clock import Clock
from pmstore.errors import (
    Conflict,
    CorruptData,
    Fenced,
    InvalidQuery,
    InvalidRecord,
    LimitExceeded,
    SettingsError,
    StoreUnavailable,
    WriteOutcome,
)
from pmstore.models.position import START, Bounds, Entry, Head, Position
from pmstore.storage.checks import check_integers

_BATCH_BYTES_MAX: Final = 256 * 1024 * 1024
"""Redis takes no command of more than 1 GiB, and no argument of more than 512 MiB."""
_BLOCK_S_MAX: Final = 5.0
"""How long one command waits at most: so much later a server that hangs is noticed."""
_FIRST_READ: Final = 128
"""Entries that are asked for before it is known how large they are."""
_READ_BYTES_MAX: Final = 16 * 1024 * 1024
_PART_MAX: Final = 2**64 - 1


class RedisStream(RedisPlace):
    """
    A Redis stream with one field per entry; a `Stream`.

    An append is one script: its conditions and its entries are one atomic step, and nothing
    is ever sent twice. Entries of other producers are taken whatever their field is called.
    An entry without a field or with several is `CorruptData` once those before it are read.

    Everything is as durable as the server is configured: with `appendfsync always` what was
    acknowledged survives the crash of everything, with `everysec` the last second may be
    lost. A server that came back empty, or from an older dump, has lost heads and epochs
    too: a conditional append finds another head then, ids go on behind what is left.

    With `ack_replicas` an append, and a read too, is answered when that many replicas have it
    on their disks as well: what was answered survives a failover to one of them. A read writes
    a little then, and waits like an append.

    Args:
        config: Where, and which field entries have; the key is its prefix and *name*.
        name: Of the stream; not a word that our own keys begin with, such as `lease`.
        clock: Milliseconds for the ids; unset, the server's. Ids grow also if it goes back.
        client: Used instead of one of *config*'s; the caller enters and leaves it.

    Raises:
        SettingsError: A stream cannot have that name.
    """

    def __init__(
        self,
        config: RedisConfig,
        name: str,
        *,
        clock: Clock | None = None,
        client: RedisClient | None = None,
    ) -> None:
        super().__init__(config, client=client)
        if name in RESERVED:
            raise SettingsError([f"a stream cannot be called {name!r}: keys of ours begin with it"])
        self._key = self.key(name)
        self._epoch_key = self.key(f"epoch:{name}")
        self._ack_key = self.key(f"ack:{name}")
        self._replicas = config.ack_replicas
        self._field = config.field or _field_of(name)
        self._clock = clock
        self._waiting: set[asyncio.Timeout] = set()

    @property
    def stream_key(self) -> str:
        """The key of the stream."""
        return self._key

    async def __aenter__(self) -> Self:
        """
        Open the stream.

        Raises:
            StoreUnavailable: Nobody answers, or not to us.
            SettingsError: The server cannot wait for its replicas.
        """
        await super().__aenter__()
        if self._replicas is not None:
            try:
                [known] = await self.client.call("COMMAND", "INFO", "WAITAOF", writes=False)
                if known is None:
                    raise SettingsError(
                        [
                            f"{self._config.where}: the server has no WAITAOF, which ENGINE_ACK="
                            f"waitaof:{self._replicas} (ack_replicas={self._replicas}) needs: "
                            "take Redis 7.2 or newer, or Valkey"
                        ]
                    )
            except BaseException:
                await super().__aexit__(None, None, None)
                raise
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        now = asyncio.get_running_loop().time()
        for scope in self._waiting:
            scope.reschedule(now)
        await super().__aexit__(exc_type, exc, traceback)

    async def append(
        self,
        items: Sequence[bytes],
        /,
        *,
        expect_head: Head | None = None,
        epoch: int | None = None,
    ) -> Position:
        """
        Add entries at the end; see `Stream.append`.

        After an unknown outcome the same call with the same `expect_head` is safe: it is
        `Conflict` if the first one was written, and reading on tells by whom.

        Raises:
            LimitExceeded: Also for more than 256 MiB in one batch.
            CorruptData: The stored head or epoch cannot be right.
        """
        self.check_call(len(items))
        if not items:
            raise InvalidRecord("no item to append; an append has at least one")
        if not all(isinstance(item, bytes) and item for item in items):
            raise InvalidRecord("an item that is empty or no bytes; an entry has at least one byte")
        size = sum(map(len, items))
        if size > _BATCH_BYTES_MAX:
            raise LimitExceeded(f"{size} bytes in one append; at most {_BATCH_BYTES_MAX}")
        if epoch is not None:
            check_integers("epoch", epoch)
        conditions: tuple[Argument, ...] = (
            "" if self._clock is None else self._clock(),
            "" if expect_head is None else str(expect_head.id),
            "" if expect_head is None else expect_head.payload_hash,
            "" if epoch is None else epoch,
        )
        keys = (self._key, self._epoch_key)
        arguments = (self._field, *conditions, *items)
        if self._replicas is None:
            word, *about = await self.client.run(APPEND, keys, arguments)
        else:
            word, *about = await self.client.run_durably(
                APPEND, keys, arguments, wrote=b"appended", replicas=self._replicas
            )
        if word != b"appended":
            self._refuse(word, about, expect_head, epoch)
        return position_of(about[0])

    def _refuse(
        self, word: bytes, about: list[bytes], expect_head: Head | None, epoch: int | None
    ) -> NoReturn:
        first, *rest = (text.decode(errors="replace") for text in about)
        if word == b"fenced":
            raise Fenced(
                f"{self._key}: epoch {epoch} is over: epoch {first} has written; stop writing"
            )
        if word == b"conflict":
            raise Conflict(
                f"{self._key}: the head is {first} {rest[0] or '(no entry)'}, not {expect_head}; "
                "read to the end again"
            )
        raise CorruptData(" ".join(rest), where=f"stream {self._key}, {first}")

    async def read(self, after: Position, limit: int, wait_s: float = 0.0, /) -> list[Entry]:
        """
        Up to *limit* entries after *after*, waiting for one; see `Stream.read`.

        Also fewer where more are there, if they are large: about 16 MiB at a time. Cancelling
        it takes nothing from later reads.

        Cost:
            One round trip for up to 128 entries, another one for more. A read that waits asks
            again every 5 seconds. With `ack_replicas` one more, for as long as these need.
        """
        self.check_call()
        if limit < 1:
            raise InvalidQuery(f"limit is {limit}; read at least one entry")
        first = min(limit, _FIRST_READ)
        if wait_s <= 0:
            entries = await self._range(after, first)
        else:
            loop = asyncio.get_running_loop()
            deadline = loop.time() + wait_s
            while True:
                left_s = deadline - loop.time()
                entries = await self._awaited(after, first, min(left_s, _BLOCK_S_MAX))
                if entries or loop.time() >= deadline:
                    break
        if len(entries) < first or first == limit:
            return await self._settled(entries)
        size = sum(len(entry.payload) for entry in entries)
        more = min(limit - first, (_READ_BYTES_MAX - size) * first // max(size, 1))
        if more > 0:
            # Those that were read are not withheld for a bad one behind them.
            with suppress(CorruptData):
                entries += await self._range(entries[-1].id, more)
        return await self._settled(entries)

    async def _settled(self, entries: list[Entry]) -> list[Entry]:
        """The same entries, when they are as durable as an append promises."""
        if self._replicas is None or not entries:
            return entries
        last = entries[-1].head
        try:
            [word] = await self.client.run_durably(
                SETTLE,
                (self._key, self._ack_key),
                (str(last.id), last.payload_hash),
                wrote=b"there",
                replicas=self._replicas,
            )
        except StoreUnavailable as error:
            self.check_call()
            raise StoreUnavailable(
                f"{self._key} {last.id}: {error}", outcome=WriteOutcome.NOT_APPLIED
            ) from error
        if word != b"there":
            # It was read from a server that is not the one any more, or trimmed meanwhile.
            raise StoreUnavailable(
                f"{self._key}: the entry {last.id} that was read is gone: read again",
                outcome=WriteOutcome.NOT_APPLIED,
            )
        return entries

    async def _range(self, after: Position, count: int) -> list[Entry]:
        """Up to *count* entries after *after* that are there now."""
        if after == (_PART_MAX, _PART_MAX):
            return []
        command = ("XRANGE", self._key, f"({after}", "+", "COUNT", count)
        return entries_of(await self.client.call(*command, writes=False), self._key)

    async def _awaited(self, after: Position, count: int, block_s: float) -> list[Entry]:
        """Up to *count* entries after *after*, as soon as there is one; none after *block_s*."""
        block_ms = max(1, math.ceil(block_s * 1000))
        command = ("XREAD", "COUNT", count, "BLOCK", block_ms, "STREAMS", self._key, str(after))
        try:
            async with asyncio.timeout(None) as scope:
                self._waiting.add(scope)
                try:
                    answer = await self.client.wait(*command, wait_s=block_ms / 1000)
                finally:
                    self._waiting.discard(scope)
        except (TimeoutError, StoreUnavailable):
            # Leaving ends the scope, and takes the connection away.
            self.check_call()
            raise
        self.check_call()
        return entries_of(answer[0][1], self._key) if answer else []

    async def trim(self, through: Position, /) -> None:
        """
        Drop the entries up to and including *through*, never the last; see `Stream.trim`.

        Exactly these, whatever the groups of the stream are still owed.
        """
        self.check_call()
        await self.client.run(TRIM, (self._key,), (str(_behind(through)),))

    async def bounds(self) -> Bounds | None:
        """
        The first and the last entry held, None if there never was one.

        Raises:
            CorruptData: There were entries, and somebody removed even the last one.

        Cost:
            One round trip.
        """
        self.check_call()
        answer = await self.client.run(BOUNDS, (self._key,), ())
        if not answer or answer[0] == str(START).encode():
            return None
        newest, first, last = answer
        if first is None:
            raise CorruptData(
                f"its entries up to {newest.decode()} are gone, the last one too",
                where=f"stream {self._key}",
            )
        return Bounds(entry_of(first, self._key), entry_of(last, self._key))

    async def size_bytes(self) -> int:
        """
        What the stream takes of the server's memory, exactly; see `Stream.size_bytes`.

        The server looks at every node of the stream, of 4 KiB or a larger entry each: 1 GiB
        takes it less than a millisecond in entries of 60 kB, and about 10 ms in small ones.
        Ask now and then, not with every append.
        """
        self.check_call()
        command = ("MEMORY", "USAGE", self._key, "SAMPLES", 0)
        return int(await self.client.call(*command, writes=False) or 0)


def _field_of(name: str) -> str:
    stem = name.removesuffix("_stream")
    return name if stem == name else f"{stem}_key"


def _behind(position: Position) -> Position:
    """The lowest position after *position*, or itself if that is the highest one."""
    if position.seq < _PART_MAX:
        return Position(position.ms, position.seq + 1)
    return Position(position.ms + 1, 0) if position.ms < _PART_MAX else position
