"""Follows order groups by facts: what their orders filled, and when they must stop; pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping

import attrs

from pmengine.invariants.laws import Law, Violation
from pmengine.invariants.queues import Handler
from pmstore import GroupChanged, GroupFilled, GroupKey, OrderCreated, State, Trade


@attrs.define
class _Group:
    quantity_max: int
    window_ms: int
    triggered: bool
    fills: deque[tuple[int, int]]
    time_ms: int = 0
    traded: int = 0
    """The lots that trades of the command under way have filled at `time_ms`."""
    told_before: int = 0
    """What was told of `time_ms` before that command."""

    def told(self, time_ms: int) -> int:
        """The lots that were told to be filled at *time_ms*."""
        return self.fills[-1][1] if self.fills and self.fills[-1][0] == time_ms else 0


class Groups:
    """Compares what groups are told to have filled with the trades of their orders."""

    def __init__(self, state: State, found: list[Violation]) -> None:
        self._state = state
        self._found = found
        self._groups = {
            key: _Group(group.quantity_max, group.window_ms, group.triggered, deque(group.fills))
            for key, group in state.groups().items()
        }
        self._traded_in: dict[GroupKey, None] = {}
        self.handlers: Mapping[type, Handler] = {
            OrderCreated: self._created,
            Trade: self._traded,
            GroupChanged: self._changed,
            GroupFilled: self._filled,
        }

    def settle(self) -> Iterator[Violation]:
        """What is wrong with the groups that a command filled orders of, now that it is over."""
        for key in self._traded_in:
            group = self._groups.get(key)
            if group is None:
                continue
            name = f"{key[0]}'s group {key[1]}"
            told, filled = group.told(group.time_ms), group.told_before + group.traded
            if told != filled:
                text = f"{told} lots are told to be filled at {group.time_ms}, and {filled} were"
                yield Violation(Law.GROUP, name, text)
            begin_ms = group.time_ms - group.window_ms
            lots = sum(lots for time_ms, lots in group.fills if time_ms > begin_ms)
            if lots >= group.quantity_max and not group.triggered:
                text = f"filled {lots} of {group.quantity_max} lots and is not triggered"
                yield Violation(Law.GROUP, name, text)
            group.traded = 0
        self._traded_in.clear()

    def _created(self, fact: OrderCreated) -> None:
        order = fact.order
        name = f"order {order.id}"
        if order.group is not None:
            group = self._groups.get((order.user_id, order.group))
            if group is None or group.triggered:
                what = "not there" if group is None else "triggered"
                text = f"comes in, and its group {order.group} is {what}"
                self._found.append(Violation(Law.GROUP, name, text))
        session = order.session
        if session is not None and (order.user_id, session) not in self._state.sessions:
            text = f"comes in, and its session {session} is not there"
            self._found.append(Violation(Law.ADMISSION, name, text))

    def _traded(self, trade: Trade) -> None:
        for order_id in (trade.taker_order_id, trade.maker_order_id):
            order = self._state.orders.get(order_id)
            if order is None or order.group is None:
                continue
            key = (order.user_id, order.group)
            group = self._groups.get(key)
            if group is None:
                text = f"order {order_id} trades, and its group {order.group} is not there"
                self._found.append(Violation(Law.GROUP, f"trade {trade.trade_id}", text))
                continue
            if not group.traded:
                group.time_ms = trade.timestamp
                group.told_before = group.told(trade.timestamp)
                self._traded_in[key] = None
            group.traded += trade.quantity

    def _changed(self, fact: GroupChanged) -> None:
        key = (fact.user_id, fact.group)
        group = self._groups.get(key)
        if not fact.quantity_max:
            self._groups.pop(key, None)
        elif group is None:
            self._groups[key] = _Group(fact.quantity_max, fact.window_ms, fact.triggered, deque())
        else:
            group.quantity_max, group.window_ms = fact.quantity_max, fact.window_ms
            group.triggered = fact.triggered

    def _filled(self, fact: GroupFilled) -> None:
        group = self._groups.get((fact.user_id, fact.group))
        if group is None:
            return
        fills = group.fills
        if fills and fills[-1][0] == fact.time_ms:
            fills.pop()
        fills.append((fact.time_ms, fact.quantity))
        while fills and fills[0][0] <= fact.time_ms - group.window_ms:
            fills.popleft()
