"""An order after its end: the facts of ends name what changed alone."""

from __future__ import annotations

import attrs

from pmstore.models.changes import OrderCancelled, OrderFilled
from pmstore.models.order import Order, OrderStatus


def ended_order(order: Order, end: OrderFilled | OrderCancelled) -> Order:
    """*order* as it is after its end."""
    filled = isinstance(end, OrderFilled)
    return attrs.evolve(
        order,
        status=OrderStatus.FILLED if filled else OrderStatus.CANCELLED,
        quantity=order.quantity or end.filled_quantity,
        filled_quantity=end.filled_quantity,
        remaining_quantity=end.remaining_quantity,
        spent=end.spent,
        version=end.version,
    )
