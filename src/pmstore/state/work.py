"""What big commands left over, and which open orders are leaving because of it."""

from __future__ import annotations

from collections.abc import Iterable

from pmstore.models.leaving import Leaving
from pmstore.models.order import Order
from pmstore.models.snapshot import MarketKey


class Work:
    """
    Work left over, the oldest first: markets whose orders or holders are being worked off,
    and orders that left.

    Args:
        items: What is left over already, such as `Snapshot.work`.
    """

    def __init__(self, items: Iterable[MarketKey | Leaving] = ()) -> None:
        self.items: dict[MarketKey | Leaving, None] = {}
        self._leavings: dict[str, dict[Leaving, int]] = {}
        """By user, numbered as they came: a search looks at its user's and at everybody's."""
        self._begun = 0
        for item in items:
            self.begin(item)

    def begin(self, item: MarketKey | Leaving) -> None:
        """There is *item* to do; once more changes nothing."""
        if item in self.items:
            return
        self.items[item] = None
        if isinstance(item, Leaving):
            self._begun += 1
            self._leavings.setdefault(item.user_id, {})[item] = self._begun

    def end(self, item: MarketKey | Leaving) -> None:
        """*item* is done; once more changes nothing."""
        if item not in self.items:
            return
        del self.items[item]
        if isinstance(item, Leaving):
            of_user = self._leavings[item.user_id]
            del of_user[item]
            if not of_user:
                del self._leavings[item.user_id]

    def leaving_of(self, order: Order) -> Leaving | None:
        """
        The oldest of those that an open order is leaving by; None if it rests.

        Cost:
            O(those of the order's user and of everybody).
        """
        if not self._leavings:
            return None
        found, first = None, self._begun
        for user_id in ("", order.user_id):
            for leaving, number in self._leavings.get(user_id, {}).items():
                if number > first:
                    break
                if leaving.concerns(order):
                    found, first = leaving, number
                    break
        return found
