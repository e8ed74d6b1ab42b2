"""The ladders as the facts draw them: who stands where, in which order; pure."""

from __future__ import annotations

import heapq
from collections import OrderedDict

from pmstore import MarketKey

Place = tuple[MarketKey, bool, int]
"""Where an order stands: market, whether among the bids, price of the first token."""


class Level:
    """One price: the remainders of its orders, in the order in which they came."""

    __slots__ = ("lots", "queue")

    def __init__(self) -> None:
        self.lots = 0
        self.queue: OrderedDict[str, int] = OrderedDict()


class Side:
    """The bids or the asks of a market."""

    __slots__ = ("_heap", "_queued", "_sign", "levels")

    def __init__(self, *, is_bid: bool) -> None:
        self.levels: dict[int, Level] = {}
        self._sign = -1 if is_bid else 1
        self._heap: list[int] = []
        self._queued: set[int] = set()

    def best(self) -> int | None:
        """The price that a taker meets first, None without any."""
        heap = self._heap
        while heap:
            price = self._sign * heap[0]
            if price in self.levels:
                return price
            heapq.heappop(heap)
            self._queued.discard(price)
        return None

    def lots(self, price: int) -> int:
        """What stands at *price*."""
        level = self.levels.get(price)
        return 0 if level is None else level.lots

    def put(self, order_id: str, price: int, lots: int) -> None:
        """Let an order stand at *price* behind all others, or in its place with other *lots*."""
        level = self.levels.get(price)
        if level is None:
            level = self.levels[price] = Level()
            if price not in self._queued:
                self._queued.add(price)
                heapq.heappush(self._heap, self._sign * price)
        level.lots += lots - level.queue.get(order_id, 0)
        level.queue[order_id] = lots

    def take(self, order_id: str, price: int, lots: int | None = None) -> int:
        """Take *lots* of an order, None for all that is left; how many it had."""
        level = self.levels[price]
        had = level.queue[order_id]
        taken = had if lots is None else min(lots, had)
        level.lots -= taken
        if taken == had:
            del level.queue[order_id]
            if not level.queue:
                del self.levels[price]
        else:
            level.queue[order_id] = had - taken
        return had

    def first(self, price: int) -> str:
        """Who came first at *price*."""
        return next(iter(self.levels[price].queue))


class Shadow:
    """One market: what stands, what was published of it, and which levels to compare."""

    __slots__ = ("asks", "bids", "last_price", "published", "touched", "update_id")

    def __init__(self, update_id: int = 0, last_price: int = 0) -> None:
        self.bids = Side(is_bid=True)
        self.asks = Side(is_bid=False)
        self.published: tuple[dict[int, int], dict[int, int]] = ({}, {})
        self.touched: set[tuple[bool, int]] = set()
        self.update_id = update_id
        self.last_price = last_price

    def side(self, is_bid: bool) -> Side:
        """The bids, or the asks."""
        return self.bids if is_bid else self.asks

    def publish(self, is_bid: bool, price: int, lots: int) -> None:
        """A level was told."""
        levels = self.published[0 if is_bid else 1]
        if lots:
            levels[price] = lots
        else:
            levels.pop(price, None)
        self.touched.add((is_bid, price))

    def told(self, is_bid: bool, price: int) -> int:
        """What was told last of a level."""
        return self.published[0 if is_bid else 1].get(price, 0)
