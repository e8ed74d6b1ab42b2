"""What one user has, and how one change brings it further."""

from __future__ import annotations

import attrs

from pmengine.services.log import Place
from pmengine.user_events import (
    USER_EVENT_STREAM,
    EndDocument,
    OpenOrderCancelled,
    OpenOrderCreated,
    OpenOrderFilled,
    OpenOrderUpdated,
    PositionChanged,
    UserDocument,
)
from pmstore import Order, OrderCancelled, OrderFilled, State, ended_order
from pmstore.codec import decode_order

HeldOrder = Order | bytes
"""An open order, or its JSON: few of them are ever shown."""


@attrs.define
class UserPicture:
    """
    What a user has after its update `update_id`.

    `orders` are the open ones by id; `holdings` what is (available, frozen) of each asset,
    `cash` in micros and tokens in lots.
    """

    update_id: int = 0
    orders: dict[str, HeldOrder] = attrs.Factory(dict)
    holdings: dict[str, tuple[int, int]] = attrs.Factory(dict)


@attrs.define(weakref_slot=False)
class UserUpdate:
    """
    One change of what a user has: `event` names it, `document` tells it; never mutated.

    `before` is the order before its end, None if it is not known or nothing ended. Plain
    slotted: one is made for each change of every user, and a frozen one costs thrice as much.
    """

    update_id: int
    event: str
    document: UserDocument
    before: HeldOrder | None = None

    def order(self) -> Order | None:
        """The order as it is after this; None if it is about a position."""
        document = self.document
        if isinstance(document, OpenOrderCreated | OpenOrderUpdated):
            return shown_order(bytes(document.order))
        if self.before is None or isinstance(document, PositionChanged):
            return None
        return ended_order(shown_order(self.before), _end(document))


@attrs.frozen
class UserStart:
    """What every user has after the log's entry at `place`."""

    place: Place
    users: dict[str, UserPicture]


def shown_order(held: HeldOrder) -> Order:
    """The order that is held."""
    return held if isinstance(held, Order) else decode_order(held, USER_EVENT_STREAM)


def users_of(state: State) -> dict[str, UserPicture]:
    """What every user has by *state*; O(open orders + balances)."""
    users = {
        user_id: UserPicture(update_id) for user_id, update_id in state.user_update_ids.items()
    }
    for order in state.orders.values():
        users.setdefault(order.user_id, UserPicture()).orders[order.id] = order
    for asset, rows in state.balances.items():
        for user_id, row in rows.items():
            picture = users.setdefault(user_id, UserPicture())
            picture.holdings[asset] = (row.available, row.frozen)
    return users


def apply_change(picture: UserPicture, document: UserDocument) -> UserUpdate:
    """Bring *picture* to where *document* leads."""
    update_id = picture.update_id = document.update_id
    if isinstance(document, PositionChanged):
        return UserUpdate(update_id, _hold(picture, document), document)
    if isinstance(document, OpenOrderCreated):
        picture.orders[document.order_id] = bytes(document.order)
        return UserUpdate(update_id, "open_order_created", document)
    if isinstance(document, OpenOrderUpdated):
        picture.orders[document.order_id] = bytes(document.order)
        return UserUpdate(update_id, "open_order_updated", document)
    before = picture.orders.pop(document.order_id, None)
    is_filled = isinstance(document, OpenOrderFilled)
    event = "open_order_filled" if is_filled else "open_order_cancelled"
    return UserUpdate(update_id, event, document, before)


def _hold(picture: UserPicture, document: PositionChanged) -> str:
    """Take a position in; what became of it."""
    if not document.available and not document.frozen:
        picture.holdings.pop(document.asset, None)
        return "position_removed"
    is_new = document.asset not in picture.holdings
    picture.holdings[document.asset] = (document.available, document.frozen)
    return "position_created" if is_new else "position_updated"


def _end(document: EndDocument) -> OrderFilled | OrderCancelled:
    make = OrderCancelled if isinstance(document, OpenOrderCancelled) else OrderFilled
    return make(
        order_id=document.order_id,
        symbol=document.symbol,
        user_id=document.user_id,
        version=document.update_id,
        filled_quantity=document.filled_quantity,
        remaining_quantity=document.remaining_quantity,
        timestamp=document.timestamp,
        spent=document.spent,
        reason=document.reason,
    )
