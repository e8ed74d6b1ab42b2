"""What is asked about events: the documents of `event-stream`, and the body of `POST /events`."""

from __future__ import annotations

from typing import Final

import msgspec

from pmengine.commands import Integer, NewMarket


class EventCreate(msgspec.Struct, frozen=True, tag_field="types", tag=True, kw_only=True):
    """
    List an event with what people read of it.

    Without `event_id` it gets the next free one; without `slug` one is made of the title.
    `end_date` is RFC 3339.
    """

    title: str
    topic: str
    markets: dict[Integer, NewMarket]
    event_id: Integer | None = None
    slug: str | None = None
    description: str = ""
    image_url: str | None = None
    end_date: str | None = None
    exclusive: bool = False


class EventClose(msgspec.Struct, frozen=True, tag_field="types", tag=True, kw_only=True):
    """End trading in all markets of an event."""

    event_id: Integer


Request = EventCreate | EventClose

_several: Final = msgspec.json.Decoder(list[msgspec.Raw])
_decoder: Final = msgspec.json.Decoder(EventCreate | EventClose)


def split_entry(payload: bytes) -> list[bytes]:
    """
    The documents of an entry: of an array each, else the one that it is.

    Raises:
        ValueError: It begins like an array and is none.
    """
    if not payload.lstrip().startswith(b"["):
        return [payload]
    try:
        return [bytes(one) for one in _several.decode(payload)]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"it is no array of documents: {error}") from None


def decode_request(document: bytes) -> Request:
    """
    One document; unknown fields are ignored.

    Raises:
        ValueError: It is none; the message says what is wrong and where.
    """
    try:
        request: Request = _decoder.decode(document)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(str(error)) from None
    return request
