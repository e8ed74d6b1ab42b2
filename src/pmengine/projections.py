"""
The streams that are derived from the log: an entry of documents for each batch; pure.

Each entry is an array that begins with a `BatchTold`: by it a reader knows which entry of the
log it has before it, and the writer of the stream where to go on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from pmengine.command_answers import ProcessorDocument, processor_documents
from pmengine.market_deltas import MarketDelta, market_deltas
from pmengine.user_events import USER_EVENT_STREAM, UserDocument, user_documents
from pmstore import Batch, CorruptData, Position

PROCESSOR_STREAM: Final = "processor_stream"
WEBSOCKET_STREAM: Final = "websocket_stream"


class BatchTold(msgspec.Struct, tag_field="types", tag="Batch", kw_only=True, frozen=True):
    """Which batch of the log an entry tells of: its number, its position and its hash."""

    number: int
    position: str
    hash: str


_encoder = msgspec.json.Encoder()
_processor_decoder = msgspec.json.Decoder(list[BatchTold | ProcessorDocument])
_websocket_decoder = msgspec.json.Decoder(list[BatchTold | MarketDelta])
_user_decoder = msgspec.json.Decoder(list[BatchTold | UserDocument])
_link_decoder = msgspec.json.Decoder(list[msgspec.Raw])
_told_decoder = msgspec.json.Decoder(BatchTold)

Projection = Callable[[Position, Batch], bytes]
"""Makes the entry for a batch at its position on the log."""


def encode_processor_entry(position: Position, batch: Batch) -> bytes:
    """The entry of `processor_stream` for *batch*, which stands at *position* on the log."""
    return _encoder.encode([_told(position, batch), *processor_documents(batch)])


def encode_websocket_entry(position: Position, batch: Batch) -> bytes:
    """The entry of `websocket_stream` for *batch*, which stands at *position* on the log."""
    return _encoder.encode([_told(position, batch), *market_deltas(batch)])


def encode_user_entry(position: Position, batch: Batch) -> bytes:
    """The entry of `user_event_stream` for *batch*, which stands at *position* on the log."""
    return _encoder.encode([_told(position, batch), *user_documents(batch)])


def decode_processor_entry(payload: bytes) -> tuple[BatchTold, list[ProcessorDocument]]:
    """
    The batch that a `processor_stream` entry is about, and its documents.

    Raises:
        CorruptData: It is not such an entry.
    """
    return decode_documents(_processor_decoder, payload, PROCESSOR_STREAM)


def decode_websocket_entry(payload: bytes) -> tuple[BatchTold, list[MarketDelta]]:
    """The batch that a `websocket_stream` entry is about, and its deltas; raises likewise."""
    return decode_documents(_websocket_decoder, payload, WEBSOCKET_STREAM)


def decode_user_entry(payload: bytes) -> tuple[BatchTold, list[UserDocument]]:
    """The batch that a `user_event_stream` entry is about, and what it tells users; likewise."""
    return decode_documents(_user_decoder, payload, USER_EVENT_STREAM)


def decode_batch_told(payload: bytes, where: str) -> BatchTold:
    """
    Which batch an entry of any projection is about.

    Raises:
        CorruptData: It does not say; `where` names the place.
    """
    try:
        return _told_decoder.decode(_link_decoder.decode(payload)[0])
    except (msgspec.DecodeError, IndexError) as error:
        raise CorruptData(f"no entry of a projection: {error}", where=where) from error


def _told(position: Position, batch: Batch) -> BatchTold:
    return BatchTold(number=batch.number, position=str(position), hash=batch.hash)


def decode_documents(
    decoder: msgspec.json.Decoder[Any], payload: bytes, where: str
) -> tuple[BatchTold, list[Any]]:
    """
    The batch that an entry is about, and the documents behind it, as *decoder* reads them.

    Raises:
        CorruptData: It is no such entry; *where* names the place.
    """
    try:
        first, *documents = decoder.decode(payload)
    except (msgspec.DecodeError, ValueError) as error:
        raise CorruptData(f"no entry of this stream: {error}", where=where) from error
    if not isinstance(first, BatchTold):
        raise CorruptData("the entry does not begin with the batch that it tells of", where=where)
    return first, documents


PROJECTIONS: Final[dict[str, Projection]] = {
    WEBSOCKET_STREAM: encode_websocket_entry,
    USER_EVENT_STREAM: encode_user_entry,
    PROCESSOR_STREAM: encode_processor_entry,
}
"""
Every stream that is derived from the log, one entry for each entry of the log. What answers
are made of comes last: who was answered finds the market data and the user's own already told.
"""
