"""What is said over the user WebSocket, both ways."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, ValidationError, convert, json

from pmengine.gateways.http.answers import OrderView
from pmengine.gateways.http.showing import show_order
from pmengine.gateways.websocket.messages import Error
from pmengine.services.user_pictures import HeldOrder, UserUpdate, shown_order
from pmengine.user_events import PositionChanged
from pmstore import CASH, INTEGER_MAX, MONEY_DECIMALS, QUANTITY_DECIMALS
from pmstore.decimals import format_decimal

_UpdateId = Annotated[int, Meta(ge=0, le=INTEGER_MAX)]
_UpdateIds = _UpdateId | list[_UpdateId]
"""One number, or one for each shard."""
Reason = Literal["asked", "too_old", "ahead", "too_slow", "restarted"]


class Asked(Struct, frozen=True, forbid_unknown_fields=True):
    """What a client that is let in asks for: one of the two."""

    action: Literal["ping", "snapshot"] | UnsetType = UNSET
    resume_after: _UpdateIds | UnsetType = UNSET


class _Told(Struct, frozen=True, tag_field="type", kw_only=True):
    """What a client is told."""


class Auth(_Told, frozen=True, tag="auth", kw_only=True):
    """
    The client is let in as `user_id`; what is told next follows `update_id`.

    With several shards that is one number for each.
    """

    user_id: str
    update_id: int | list[int]


class AuthError(_Told, frozen=True, tag="auth_error", kw_only=True):
    """The client is not let in, or not any more; the connection ends."""

    code: str
    detail: str


class _OfShard(_Told, frozen=True, kw_only=True):
    """`shard` is there if there are several."""

    update_id: int
    shard: int | UnsetType = UNSET


class Resumed(_OfShard, frozen=True, tag="resumed", kw_only=True):
    """What is told next follows `update_id`."""


class OpenOrderChange(_OfShard, frozen=True, tag="open_order_change", kw_only=True):
    """An order as it is after update `update_id`; `reason` if the engine cancelled it."""

    event: str
    order_id: str
    order: OrderView | UnsetType = UNSET
    reason: str | UnsetType = UNSET


class BalanceView(Struct, frozen=True, gc=False, kw_only=True):
    """What is held of an asset: `cash` in money, a token in shares."""

    asset: str
    available: str
    frozen: str


class PositionChange(_OfShard, frozen=True, tag="position_change", kw_only=True):
    """What is held of an asset after update `update_id`."""

    event: str
    asset: str
    available: str
    frozen: str


class UserSnapshot(_OfShard, frozen=True, tag="snapshot", kw_only=True):
    """
    Open orders and what is held after update `update_id`, in place of all that was told.

    With `more`, the next message is a further part of it. `reason` says why it comes.
    """

    reason: Reason
    orders: list[OrderView]
    balances: list[BalanceView]
    more: bool


class FirstSaid(Struct, frozen=True):
    """The first message: what shows who the client is, and where it goes on, if it does."""

    shown: dict[str, Any]
    resume_after: int | list[int] | None


_encoder: Final = json.Encoder()
_asked: Final = json.Decoder(Asked)


def decode_first(text: str | bytes) -> FirstSaid | Error:
    """What a client says before it is let in, or what is wrong with it."""
    try:
        message = json.decode(text)
        if not isinstance(message, dict):
            return Error("MALFORMED", "the message is not a JSON object")
        resume_after = message.pop("resume_after", None)
        return FirstSaid(message, convert(resume_after, _UpdateIds | None))
    except ValidationError as error:
        return Error("MALFORMED", f"resume_after: {error}".replace("`", ""))
    except ValueError as error:
        return Error("MALFORMED", f"the message is not JSON: {error}")


def decode_asked(text: str | bytes) -> Asked | Error:
    """What a client asks for, or what is wrong with it."""
    hint = 'send {"resume_after": ID}, {"action": "snapshot"} or {"action": "ping"}'
    try:
        asked = _asked.decode(text)
    except ValidationError as error:
        return Error("MALFORMED", f"{error}; {hint}".replace("`", ""))
    except ValueError as error:
        return Error("MALFORMED", f"the message is not JSON: {error}")
    if (asked.action is UNSET) == (asked.resume_after is UNSET):
        return Error("MALFORMED", hint)
    return asked


def text_of(message: Struct) -> str:
    """The text of *message*."""
    return _encoder.encode(message).decode()


def show_update(update: UserUpdate, shard: int | UnsetType) -> OpenOrderChange | PositionChange:
    """One change of what a user has."""
    document = update.document
    if isinstance(document, PositionChanged):
        return PositionChange(
            event=update.event,
            update_id=update.update_id,
            shard=shard,
            asset=document.asset,
            available=_amount(document.asset, document.available),
            frozen=_amount(document.asset, document.frozen),
        )
    order = update.order()
    return OpenOrderChange(
        event=update.event,
        update_id=update.update_id,
        shard=shard,
        order_id=document.order_id,
        order=UNSET if order is None else show_order(order),
        reason=getattr(document, "reason", "") or UNSET,
    )


def show_orders(held: Iterable[HeldOrder]) -> list[OrderView]:
    """Open orders as they are."""
    return [show_order(shown_order(one)) for one in held]


def show_balances(rows: Iterable[tuple[str, tuple[int, int]]]) -> list[BalanceView]:
    """What is held of each asset."""
    return [
        BalanceView(asset=asset, available=_amount(asset, available), frozen=_amount(asset, frozen))
        for asset, (available, frozen) in rows
    ]


def _amount(asset: str, units: int) -> str:
    return format_decimal(units, MONEY_DECIMALS if asset == CASH else QUANTITY_DECIMALS)
