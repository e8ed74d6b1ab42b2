"""When the orders that rest until a time are to leave, the earliest first; pure."""

from __future__ import annotations

import heapq

from mypy_extensions import i64

from pmengine.entities import NEVER_MS, NO_HANDLE, SPARE, OpenOrder
from pmengine.records import Records

_Entry = tuple[int, OpenOrder]
"""An order with the number under which it came on its ladder."""


class Expiries:
    """
    The orders on the ladders that have a time, by that time and their number.

    Many orders of one time cost no more than one, beside being named. One that leaves its
    ladder stays here until its time, or until there are more of those than of others.
    """

    def __init__(self, records: Records) -> None:
        self._records = records
        self._times: list[int] = []
        """A heap of the keys of `_due`."""
        self._due: dict[int, list[_Entry]] = {}
        """In the order of their numbers."""
        self._kept: i64 = 0
        self._resting: i64 = 0

    def __len__(self) -> int:
        """How many are kept, those that left their ladders included."""
        return self._kept

    def add(self, order: OpenOrder) -> None:
        """An order with a time came on its ladder, the last of all."""
        time_ms: int = order.expires_at_ms
        due = self._due.get(time_ms)
        if due is None:
            due = self._due[time_ms] = []
            heapq.heappush(self._times, time_ms)
            self._records.is_due(order.expires_at_ms)
        due.append((order.order_num, order))
        self._kept += 1
        self._resting += 1

    def drop(self) -> None:
        """An order with a time left its ladder."""
        self._resting -= 1
        if self._kept > 2 * self._resting + SPARE:
            self._tidy()

    def next_ms(self) -> i64:
        """When the next order leaves; beyond all time if none does."""
        while self._times:
            time_ms = self._times[0]
            due = self._due[time_ms]
            while due:
                if _rests(due[-1]):
                    return time_ms
                due.pop()
                self._kept -= 1
            del self._due[time_ms]
            heapq.heappop(self._times)
        return NEVER_MS

    def take(self, now_ms: i64) -> list[OpenOrder]:
        """The orders whose time has come, which are kept no more."""
        found: list[OpenOrder] = []
        while self._times and self._times[0] <= now_ms:
            due = self._due.pop(heapq.heappop(self._times))
            self._kept -= len(due)
            for entry in due:
                if _rests(entry):
                    found.append(entry[1])
        return found

    def _tidy(self) -> None:
        kept = self._due
        self._due = {}
        self._kept = 0
        for time_ms, entries in kept.items():
            due = [entry for entry in entries if _rests(entry)]
            if due:
                self._due[time_ms] = due
                self._kept += len(due)
        self._times = list(self._due)
        heapq.heapify(self._times)


def _rests(entry: _Entry) -> bool:
    """Whether an order is on its ladder still, under that number."""
    order_num, order = entry
    return order.handle != NO_HANDLE and order.order_num == order_num
