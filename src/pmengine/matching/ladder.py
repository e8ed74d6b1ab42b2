"""
The fast price ladder of one market: flat arrays, every operation O(1) but for new levels.

Orders and levels live in parallel lists of integers, linked by index, so that an order
leaves its level in O(1) and a level with a hundred thousand orders is as fast as one with
ten. A level's key is its price on the bid side and minus its price on the ask side: then
the best key of either side is the last of a sorted list, where removal is cheap.
"""

from __future__ import annotations

from bisect import bisect_left, insort

from pmengine.matching.contract import NOBODY, Fill, Match

_NONE = -1


class Ladder:
    """
    A ladder of resting orders; see `LadderContract` for what each verb promises.

    Usable on its own: no market, no ledger, any positive 64-bit price. Single-threaded.

    Cost: O(1) for every verb, plus O(log levels) search and a short move in a list where a
    level comes or goes.
    """

    __slots__ = (
        "_ask_keys",
        "_bid_keys",
        "_count",
        "_free_levels",
        "_free_orders",
        "_level_head",
        "_level_key",
        "_level_of",
        "_level_tail",
        "_level_total",
        "_order_level",
        "_order_next",
        "_order_owner",
        "_order_prev",
        "_order_quantity",
    )

    def __init__(self) -> None:
        self._bid_keys: list[int] = []
        self._ask_keys: list[int] = []
        self._level_of: dict[int, int] = {}
        self._level_key: list[int] = []
        self._level_head: list[int] = []
        self._level_tail: list[int] = []
        self._level_total: list[int] = []
        self._free_levels: list[int] = []
        self._order_level: list[int] = []
        self._order_next: list[int] = []
        self._order_prev: list[int] = []
        self._order_owner: list[int] = []
        self._order_quantity: list[int] = []
        self._free_orders: list[int] = []
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, is_bid: bool, price: int, quantity: int, owner: int = NOBODY) -> int:
        key = price if is_bid else -price
        level = self._level_of.get(key)
        if level is None:
            level = self._open_level(key)
        tail = self._level_tail[level]
        if self._free_orders:
            order = self._free_orders.pop()
            self._order_level[order] = level
            self._order_next[order] = _NONE
            self._order_prev[order] = tail
            self._order_owner[order] = owner
            self._order_quantity[order] = quantity
        else:
            order = len(self._order_level)
            self._order_level.append(level)
            self._order_next.append(_NONE)
            self._order_prev.append(tail)
            self._order_owner.append(owner)
            self._order_quantity.append(quantity)
        if tail == _NONE:
            self._level_head[level] = order
        else:
            self._order_next[tail] = order
        self._level_tail[level] = order
        self._level_total[level] += quantity
        self._count += 1
        return order

    def cancel(self, handle: int) -> int:
        level = self._order_level[handle]
        quantity = self._order_quantity[handle]
        before = self._order_prev[handle]
        after = self._order_next[handle]
        if before == _NONE:
            self._level_head[level] = after
        else:
            self._order_next[before] = after
        if after == _NONE:
            self._level_tail[level] = before
        else:
            self._order_prev[after] = before
        self._free_orders.append(handle)
        self._count -= 1
        if before == _NONE and after == _NONE:
            self._close_level(level)
        else:
            self._level_total[level] -= quantity
        return quantity

    def amend(self, handle: int, quantity: int) -> None:
        level = self._order_level[handle]
        self._level_total[level] += quantity - self._order_quantity[handle]
        self._order_quantity[handle] = quantity

    def match(self, is_bid: bool, price: int, quantity: int, owner: int = NOBODY) -> Match:
        keys = self._ask_keys if is_bid else self._bid_keys
        worst = -price if is_bid else price
        fills: list[Fill] = []
        while quantity and keys and keys[-1] >= worst:
            key = keys[-1]
            level = self._level_of[key]
            level_price = -key if is_bid else key
            order = self._level_head[level]
            taken = 0
            while order != _NONE and quantity:
                if owner and self._order_owner[order] == owner:
                    self._advance(level, order, taken)
                    return Match(fills, quantity, True)
                resting = self._order_quantity[order]
                if resting > quantity:
                    self._order_quantity[order] = resting - quantity
                    taken += quantity
                    fills.append((order, quantity, level_price))
                    quantity = 0
                else:
                    quantity -= resting
                    taken += resting
                    fills.append((order, resting, level_price))
                    self._free_orders.append(order)
                    self._count -= 1
                    order = self._order_next[order]
            self._advance(level, order, taken)
        return Match(fills, quantity, False)

    def fillable(self, is_bid: bool, price: int, quantity: int, owner: int = NOBODY) -> int:
        keys = self._ask_keys if is_bid else self._bid_keys
        worst = -price if is_bid else price
        found = 0
        for index in range(len(keys) - 1, -1, -1):
            if keys[index] < worst:
                break
            level = self._level_of[keys[index]]
            if not owner:
                found += self._level_total[level]
            else:
                order = self._level_head[level]
                while order != _NONE and found < quantity:
                    if self._order_owner[order] == owner:
                        return found
                    found += self._order_quantity[order]
                    order = self._order_next[order]
            if found >= quantity:
                return quantity
        return found

    def best(self, is_bid: bool) -> int:
        keys = self._bid_keys if is_bid else self._ask_keys
        return abs(keys[-1]) if keys else 0

    def first(self, is_bid: bool) -> int:
        keys = self._bid_keys if is_bid else self._ask_keys
        return self._level_head[self._level_of[keys[-1]]] if keys else _NONE

    def quantity_at(self, is_bid: bool, price: int) -> int:
        level = self._level_of.get(price if is_bid else -price)
        return 0 if level is None else self._level_total[level]

    def levels(self, is_bid: bool, limit: int) -> list[tuple[int, int]]:
        keys = self._bid_keys if is_bid else self._ask_keys
        best_first = keys[: -limit - 1 : -1]
        return [(abs(key), self._level_total[self._level_of[key]]) for key in best_first]

    def remaining(self, handle: int) -> int:
        return self._order_quantity[handle]

    def _advance(self, level: int, head: int, taken: int) -> None:
        """Let *level* begin at *head*, with *taken* lots less; without a head it is gone."""
        if head == _NONE:
            self._close_level(level)
            return
        self._level_head[level] = head
        self._order_prev[head] = _NONE
        self._level_total[level] -= taken

    def _open_level(self, key: int) -> int:
        insort(self._bid_keys if key > 0 else self._ask_keys, key)
        if self._free_levels:
            level = self._free_levels.pop()
            self._level_key[level] = key
        else:
            level = len(self._level_key)
            self._level_key.append(key)
            self._level_head.append(_NONE)
            self._level_tail.append(_NONE)
            self._level_total.append(0)
        self._level_of[key] = level
        return level

    def _close_level(self, level: int) -> None:
        key = self._level_key[level]
        keys = self._bid_keys if key > 0 else self._ask_keys
        if keys[-1] == key:
            keys.pop()
        else:
            del keys[bisect_left(keys, key)]
        del self._level_of[key]
        self._level_head[level] = _NONE
        self._level_tail[level] = _NONE
        self._level_total[level] = 0
        self._free_levels.append(level)
