"""Where requests to settle trades go: a sink that takes each batch of the log once, in order."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final, Protocol

import attrs
import msgspec
import structlog

from pmengine.projections import BatchTold, decode_batch_told, decode_documents
from pmengine.services.log import BEGINNING, Log, Place, before
from pmstore import (
    EMPTY,
    Consumers,
    Head,
    Position,
    StoreUnavailable,
    Stream,
    Trade,
    payload_hash,
)

SETTLEMENT_STREAM: Final = "settlement_stream"
TRIM_S: Final = 1.0
"""How often it is asked what the groups that read the requests have done with."""

_logger = structlog.get_logger("pmengine.settlement")


class SettlementRequest(msgspec.Struct, tag_field="types", tag=True, kw_only=True, frozen=True):
    """The sides of `trade` have to be settled; asked once for each trade."""

    trade: Trade


class SettlementSkipped(msgspec.Struct, tag_field="types", tag=True, kw_only=True, frozen=True):
    """The batch could not be taken for `reason`, and lies among the dead letters."""

    reason: str


@attrs.frozen
class ToSettle:
    """What one batch of the log asks to settle: nothing, one request a trade, or a skip."""

    batch: BatchTold
    documents: Sequence[SettlementRequest | SettlementSkipped]

    @property
    def place(self) -> Place:
        """Of the batch on the log."""
        batch = self.batch
        return Place(Position.parse(batch.position), batch.number, batch.hash)


class Settlement(Protocol):
    """
    Takes requests and the number of their batch in one step.

    One that was refused for another's sake (`Conflict`) took nothing; who asks `last` again
    knows what was taken. Any number of processes use the same sink.
    """

    async def last(self) -> Place | None:
        """
        The last batch that was taken, None before the first.

        Raises:
            StoreUnavailable, CorruptData: It cannot be known.
        """
        ...

    async def settle(self, batches: Sequence[ToSettle], /) -> None:
        """
        Take *batches*, which follow what `last` answered: all of them, or none.

        Raises:
            Conflict: Somebody took a batch since `last` was asked.
            InvalidRecord, LimitExceeded: The sink will never take this.
            StoreUnavailable: Perhaps they were taken.
        """
        ...


class StreamSettlement:
    """
    A sink that is a stream: one entry for each batch, an array that begins with the batch.

    Whoever settles reads it as groups of consumers. Who writes it lets go what all of them have
    acknowledged; without a group nobody is known to have settled anything, and all is kept.

    Args:
        groups: Over *stream*; None where nobody can acknowledge, and all is kept.
    """

    def __init__(self, stream: Stream, groups: Consumers | None = None) -> None:
        self._stream = stream
        self._groups = groups
        self._trim_at = 0.0
        self._head: Head = EMPTY

    async def last(self) -> Place | None:
        """The batch that the stream's last entry tells of; see `Settlement.last`."""
        bounds = await self._stream.bounds()
        if bounds is None:
            self._head = EMPTY
            return None
        self._head = bounds.last.head
        told = decode_batch_told(bounds.last.payload, f"{SETTLEMENT_STREAM} {bounds.last.id}")
        return Place(Position.parse(told.position), told.number, told.hash)

    async def settle(self, batches: Sequence[ToSettle], /) -> None:
        """Append an entry for each; see `Settlement.settle`."""
        payloads = [_encoder.encode([one.batch, *one.documents]) for one in batches]
        position = await self._stream.append(payloads, expect_head=self._head)
        self._head = Head(position, payload_hash(payloads[-1]))
        await self._trim()

    async def _trim(self) -> None:
        """
        Let go, now and then, what no group is owed any more.

        Any number of processes do so beside each other: groups only go on, so that what one
        of them knew a moment ago keeps enough.
        """
        now = asyncio.get_running_loop().time()
        if self._groups is None or now < self._trim_at:
            return
        self._trim_at = now + TRIM_S
        try:
            positions = await self._groups.positions()
            if positions:
                await self._stream.trim(min(positions.values()))
        except StoreUnavailable as error:
            # What was appended stays so, whatever becomes of this.
            _logger.warning("settlement_not_trimmed", reason=str(error))


async def told_from(sink: Settlement, log: Log) -> Place:
    """
    From where on the log settlement must be told of trades that a sink has not taken.

    Raises:
        StoreUnavailable, CorruptData: From the sink and the log.
    """
    last, ends = await sink.last(), await log.ends()
    if ends is None:
        return BEGINNING
    head, link = ends[0]
    if last is not None and last.number >= link.number - 1:
        return last
    if link.number > 1:
        # It was not enabled all the time, or not from the beginning.
        _logger.warning(
            "settlement_begins_late",
            after_number=0 if last is None else last.number,
            log_begins_with=link.number,
        )
    return Place(before(head.id), link.number - 1, link.prev_hash)


# Of what the processor's stream says, the trades alone: all others are passed over unread.
class _Traded(msgspec.Struct, tag_field="types", tag="OrderTraded"):
    trades: list[Trade]


class _Submitted(msgspec.Struct, tag_field="types", tag="OrderSubmitted"):
    pass


class _Ended(msgspec.Struct, tag_field="types", tag="OrderCancelled"):
    pass


class _Rejected(msgspec.Struct, tag_field="types", tag="OrderRejected"):
    pass


class _Answered(msgspec.Struct, tag_field="types", tag="Answered"):
    pass


_encoder: Final = msgspec.json.Encoder()
_told: Final = msgspec.json.Decoder(
    list[BatchTold | _Traded | _Submitted | _Ended | _Rejected | _Answered]
)
_settled: Final = msgspec.json.Decoder(list[BatchTold | SettlementRequest | SettlementSkipped])


def requests_of(payload: bytes, where: str) -> ToSettle:
    """
    What an entry of `processor_stream` asks to settle.

    Raises:
        CorruptData: It cannot be read; *where* names the place.
    """
    batch, documents = decode_documents(_told, payload, where)
    trades = [trade for one in documents if isinstance(one, _Traded) for trade in one.trades]
    return ToSettle(batch, [SettlementRequest(trade=trade) for trade in trades])


def decode_settlement_entry(payload: bytes) -> ToSettle:
    """
    What an entry of `settlement_stream` asks.

    Raises:
        CorruptData: It is not such an entry.
    """
    batch, documents = decode_documents(_settled, payload, SETTLEMENT_STREAM)
    return ToSettle(batch, documents)
