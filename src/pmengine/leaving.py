"""Orders that leave their ladders together, at once, and are ended one by one; pure."""

from __future__ import annotations

from mypy_extensions import i64

from pmengine.entities import NO_HANDLE, Book, LeavingOrders, OpenOrder, quoted
from pmengine.journal import Journal
from pmengine.orders import OpenOrders
from pmengine.records import Records
from pmstore import Leaving, MarketKey, OrdersLeaving


class _Levels:
    """The levels of a market that orders left."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self.bids: dict[int, None] = {}
        self.asks: dict[int, None] = {}


class Leavings:
    """
    Takes orders off their ladders, however many, and ends as many of them as a step may.

    Orders of a market that is being worked off are not among them: it ends its own.
    """

    def __init__(self, records: Records, journal: Journal, orders: OpenOrders) -> None:
        self._records = records
        self._journal = journal
        self._orders = orders

    def gather(self, leaving: Leaving) -> LeavingOrders:
        """
        Take the orders that *leaving* concerns off their ladders.

        Cost: those that expire by then, or all open orders of the user.
        """
        found = LeavingOrders(leaving)
        if leaving.reason == "expired":
            for due in self._orders.expiries.take(leaving.time_ms):
                self._let_leave(due, found)
            return found
        user = self._records.users.get(leaving.user_id)
        order = None if user is None else user.first_order
        event_id: i64 = leaving.event_id
        market_id: i64 = leaving.market_id
        group = quoted(leaving.group) if leaving.group else b""
        session = quoted(leaving.session) if leaving.session else b""
        while order is not None and order.order_num <= leaving.through:
            after = order.after
            book = order.token.book
            if (
                event_id in (0, book.event_id)
                and market_id in (0, book.market_id)
                and (not group or order.group == group)
                and (not session or order.session == session)
            ):
                self._let_leave(order, found)
            order = after
        return found

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
        self._tell_levels(found, now_ms)
        return self.work_off(found, steps, now_ms)

    def _tell_levels(self, found: LeavingOrders, now_ms: i64) -> None:
        touched: dict[MarketKey, _Levels] = {}
        order = found.first_order
        while order is not None:
            book = order.token.book
            levels = touched.get(book.key)
            if levels is None:
                levels = touched[book.key] = _Levels(book)
            (levels.bids if order.is_bid else levels.asks)[order.ladder_price] = None
            order = order.after
        for levels in touched.values():
            self._journal.market_changed(levels.book, list(levels.bids), list(levels.asks), now_ms)

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
