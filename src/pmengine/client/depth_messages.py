"""What is said over the depth WebSocket, as the client reads it."""

from __future__ import annotations

from typing import Final, get_args

import msgspec

from pmengine.client.markets import TokenDepth
from pmengine.client.orders import Trade
from pmengine.client.tagged import Reader


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


reader: Final[Reader[Told]] = Reader(Told, get_args(Told), "depth")
