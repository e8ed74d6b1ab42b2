"""Orders that left their ladders together and are ended one by one."""

from __future__ import annotations

from typing import Literal

import attrs

from pmstore.models.order import Order


@attrs.frozen
class Leaving:
    """
    Which open orders no longer trade or count, and why; their end is work left over.

    `time_ms` is when they left (epoch milliseconds), `through` the last order number that was
    given by then. An empty or zero field stands for any: `user_id`, `event_id`, `market_id`
    (within its event), `group`, `session`. Of `expired` ones, only orders that expire at or
    before `time_ms`.
    """

    reason: Literal["expired", "cancel_all", "group", "session"]
    time_ms: int
    through: int
    user_id: str = ""
    event_id: int = 0
    market_id: int = 0
    group: str = ""
    session: str = ""

    def concerns(self, order: Order) -> bool:
        """Whether *order* is one of them."""
        if order.order_num > self.through or self.user_id not in ("", order.user_id):
            return False
        if self.reason == "expired":
            expires_at_ms = order.expires_at_ms
            if expires_at_ms is None or expires_at_ms > self.time_ms:
                return False
        symbol = order.symbol
        return (
            self.event_id in (0, symbol.event_id)
            and self.market_id in (0, symbol.market_id)
            and self.group in ("", order.group)
            and self.session in ("", order.session)
        )
