"""Orders that leave their ladders together, at once, and are ended one by one; pure."""

from __future__ import annotations

from mypy_extensions import i64

from pmengine.depths import Depths
from pmengine.entities import NO_HANDLE, LeavingOrders, OpenOrder, quoted
from pmengine.journal import Journal
from pmengine.orders import OpenOrders
from pmengine.records import Records
from pmstore import Leaving, OrdersLeaving


class Leavings:
    """
    Takes orders off their ladders, however many, and ends as many of them as a step may.

    Orders of a market that is being worked off are not among them: it ends its own.
    """

    def __init__(
        self, records: Records, journal: Journal, depths: Depths, orders: OpenOrders
    ) -> None:
        self._records = records
        self._journal = journal
        self._depths = depths
        self._orders = orders

    def gather(self, leaving: Leaving) -> LeavingOrders:
        """
        Take the orders that *leaving* concerns off their ladders.

        Cost: those that expire by then, those of the session or group, or all open orders of
        the user.
        """
        found = LeavingOrders(leaving)
        if leaving.reason == "expired":
            for due in self._orders.expiries.take(leaving.time_ms):
                self._let_leave(due, found)
            return found
        user = self._records.users.get(leaving.user_id)
        if user is None:
            return found
        group = quoted(leaving.group) if leaving.group else b""
        if leaving.session:
            for order in list(user.in_session.get(quoted(leaving.session), ())):
                if not group or order.group == group:
                    self._leave_if_named(order, found)
        elif group:
            for order in list(user.in_group.get(group, ())):
                self._leave_if_named(order, found)
        else:
            following = user.first_order
            while following is not None and following.order_num <= leaving.through:
                order = following
                following = order.after
                self._leave_if_named(order, found)
        return found

    def _leave_if_named(self, order: OpenOrder, found: LeavingOrders) -> None:
        """Let an order leave if it is old enough, and of the event and market that are named."""
        leaving = found.leaving
        book = order.token.book
        if (
            order.order_num <= leaving.through
            and leaving.event_id in (0, book.event_id)
            and leaving.market_id in (0, book.market_id)
        ):
            self._let_leave(order, found)

    def _let_leave(self, order: OpenOrder, found: LeavingOrders) -> None:
        book = order.token.book
        if order.handle == NO_HANDLE:
            return  # it is being matched
        if not book.is_shown and book.key in self._records.work:
            return
        self._orders.leave(order)
        self._records.let_leave(order, found)

    def start(self, found: LeavingOrders, steps: i64, now_ms: i64) -> i64:
        """
        Tell that orders left their ladders, and end up to *steps* of them; the steps still to do.

        What is left of them becomes the last of the work left over: of what was there before
        nothing may be left if there are steps to do.
        """
        if not found.count:
            return steps
        if found.count > steps:
            self._records.work[found.leaving] = found
            self._journal.add(OrdersLeaving(found.leaving, True))
        order = found.first_order
        while order is not None:
            self._depths.left(order)
            order = order.after
        return self.work_off(found, steps, now_ms)

    def work_off(self, found: LeavingOrders, steps: i64, now_ms: i64) -> i64:
        """End up to *steps* of the orders that left; the steps still to do."""
        order = found.first_order
        while order is not None and steps > 0:
            self._orders.cancel(order, now_ms, found.reason)
            steps -= 1
            order = found.first_order
        if order is None and found.leaving in self._records.work:
            del self._records.work[found.leaving]
            self._journal.add(OrdersLeaving(found.leaving, False))
        return steps

    def follow(self, leaving: Leaving, working: bool) -> None:
        """Let orders leave as facts or a snapshot say, or be done with them."""
        if working:
            self._records.work[leaving] = self.gather(leaving)
        else:
            self._records.work.pop(leaving, None)
