"""What a batch of facts means to each user: changes of their open orders and positions; pure."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from pmstore import (
    Balance,
    Batch,
    OrderCancelled,
    OrderCreated,
    OrderFilled,
    OrderUpdated,
    Symbol,
)
from pmstore.codec import encode_order

USER_EVENT_STREAM: Final = "user_event_stream"


class _OfUser(msgspec.Struct, tag_field="types", kw_only=True, omit_defaults=True, gc=False):
    """
    A change of what `user_id` has.

    `update_id` is the user's update number: it grows by one with each of the user's changes,
    and is the version of the order or balance that changed.
    """

    user_id: str
    update_id: int


class _OfOpenOrder(_OfUser, kw_only=True, omit_defaults=True, gc=False):
    order_id: str
    order: msgspec.Raw


class OpenOrderCreated(_OfOpenOrder, tag=True, kw_only=True, omit_defaults=True, gc=False):
    """An order was accepted, also if it never rests; as it came in."""


class OpenOrderUpdated(_OfOpenOrder, tag=True, kw_only=True, omit_defaults=True, gc=False):
    """An open order was filled in part or amended; as it is now."""


class _OfEndedOrder(_OfUser, kw_only=True, omit_defaults=True, gc=False):
    order_id: str
    symbol: Symbol
    filled_quantity: int
    remaining_quantity: int
    timestamp: int
    spent: int = 0
    reason: str = ""


class OpenOrderFilled(_OfEndedOrder, tag=True, kw_only=True, omit_defaults=True, gc=False):
    """An order ended, filled."""


class OpenOrderCancelled(_OfEndedOrder, tag=True, kw_only=True, omit_defaults=True, gc=False):
    """An order ended with something left, or bought nothing; `reason` if it was not its owner."""


class PositionChanged(_OfUser, tag=True, kw_only=True, omit_defaults=True, gc=False):
    """What the user holds of `asset` (`cash` in micros, a token in lots); zeros: it is gone."""

    asset: str
    available: int
    frozen: int


OrderDocument = OpenOrderCreated | OpenOrderUpdated
EndDocument = OpenOrderFilled | OpenOrderCancelled
UserDocument = OrderDocument | EndDocument | PositionChanged


def user_documents(batch: Batch) -> list[UserDocument]:
    """Every change of every user's orders and holdings in the batch, in the log's order."""
    told: list[UserDocument] = []
    for change in batch.changes:
        make = _MAKERS.get(type(change))
        if make is not None:
            told.append(make(change))
    return told


def _position(row: Balance) -> PositionChanged:
    return PositionChanged(
        user_id=row.user_id,
        update_id=row.version,
        asset=row.asset,
        available=row.available,
        frozen=row.frozen,
    )


def _created(change: OrderCreated) -> OpenOrderCreated:
    order = change.order
    return OpenOrderCreated(
        user_id=order.user_id,
        update_id=order.version,
        order_id=order.id,
        order=msgspec.Raw(encode_order(order)),
    )


def _updated(change: OrderUpdated) -> OpenOrderUpdated:
    order = change.order
    return OpenOrderUpdated(
        user_id=order.user_id,
        update_id=order.version,
        order_id=order.id,
        order=msgspec.Raw(encode_order(order)),
    )


def _filled(end: OrderFilled) -> OpenOrderFilled:
    return OpenOrderFilled(**_end(end))


def _cancelled(end: OrderCancelled) -> OpenOrderCancelled:
    return OpenOrderCancelled(**_end(end))


def _end(end: OrderFilled | OrderCancelled) -> dict[str, Any]:
    return {
        "user_id": end.user_id,
        "update_id": end.version,
        "order_id": end.order_id,
        "symbol": end.symbol,
        "filled_quantity": end.filled_quantity,
        "remaining_quantity": end.remaining_quantity,
        "timestamp": end.timestamp,
        "spent": end.spent,
        "reason": end.reason,
    }


_MAKERS: Final[dict[type, Any]] = {
    Balance: _position,
    OrderCreated: _created,
    OrderUpdated: _updated,
    OrderFilled: _filled,
    OrderCancelled: _cancelled,
}
