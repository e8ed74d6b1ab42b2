"""What is said over the depth WebSocket, as the client reads it."""

from __future__ import annotations

from typing import Final

import msgspec

from pmengine.client.errors import UnreadableAnswer
from pmengine.client.markets import TokenDepth
from pmengine.client.orders import Trade


class _Told(msgspec.Struct, frozen=True, tag_field="type", kw_only=True):
    """What the exchange tells."""


class Connected(_Told, frozen=True, tag="connected"):
    pass


class Pong(_Told, frozen=True, tag="pong"):
    pass


class Subscribed(_Told, frozen=True, tag="subscribed", kw_only=True):
    event_id: int
    market_id: int


class Unsubscribed(_Told, frozen=True, tag="unsubscribed", kw_only=True):
    event_id: int
    market_id: int


class Snapshot(_Told, frozen=True, tag="snapshot", kw_only=True):
    event_id: int
    market_id: int
    update_id: int
    timestamp: int
    depths: dict[str, TokenDepth]


class Delta(_Told, frozen=True, tag="delta", kw_only=True):
    event_id: int
    market_id: int
    prev_update_id: int
    update_id: int
    timestamp: int
    changes: dict[str, TokenDepth]
    trades: tuple[Trade, ...]


class SubscribeError(_Told, frozen=True, tag="subscribe_error", kw_only=True):
    code: str
    detail: str
    event_id: int = 0
    market_id: int = 0


class UnsubscribeError(_Told, frozen=True, tag="unsubscribe_error", kw_only=True):
    code: str
    detail: str


class Error(_Told, frozen=True, tag="error", kw_only=True):
    code: str
    detail: str


Told = (
    Connected
    | Pong
    | Subscribed
    | Unsubscribed
    | Snapshot
    | Delta
    | SubscribeError
    | UnsubscribeError
    | Error
)


class _Named(msgspec.Struct, frozen=True):
    type: str


_decoder: Final = msgspec.json.Decoder(Told)
_named: Final = msgspec.json.Decoder(_Named)
_KNOWN: Final = frozenset(
    {"connected", "pong", "subscribed", "unsubscribed", "snapshot", "delta"}
    | {"subscribe_error", "unsubscribe_error", "error"}
)


def decode_told(text: str | bytes) -> Told | None:
    """
    The message that *text* is; None for one of a kind that later exchanges may have.

    Raises:
        UnreadableAnswer: It is of a known kind and not of its form, or no message at all.
    """
    try:
        told: Told = _decoder.decode(text)
        return told
    except msgspec.DecodeError as error:
        try:
            if _named.decode(text).type not in _KNOWN:
                return None
        except msgspec.DecodeError:
            pass
        raise UnreadableAnswer(f"the depth feed said what cannot be read: {error}") from error
