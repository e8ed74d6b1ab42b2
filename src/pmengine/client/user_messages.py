"""What is said over the user WebSocket, as the client reads it."""

from __future__ import annotations

from decimal import Decimal
from typing import Final, get_args

import attrs
import msgspec

from pmengine.client.orders import Order
from pmengine.client.tagged import Reader


@attrs.frozen(kw_only=True)
class Balance:
    """What is held of an asset: `cash` in money, a token in shares."""

    asset: str
    available: Decimal
    frozen: Decimal


class _Told(msgspec.Struct, frozen=True, tag_field="type", kw_only=True):
    """What the exchange tells."""


class Auth(_Told, frozen=True, tag="auth", kw_only=True):
    user_id: str
    update_id: int | list[int]


class AuthError(_Told, frozen=True, tag="auth_error", kw_only=True):
    code: str
    detail: str


class Resumed(_Told, frozen=True, tag="resumed", kw_only=True):
    update_id: int
    shard: int = 0


class OpenOrderChange(_Told, frozen=True, tag="open_order_change", kw_only=True):
    event: str
    update_id: int
    order_id: str
    shard: int = 0
    order: Order | None = None
    reason: str = ""


class PositionChange(_Told, frozen=True, tag="position_change", kw_only=True):
    event: str
    update_id: int
    asset: str
    available: Decimal
    frozen: Decimal
    shard: int = 0


class UserSnapshot(_Told, frozen=True, tag="snapshot", kw_only=True):
    update_id: int
    reason: str
    orders: tuple[Order, ...]
    balances: tuple[Balance, ...]
    more: bool
    shard: int = 0


class Pong(_Told, frozen=True, tag="pong"):
    pass


class Error(_Told, frozen=True, tag="error", kw_only=True):
    code: str
    detail: str


Told = Auth | AuthError | Resumed | OpenOrderChange | PositionChange | UserSnapshot | Pong | Error

reader: Final[Reader[Told]] = Reader(Told, get_args(Told), "user")
