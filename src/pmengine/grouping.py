"""Order groups: at most so many lots of their orders are filled within a while; pure."""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from pmengine.commands import OrderGroup
from pmengine.entities import (
    CANCEL_MAKER,
    NO_HANDLE,
    SELF_TRADE_ALLOWED,
    FillGroup,
    LeavingOrders,
    OpenOrder,
    quoted,
)
from pmengine.facts import Refusal
from pmengine.journal import Journal
from pmengine.leaving import Leavings
from pmengine.listing import Listing
from pmengine.records import Records
from pmstore import GroupChanged, GroupFilled, Leaving

GROUP: Final = b'"group"'
"""The reason of an end by a group that is full."""


def group_of(records: Records, user_id: str, name: str) -> FillGroup:
    """A group of a user, made if it is not there."""
    key = (user_id, name)
    group = records.groups.get(key)
    if group is None:
        group = records.groups[key] = FillGroup(user_id, name)
        records.user(user_id).groups += 1
    return group


def drop_group(records: Records, user_id: str, name: str) -> bool:
    """Let a group be gone; whether it was there."""
    if records.groups.pop((user_id, name), None) is None:
        return False
    records.user(user_id).groups -= 1
    return True


class Grouping:
    """
    Counts what is filled of the orders of each group, and lets them leave when it is full.

    A group that is not triggered has room for one lot at least. A fill of a taker and a
    maker of the same group counts twice; where there is room for one lot alone, there is
    none for that fill, and the group is triggered.
    """

    def __init__(
        self,
        records: Records,
        journal: Journal,
        leavings: Leavings,
        listing: Listing,
        step_max: int,
    ) -> None:
        self._records = records
        self._journal = journal
        self._leavings = leavings
        self._listing = listing
        self._step_max: i64 = step_max
        self._filled: dict[FillGroup, None] = {}
        """The groups of which the order that is being matched filled some lots."""
        self._triggered: list[tuple[FillGroup, LeavingOrders]] = []
        """Those that it triggered, with the orders that left: to be told."""
        self._steps: i64 = -1
        """How many of these orders may still end now; negative before the first."""

    def leaving(self, user_id: str, group: str, now_ms: i64) -> Leaving:
        """All orders of a group leave now."""
        return Leaving("group", now_ms, self._records.order_counter, user_id, group=group)

    def change(self, command: OrderGroup, now_ms: i64) -> bool:
        """Set up a group as *command* says; whether its orders must go."""
        if not command.quantity_max:
            if not drop_group(self._records, command.user_id, command.group):
                return False
            self._journal.add(GroupChanged(command.user_id, command.group, 0, 0))
            return True
        group = group_of(self._records, command.user_id, command.group)
        before = (group.quantity_max, group.window_ms, group.triggered)
        group.bind(command.quantity_max, command.window_ms)
        group.triggered = group.room(now_ms) == 0
        if before != (group.quantity_max, group.window_ms, group.triggered):
            self._tell(group)
        return group.triggered

    def has_room(self, user_id: str, name: str, groups_max: i64) -> bool:
        """Whether the group is there, or its user has fewer than *groups_max*."""
        if (user_id, name) in self._records.groups:
            return True
        user = self._records.users.get(user_id)
        return user is None or user.groups < groups_max

    def join(self, order: OpenOrder, group: str | None, session: str | None) -> Refusal | None:
        """Let a new order be of the *group* and the *session* that it names."""
        user_id = order.user.id
        if group is not None:
            found = self._records.groups.get((user_id, group))
            if found is None:
                return Refusal.UNKNOWN_GROUP
            if found.triggered:
                return Refusal.GROUP_TRIGGERED
            order.group = quoted(group)
            order.counts_for = found
        if session is not None:
            if (user_id, session) not in self._records.sessions:
                return Refusal.SESSION_ENDED
            order.session = quoted(session)
        return None

    # -- matching ------------------------------------------------------------------------

    def part(self, order: OpenOrder, limit: i64, lots: i64, now_ms: i64) -> i64:
        """
        How many of *lots* the taker *order* may take from the first maker up to *limit*.

        As many as the maker has, and the groups of both have room for. None only if both are
        of one group.
        """
        if self._triggered:
            self._tell_triggered(now_ms)
        book = order.token.book
        handle = book.ladder.first(not order.is_bid)
        if handle == NO_HANDLE or not book.crosses(order.is_bid, limit):
            return lots
        maker = book.at(handle)
        if maker.user is order.user and order.self_trade != SELF_TRADE_ALLOWED:
            return lots
        lots = min(lots, maker.remaining)
        own = order.counts_for
        theirs = maker.counts_for
        if own is not None:
            room = own.room(now_ms)
            lots = min(lots, room // 2 if own is theirs else room)
        if theirs is not None and theirs is not own:
            lots = min(lots, theirs.room(now_ms))
        return lots

    def count(self, order: OpenOrder, maker: OpenOrder, lots: i64, now_ms: i64) -> None:
        """Count a fill for the groups of both sides; a full one is triggered."""
        for one in (order, maker):
            group = one.counts_for
            if group is not None:
                group.fill(lots, now_ms)
                self._filled[group] = None
        for one in (order, maker):
            group = one.counts_for
            if group is not None and not group.triggered and not group.room(now_ms):
                self._trigger(group, now_ms)

    def trigger_own(self, order: OpenOrder, now_ms: i64) -> None:
        """The group of a taker has no room for it."""
        if order.counts_for is not None:
            self._trigger(order.counts_for, now_ms)

    def _trigger(self, group: FillGroup, now_ms: i64) -> None:
        """Let the orders of a group leave their ladders; the taker's end is its own."""
        group.triggered = True
        leaving = self.leaving(group.user_id, group.name, now_ms)
        self._triggered.append((group, self._leavings.gather(leaving)))

    def settle(self, now_ms: i64) -> None:
        """The taker is done: tell what it filled of groups, and which of them are full."""
        self._tell_triggered(now_ms)
        for group in self._filled:
            self._tell_filled(group, now_ms)
        self._filled.clear()
        self._steps = -1

    def _tell_triggered(self, now_ms: i64) -> None:
        for group, found in self._triggered:
            if group in self._filled:
                del self._filled[group]
                self._tell_filled(group, now_ms)
            self._tell(group)
            if found.count:
                if self._steps < 0:
                    self._steps = max(0, self._listing.work_on(self._step_max, now_ms))
                self._steps = self._leavings.start(found, self._steps, now_ms)
        self._triggered.clear()

    def _tell(self, group: FillGroup) -> None:
        self._journal.add(
            GroupChanged(
                group.user_id, group.name, group.quantity_max, group.window_ms, group.triggered
            )
        )

    def _tell_filled(self, group: FillGroup, now_ms: i64) -> None:
        lots = group.tell(now_ms)
        self._journal.add(GroupFilled(group.user_id, group.name, now_ms, lots))

    def fillable(self, order: OpenOrder, limit: i64, now_ms: i64) -> i64:
        """
        How many lots of *order* would be taken up to *limit*, without touching anything.

        Cost: the makers on the way.
        """
        book = order.token.book
        ladder = book.ladder
        is_bid = order.is_bid
        own = order.counts_for
        used: dict[FillGroup, int] = {}
        left = order.quantity
        handle = ladder.first(not is_bid)
        while handle != NO_HANDLE and left:
            maker = book.at(handle)
            level = maker.ladder_price
            if level > limit if is_bid else level < limit:
                break
            handle = ladder.next(handle)
            if maker.user is order.user and order.self_trade != SELF_TRADE_ALLOWED:
                if order.self_trade == CANCEL_MAKER:
                    continue
                break
            theirs = maker.counts_for
            wanted = min(left, maker.remaining)
            lots = wanted
            if own is not None:
                room = own.room(now_ms) - used.get(own, 0)
                lots = min(lots, room // 2 if own is theirs else room)
            if theirs is not None and theirs is not own:
                lots = min(lots, theirs.room(now_ms) - used.get(theirs, 0))
            left -= lots
            if theirs is not None:
                used[theirs] = used.get(theirs, 0) + lots
            if own is not None:
                used[own] = used.get(own, 0) + lots
                if used[own] == own.room(now_ms) or (own is theirs and lots < wanted):
                    break  # it is triggered, and takes no more
        return order.quantity - left
