"""The records of `event_catalogue_stream`: what was decided about events and topics, in order."""

from __future__ import annotations

from typing import Final

import msgspec

from pmengine.commands import NewMarket
from pmstore import Position


class _Record(msgspec.Struct, frozen=True, tag_field="types", kw_only=True):
    """
    A record; times in epoch milliseconds.

    `after` is the position of the entry before it: who knows another one there has seen what
    the stream lost since.
    """

    after: str = ""


class TopicChanged(_Record, frozen=True, tag=True, kw_only=True):
    """A topic as it is now; the first record of a `topic` makes it."""

    topic: str
    name: str
    active: bool


class EventDrafted(_Record, frozen=True, tag=True, kw_only=True):
    """
    An event that was found right and has its id, before the engine is asked to list it.

    `source` names the document of `event-stream` that asked for it, if one did.
    """

    event_id: int
    title: str
    slug: str
    description: str
    topic: str
    image_url: str | None
    end_date: str | None
    exclusive: bool
    markets: dict[int, NewMarket]
    drafted_ms: int
    source: str | None = None


class EventListed(_Record, frozen=True, tag=True, kw_only=True):
    """The engine listed the event that was drafted at position `draft`."""

    event_id: int
    draft: str


class EventRefused(_Record, frozen=True, tag=True, kw_only=True):
    """The engine did not list it; its id and slug are free again."""

    event_id: int
    draft: str
    code: str
    reason: str


class EventClosing(_Record, frozen=True, tag=True, kw_only=True):
    """The engine is to end trading in every market of an event."""

    event_id: int


class EventClosed(_Record, frozen=True, tag=True, kw_only=True):
    """Trading has ended in every market of an event."""

    event_id: int


Record = TopicChanged | EventDrafted | EventListed | EventRefused | EventClosing | EventClosed

_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(Record)


def encode_record(record: Record, after: Position) -> bytes:
    """The entry that *record* becomes behind the one at *after*."""
    return _encoder.encode(msgspec.structs.replace(record, after=str(after)))


def decode_record(payload: bytes) -> Record:
    """
    The record of an entry.

    Raises:
        msgspec.DecodeError: It is none.
    """
    record: Record = _decoder.decode(payload)
    return record
