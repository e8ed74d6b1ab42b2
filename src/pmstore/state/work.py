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
        self._markets: dict[MarketKey, int] = {}
        """Numbered with them."""
        self._begun = 0
        for item in items:
            self.begin(item)

    def begin(self, item: MarketKey | Leaving) -> None:
        """There is *item* to do; once more changes nothing."""
        if item in self.items:
            return
        self.items[item] = None
        self._begun += 1
        if not isinstance(item, Leaving):
            self._markets[item] = self._begun
        else:
            self._leavings.setdefault(item.user_id, {})[item] = self._begun

    def end(self, item: MarketKey | Leaving) -> None:
        """*item* is done; once more changes nothing."""
        if item not in self.items:
            return
        del self.items[item]
        if not isinstance(item, Leaving):
            del self._markets[item]
        else:
            of_user = self._leavings[item.user_id]
            del of_user[item]
            if not of_user:
                del self._leavings[item.user_id]

    def leaving_of(self, order: Order) -> Leaving | None:
        """
        The oldest of those that an open order is leaving by; None if it rests.

        Orders of a market that was being worked off before end with it, and are left alone.

        Cost:
            O(those of the order's user and of everybody).
        """
        if not self._leavings:
            return None
        symbol = order.symbol
        closed = self._markets.get((symbol.event_id, symbol.market_id), self._begun)
        found, first = None, min(self._begun, closed)
        for user_id in ("", order.user_id):
            for leaving, number in self._leavings.get(user_id, {}).items():
                if number > first:
                    break
                if leaving.concerns(order):
                    found, first = leaving, number
                    break
        return found
