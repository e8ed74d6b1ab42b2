"""What ends many orders at once: their time, a lapsed session, a user's word; pure."""

from __future__ import annotations

from mypy_extensions import i64

from pmengine.commands import CancelAll, Heartbeat, OrderGroup
from pmengine.facts import Refusal
from pmengine.grouping import Grouping
from pmengine.journal import Journal
from pmengine.leaving import Leavings
from pmengine.listing import Listing
from pmengine.orders import OpenOrders
from pmengine.records import Records
from pmengine.sessions import Sessions
from pmstore import INTEGER_MAX, Leaving, SessionChanged


class Ending:
    """
    Does what is due, in the order of its time, and what users end at once.

    However much that concerns, one command ends at most `step_max` orders or holders for
    what was due before it, and as many again of its own.
    """

    def __init__(
        self,
        records: Records,
        journal: Journal,
        orders: OpenOrders,
        leavings: Leavings,
        listing: Listing,
        grouping: Grouping,
        step_max: int,
        groups_max: int,
        sessions_max: int,
    ) -> None:
        self._records = records
        self._journal = journal
        self._expiries = orders.expiries
        self._leavings = leavings
        self._listing = listing
        self._grouping = grouping
        self._step_max: i64 = step_max
        self._groups_max: i64 = groups_max
        self._sessions_max: i64 = sessions_max
        self.sessions = Sessions(records)

    # -- what is due ---------------------------------------------------------------------

    def next_ms(self) -> i64:
        """When something is due next; beyond all time if nothing is."""
        return min(self._expiries.next_ms(), self.sessions.next_ms(), self._listing.next_end_ms())

    def happen(self, now_ms: i64) -> None:
        """
        Do one step of the work left over, and everything that is due by now.

        At one time orders leave before sessions lapse, and sessions before events end.
        """
        steps = self._listing.work_on(self._step_max, now_ms)
        while True:
            expiry_ms = self._expiries.next_ms()
            lapse_ms = self.sessions.next_ms()
            end_ms = self._listing.next_end_ms()
            other_ms = min(lapse_ms, end_ms)
            if min(expiry_ms, other_ms) > now_ms:
                break
            if expiry_ms <= other_ms:
                leaving = Leaving("expired", min(now_ms, other_ms), self._records.order_counter)
                steps = self._leavings.start(self._leavings.gather(leaving), steps, now_ms)
            elif lapse_ms <= end_ms:
                steps = self._end_session(*self.sessions.next(), steps, now_ms)
            else:
                self._listing.end_next(now_ms)
                steps = self._listing.work_on(steps, now_ms)
        self._records.next_due_ms = min(expiry_ms, other_ms)

    def _end_session(self, user_id: str, session: str, steps: i64, now_ms: i64) -> i64:
        self.sessions.drop((user_id, session))
        self._journal.add(SessionChanged(user_id, session, 0))
        leaving = Leaving("session", now_ms, self._records.order_counter, user_id, session=session)
        return self._leavings.start(self._leavings.gather(leaving), steps, now_ms)

    # -- commands ------------------------------------------------------------------------

    def cancel_all(self, command: CancelAll, now_ms: i64) -> None:
        """Cancel all orders of a user that are in everything that the command names."""
        event_id = command.event_id
        market_id = command.market_id
        if (event_id is not None and event_id <= 0) or (market_id is not None and market_id <= 0):
            return  # there is none of that number, and 0 would stand for any
        self._leave(
            Leaving(
                "cancel_all",
                now_ms,
                self._records.order_counter,
                command.user_id,
                event_id or 0,
                market_id or 0,
                command.group or "",
                command.session or "",
            ),
            now_ms,
        )

    def set_group(self, command: OrderGroup, now_ms: i64) -> Refusal | None:
        """Begin, change, re-arm or remove a group; of one that is full or gone, orders go."""
        if command.quantity_max < 0:
            return Refusal.INVALID_QUANTITY
        if command.quantity_max and command.window_ms <= 0:
            return Refusal.INVALID_EXPIRY
        if command.quantity_max and not self._grouping.has_room(
            command.user_id, command.group, self._groups_max
        ):
            return Refusal.TOO_MANY_GROUPS
        if self._grouping.change(command, now_ms):
            self._leave(self._grouping.leaving(command.user_id, command.group, now_ms), now_ms)
        return None

    def beat(self, command: Heartbeat, now_ms: i64) -> Refusal | None:
        """Begin a session or let it live on; for no time, end it."""
        if not 0 <= command.timeout_ms <= INTEGER_MAX - now_ms:
            return Refusal.INVALID_EXPIRY
        key = (command.user_id, command.session)
        if command.timeout_ms:
            if not self.sessions.has_room(key, self._sessions_max):
                return Refusal.TOO_MANY_SESSIONS
            deadline_ms = int(now_ms) + command.timeout_ms
            self.sessions.set(key, deadline_ms)
            self._journal.add(SessionChanged(command.user_id, command.session, deadline_ms))
        elif key in self._records.sessions:
            steps = self._listing.work_on(self._step_max, now_ms)
            self._end_session(command.user_id, command.session, steps, now_ms)
        return None

    def _leave(self, leaving: Leaving, now_ms: i64) -> None:
        found = self._leavings.gather(leaving)
        if found.count:
            steps = self._listing.work_on(self._step_max, now_ms)
            self._leavings.start(found, steps, now_ms)
