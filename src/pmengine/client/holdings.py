"""What a user has on one shard, as the user feed tells it, and whether it is whole."""

from __future__ import annotations

from typing import Literal

import attrs

from pmengine.client.orders import Order
from pmengine.client.user_messages import (
    Balance,
    OpenOrderChange,
    PositionChange,
    Resumed,
    UserSnapshot,
)

Contiguous = OpenOrderChange | PositionChange


@attrs.frozen(kw_only=True)
class OwnChange:
    """
    One thing that happened to what a user has.

    Attributes:
        kind: `order` or `position`: it changed; `snapshot`: everything, in place of what was;
            `stale`: what is shown may not be so from now on, until `resumed` or `snapshot`.
        event: `open_order_created` and its like.
        update_id: Of the user after it; 0 if it is about no single one.
        shard: Whose update it is, where there are several.
        order: As it is after it; it is open unless `event` says that it ended.
        reason: Why the engine ended the order, if it did; why a snapshot came.
        balance: What is held of one asset after it, on that shard.
        missed: Changes before it were not told one by one.
    """

    kind: Literal["order", "position", "snapshot", "resumed", "stale"]
    event: str = ""
    update_id: int = 0
    shard: int = 0
    order_id: str = ""
    order: Order | None = None
    balance: Balance | None = None
    reason: str = ""
    missed: bool = False


@attrs.define
class Holdings:
    """Open orders by id and balances by asset after update `update_id`, -1 before any."""

    shard: int
    update_id: int = -1
    is_live: bool = False
    orders: dict[str, Order] = attrs.Factory(dict)
    balances: dict[str, Balance] = attrs.Factory(dict)
    _parts: list[UserSnapshot] = attrs.Factory(list)

    def begin(self, part: UserSnapshot) -> OwnChange | None:
        """Take a part of a snapshot; the change once it is whole."""
        if self._parts and self._parts[0].update_id != part.update_id:
            self._parts.clear()  # another one began
        self._parts.append(part)
        if part.more:
            return None
        missed = self.update_id >= 0
        self.orders = {order.id: order for one in self._parts for order in one.orders}
        self.balances = {row.asset: row for one in self._parts for row in one.balances}
        self._parts.clear()
        self.update_id = part.update_id
        self.is_live = True
        return OwnChange(
            kind="snapshot",
            update_id=part.update_id,
            shard=self.shard,
            reason=part.reason,
            missed=missed,
        )

    def resume(self, told: Resumed) -> OwnChange | None:
        """What comes goes on where this is; None if it does not."""
        if told.update_id != self.update_id:
            return None
        self.is_live = True
        return OwnChange(kind="resumed", update_id=told.update_id, shard=self.shard)

    def lose(self) -> None:
        """What comes may leave something out from now on."""
        self.is_live = False
        self._parts.clear()

    def follow(self, told: Contiguous) -> OwnChange | None:
        """Take a change in; None if it does not go on where this is."""
        if told.update_id != self.update_id + 1:
            return None
        self.update_id = told.update_id
        if isinstance(told, PositionChange):
            return self._hold(told)
        if told.event in ("open_order_created", "open_order_updated") and told.order is not None:
            self.orders[told.order_id] = told.order
        else:
            self.orders.pop(told.order_id, None)
        return OwnChange(
            kind="order",
            event=told.event,
            update_id=told.update_id,
            shard=self.shard,
            order_id=told.order_id,
            order=told.order,
            reason=told.reason,
        )

    def _hold(self, told: PositionChange) -> OwnChange:
        balance = Balance(asset=told.asset, available=told.available, frozen=told.frozen)
        if told.available or told.frozen:
            self.balances[told.asset] = balance
        else:
            self.balances.pop(told.asset, None)
        return OwnChange(
            kind="position",
            event=told.event,
            update_id=told.update_id,
            shard=self.shard,
            balance=balance,
        )
