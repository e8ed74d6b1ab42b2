"""An ordered log in NATS JetStream."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from types import TracebackType
from typing import Final, Self

import attrs
from nats.errors import Error

from pmstore import (
    EMPTY,
    INTEGER_MAX,
    START,
    Bounds,
    Conflict,
    CorruptData,
    Entry,
    Fenced,
    Head,
    InvalidQuery,
    InvalidRecord,
    LimitExceeded,
    Position,
    StoreUnavailable,
    WriteOutcome,
)
from pmstore.storage import Lifetime
from pmstore_nats.config import NatsConfig
from pmstore_nats.connection import WRONG_LAST_SEQUENCE, Connection, Message, message_of
from pmstore_nats.frames import AFTER_MS, BATCH, decode, encode, ms_of, number_of

_EPOCH: Final = "Pm-Epoch"
_EXPECTED: Final = "Nats-Expected-Last-Subject-Sequence"
_HEADERS_BYTES: Final = 512
_ATTEMPTS_MAX: Final = 1000
_AT_ONCE: Final = 64


@attrs.frozen
class _Tail:
    """What stands at the end: number of the last message, head, highest epoch."""

    seq: int
    head: Head
    epoch: int


class NatsStream(Lifetime):
    """
    A `Stream` whose batches are the messages of a JetStream stream.

    A position is the server's time at which the message was stored, in epoch milliseconds,
    with its number and the place in its batch; the time never goes back, since each message
    says that of the one before. Every message also carries the highest epoch seen, and is
    taken only directly behind the one that its writer has seen: conditions and batch are one
    atomic step of the server.

    Args:
        config: Which server, and the namespace in it.
        name: Of the stream; JetStream's is `<prefix>_<name>`.
    """

    def __init__(self, config: NatsConfig, name: str) -> None:
        super().__init__()
        self._config = config
        self._name = f"{config.prefix}_{name}" if config.prefix else name
        self._subject = f"pmstore.{self._name}"
        self._waiting: set[asyncio.Timeout] = set()

    @property
    def name(self) -> str:
        """What JetStream calls it."""
        return self._name

    async def __aenter__(self) -> Self:
        """
        Connect, and make the stream if it is not there.

        Raises:
            StoreUnavailable: Nobody answers, or there is no JetStream.
        """
        self._connection = Connection(self._config)
        self._appending = asyncio.Lock()
        self._tail: _Tail | None = None
        try:
            await self._connection.api(
                f"STREAM.CREATE.{self._name}",
                {
                    "name": self._name,
                    "subjects": [self._subject],
                    "retention": "limits",
                    "storage": "file",
                    "discard": "new",
                    "max_consumers": -1,
                    "max_msgs": -1,
                    "max_bytes": -1,
                    "max_age": 0,
                    "num_replicas": 1,
                },
            )
        except BaseException:
            await self._connection.close()
            raise
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
        now = asyncio.get_running_loop().time()
        for scope in self._waiting:
            scope.reschedule(now)
        await self._connection.close()

    async def append(
        self,
        items: Sequence[bytes],
        /,
        *,
        expect_head: Head | None = None,
        epoch: int | None = None,
    ) -> Position:
        """
        Add entries at the end as one message; see `Stream.append`.

        Raises:
            LimitExceeded: Also more bytes than the server takes in one message (1 MiB unless
                it is configured otherwise).

        Cost:
            Two round trips; two more whenever another writer came in between.
        """
        self.check_call(len(items))
        if not items:
            raise InvalidRecord("no item to append; an append has at least one")
        if not all(isinstance(item, bytes) and item for item in items):
            raise InvalidRecord("an item that is empty or no bytes; an entry has at least one byte")
        if epoch is not None and not 0 <= epoch <= INTEGER_MAX:
            raise InvalidRecord(f"epoch is {epoch}; it takes 0..2^63-1")
        data = encode(items)
        most = (await self._connection.client()).max_payload - _HEADERS_BYTES
        if len(data) > most:
            raise LimitExceeded(f"{len(data)} bytes in one append; this server takes {most}")
        async with self._appending:
            for _ in range(_ATTEMPTS_MAX):
                known = self._tail
                tail = known or await self._look()
                refused = _refused(self._name, tail, expect_head, epoch)
                if refused is not None:
                    self._tail = None
                    if known is not None:
                        continue
                    raise refused
                # Until the answer is there, nobody knows what stands at the end.
                self._tail = None
                highest = tail.epoch if epoch is None else epoch
                headers = {BATCH: str(len(items)), _EPOCH: str(highest)}
                if tail.head != EMPTY:
                    headers[AFTER_MS] = str(tail.head.id.ms)
                seq = await self._publish(data, tail.seq, headers)
                if seq is not None:
                    last = decode(await self._stored(seq), self._name)[-1]
                    self._tail = _Tail(seq, last.head, highest)
                    return last.id
        raise StoreUnavailable(
            f"{self._name}: other writers were faster {_ATTEMPTS_MAX} times",
            outcome=WriteOutcome.NOT_APPLIED,
        )

    async def _publish(self, data: bytes, behind: int, headers: dict[str, str]) -> int | None:
        """The number of the new message, None if *behind* is not the last one any more."""
        headers = {_EXPECTED: str(behind), **headers}
        said = await self._connection.request(self._subject, data, headers=headers, writes=True)
        error = said.get("error")
        if error is None:
            return int(said["seq"])
        if error.get("err_code") == WRONG_LAST_SEQUENCE:
            return None
        raise self._connection.refused(error)

    async def _stored(self, seq: int) -> Message:
        """What was taken just now, with the time that the server gave it."""
        try:
            message = await self._get(seq=seq)
        except StoreUnavailable as error:
            raise StoreUnavailable(str(error), outcome=WriteOutcome.UNKNOWN) from error
        if message is None:
            raise StoreUnavailable(
                f"{self._name}: message {seq} was taken, and removed by somebody since",
                outcome=WriteOutcome.UNKNOWN,
            )
        return message

    async def _look(self) -> _Tail:
        message, (_, last) = await self._last()
        if message is not None:
            entries = decode(message, self._name)
            return _Tail(message.seq, entries[-1].head, int(message.headers.get(_EPOCH, 0)))
        # Somebody removed every message: what follows has another head than anybody expects.
        head = Head(Position(last, 0), "") if last else EMPTY
        return _Tail(0, head, 0)

    async def read(self, after: Position, limit: int, wait_s: float = 0.0, /) -> list[Entry]:
        """
        Up to *limit* entries after *after*, waiting for one; see `Stream.read`.

        Cost:
            A round trip for every 64 messages, and two more; behind an id that is a time
            alone as many as the stream's length has bits.
        """
        self.check_call()
        if limit < 1:
            raise InvalidQuery(f"limit is {limit}; read at least one entry")
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait_s
        while True:
            try:
                found, last = await self._held(after, limit)
                left_s = deadline - loop.time()
                if not found and left_s > 0:
                    await self._woken(last, left_s)
            except StoreUnavailable:
                # Leaving ends what waits for an answer.
                self.check_call()
                raise
            self.check_call()
            if found or left_s <= 0:
                return found

    async def _held(self, after: Position, limit: int) -> tuple[list[Entry], int]:
        """What is there, and the number of the last message that was looked at."""
        first, last = await self._state()
        found: list[Entry] = []
        at = await self._number(after, first, last)
        while at <= last and len(found) < limit:
            behind = min(at + _AT_ONCE, at + limit - len(found) + 1, last + 1)
            for message in await asyncio.gather(*(self._get(seq=seq) for seq in range(at, behind))):
                if message is not None:
                    entries = decode(message, self._name)
                    found += [entry for entry in entries if entry.id > after]
            at = behind
        return found[:limit], last

    async def _number(self, after: Position, first: int, last: int) -> int:
        """The message from which on entries may be behind *after*, of those that are held."""
        number = number_of(after)
        if after == START or 0 < number < first:
            return max(first, 1)
        if 0 < number <= last:
            message = await self._get(seq=number)
            if message is not None and ms_of(message) == after.ms:
                return number
        # It is a time, or an id of another stream of this name: look for its place.
        low, high = max(first, 1), last + 1
        while low < high:
            middle = (low + high) // 2
            message = await self._get(seq=middle)
            if message is None or ms_of(message) > after.ms:
                high = middle
            else:
                low = middle + 1
        # Several messages may be of one time.
        while low > max(first, 1):
            message = await self._get(seq=low - 1)
            if message is not None and ms_of(message) < after.ms:
                break
            low -= 1
        return low

    async def _woken(self, number: int, wait_s: float) -> None:
        """Wait until a message behind that one is stored, at most *wait_s*."""
        client = await self._connection.client()
        try:
            async with asyncio.timeout(wait_s) as scope:
                self._waiting.add(scope)
                inbox = client.new_inbox()
                news = await client.subscribe(inbox)
                try:
                    await self._connection.api(
                        f"CONSUMER.CREATE.{self._name}",
                        {
                            "stream_name": self._name,
                            "config": {
                                "deliver_subject": inbox,
                                "deliver_policy": "by_start_sequence",
                                "opt_start_seq": number + 1,
                                "ack_policy": "none",
                                "replay_policy": "instant",
                                "headers_only": True,
                                "mem_storage": True,
                            },
                        },
                    )
                    await news.next_msg(timeout=None)
                finally:
                    self._waiting.discard(scope)
                    if client.is_connected:
                        await news.unsubscribe()
        except TimeoutError:
            return
        except (Error, OSError) as error:
            raise StoreUnavailable(
                f"{self._name}: {error}", outcome=WriteOutcome.NOT_APPLIED
            ) from error

    async def trim(self, through: Position, /) -> None:
        """
        Drop the messages that hold nothing behind *through*, never the last; see `Stream.trim`.
        """
        self.check_call()
        first, last = await self._state()
        keep = min(await self._number(through, first, last), last)
        while first <= keep < last:
            message = await self._get(seq=keep)
            if message is not None and decode(message, self._name)[-1].id > through:
                break
            keep += 1
        if keep > max(first, 1):
            await self._connection.api(f"STREAM.PURGE.{self._name}", {"seq": keep}, writes=True)

    async def bounds(self) -> Bounds | None:
        """
        The first and the last entry held, None if there never was one.

        Raises:
            CorruptData: There were messages, and somebody removed even the last one.
        """
        self.check_call()
        last, (first_seq, last_seq) = await self._last()
        if last is None:
            if last_seq:
                raise CorruptData(f"its {last_seq} messages are gone", where=self._name)
            return None
        first = await self._get(seq=first_seq) or last
        return Bounds(
            decode(first, self._name)[0],
            decode(last, self._name)[-1],
        )

    async def size_bytes(self) -> int:
        """What JetStream stores of it, headers included; see `Stream.size_bytes`."""
        self.check_call()
        return int((await self._connection.api(f"STREAM.INFO.{self._name}"))["state"]["bytes"])

    async def _get(self, **which: object) -> Message | None:
        said = await self._connection.api(f"STREAM.MSG.GET.{self._name}", which)
        return message_of(said["message"]) if said else None

    async def _last(self) -> tuple[Message | None, tuple[int, int]]:
        """The last message, and what `_state` says after it was asked for."""
        message = await self._get(last_by_subj=self._subject)
        state = await self._state()
        if message is None and state[1]:
            # The first one came in between, or somebody removed all of them.
            message = await self._get(last_by_subj=self._subject)
        return message, state

    async def _state(self) -> tuple[int, int]:
        """The numbers of the first and of the last message."""
        state = (await self._connection.api(f"STREAM.INFO.{self._name}"))["state"]
        return int(state["first_seq"]), int(state["last_seq"])


def _refused(
    name: str, tail: _Tail, expect_head: Head | None, epoch: int | None
) -> Fenced | Conflict | None:
    if epoch is not None and epoch < tail.epoch:
        return Fenced(f"{name}: epoch {epoch} is over: epoch {tail.epoch} has written")
    if expect_head is not None and expect_head != tail.head:
        return Conflict(f"{name}: the head is {tail.head}, not {expect_head}")
    return None
