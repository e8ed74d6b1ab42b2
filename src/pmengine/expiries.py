"""When the orders that rest until a time are to leave, the earliest first; pure."""

from __future__ import annotations

import heapq

from mypy_extensions import i64

from pmengine.records import NEVER_MS, NO_HANDLE, SPARE, OpenOrder, Records


class Expiries:
    """
    The orders on the ladders that have a time, by that time and their number.

    One that leaves its ladder stays here until its time, or until there are more of those
    than of others.
    """

    def __init__(self, records: Records) -> None:
        self._records = records
        self._queue: list[tuple[int, int, bytes]] = []
        self._resting: i64 = 0

    def __len__(self) -> int:
        """How many are kept, those that left their ladders included."""
        return len(self._queue)

    def add(self, order: OpenOrder) -> None:
        """An order with a time came on its ladder."""
        entry = (int(order.expires_at_ms), int(order.order_num), order.id)
        heapq.heappush(self._queue, entry)
        self._resting += 1
        self._records.is_due(order.expires_at_ms)

    def drop(self) -> None:
        """An order with a time left its ladder."""
        self._resting -= 1
        queue = self._queue
        if len(queue) > 2 * self._resting + SPARE:
            self._queue = [entry for entry in queue if self._find(entry) is not None]
            heapq.heapify(self._queue)

    def next_ms(self) -> i64:
        """When the next order leaves; beyond all time if none does."""
        queue = self._queue
        while queue:
            if self._find(queue[0]) is not None:
                return queue[0][0]
            heapq.heappop(queue)
        return NEVER_MS

    def pop(self, now_ms: i64) -> OpenOrder | None:
        """The next order whose time has come, which is not kept any more; None if none is left."""
        queue = self._queue
        while queue and queue[0][0] <= now_ms:
            order = self._find(heapq.heappop(queue))
            if order is not None:
                return order
        return None

    def _find(self, entry: tuple[int, int, bytes]) -> OpenOrder | None:
        """The order that *entry* is of, if it rests under its number still."""
        _, order_num, order_id = entry
        order = self._records.find_order(order_id)
        if order is None or order.handle == NO_HANDLE or order.order_num != order_num:
            return None
        return order
