"""
The fast price ladder of one market: flat arrays, every verb O(1) but for finding a level.

Orders and levels live in parallel arrays of integers, linked by index, so that an order
leaves its level in O(1) and a level with a hundred thousand orders is as fast as one with
ten. The levels of a side are in an array sorted by key. A key is the price on the bid side
and minus the price on the ask side: then the best of either side is the last, where levels
come and go cheaply.
"""

from __future__ import annotations

from typing import Final, final

from pmengine.matching.arrays import Array, append, find, i64, insert, remove
from pmengine.matching.contract import NOBODY, LadderContract

_NONE: Final = -1


@final
class _Side:
    """The levels of one side, the first `count` of two arrays: keys, and where each level is."""

    __slots__ = ("count", "keys", "levels")

    def __init__(self) -> None:
        self.keys = Array[i64]()
        self.levels = Array[i64]()
        self.count: i64 = 0


@final
class Ladder(LadderContract):
    """
    A ladder of resting orders; see `LadderContract` for what each verb promises.

    Usable on its own: no market, no ledger, any positive 64-bit price. Single-threaded.

    Cost: O(1) for every verb, plus O(log levels) search where a price is looked for and a
    short move in an array where a level comes or goes. `fillable` and `levels` cost what they
    walk over.
    """

    __slots__ = (
        "_asks",
        "_bids",
        "_count",
        "_fill_handle",
        "_fill_price",
        "_fill_quantity",
        "_free_level",
        "_free_order",
        "_head",
        "_key",
        "_level",
        "_next",
        "_owner",
        "_previous",
        "_quantity",
        "_tail",
        "_total",
    )

    def __init__(self) -> None:
        super().__init__()
        self._bids = _Side()
        self._asks = _Side()
        # By level. Those that are free are chained by their heads.
        self._key = Array[i64]()
        self._head = Array[i64]()
        self._tail = Array[i64]()
        self._total = Array[i64]()
        self._free_level: i64 = _NONE
        # By order. Those that are free are chained by what comes next.
        self._next = Array[i64]()
        self._previous = Array[i64]()
        self._level = Array[i64]()
        self._quantity = Array[i64]()
        self._owner = Array[i64]()
        self._free_order: i64 = _NONE
        self._count: i64 = 0
        # By fill of the last match.
        self._fill_handle = Array[i64]()
        self._fill_quantity = Array[i64]()
        self._fill_price = Array[i64]()

    def __len__(self) -> int:
        return self._count

    def add(self, is_bid: bool, price: i64, quantity: i64, owner: i64 = NOBODY) -> i64:
        if is_bid:
            side = self._bids
            key = price
        else:
            side = self._asks
            key = -price
        keys = side.keys
        count = side.count
        place = find(keys, key, 0, count)
        if place < count and keys[place] == key:
            level = side.levels[place]
        else:
            level = self._open_level(side, place, key)
        order = self._free_order
        if order == _NONE:
            order = self._new_order()
        else:
            self._free_order = self._next[order]
        tail = self._tail[level]
        self._next[order] = _NONE
        self._previous[order] = tail
        self._level[order] = level
        self._quantity[order] = quantity
        self._owner[order] = owner
        if tail == _NONE:
            self._head[level] = order
        else:
            self._next[tail] = order
        self._tail[level] = order
        self._total[level] += quantity
        self._count += 1
        return order

    def cancel(self, handle: i64) -> i64:
        level = self._level[handle]
        quantity = self._quantity[handle]
        before = self._previous[handle]
        after = self._next[handle]
        self._next[handle] = self._free_order
        self._free_order = handle
        self._count -= 1
        if before == _NONE and after == _NONE:
            self._close_level(level)
            return quantity
        if before == _NONE:
            self._head[level] = after
        else:
            self._next[before] = after
        if after == _NONE:
            self._tail[level] = before
        else:
            self._previous[after] = before
        self._total[level] -= quantity
        return quantity

    def amend(self, handle: i64, quantity: i64) -> None:
        self._total[self._level[handle]] += quantity - self._quantity[handle]
        self._quantity[handle] = quantity

    def match(self, is_bid: bool, price: i64, quantity: i64, owner: i64 = NOBODY) -> i64:
        if is_bid:
            side = self._asks
            worst = -price
        else:
            side = self._bids
            worst = price
        self.fill_count = 0
        self.met_own = False
        while quantity and side.count and not self.met_own:
            best = side.count - 1
            key = side.keys[best]
            if key < worst:
                break
            level_price = -key if is_bid else key
            quantity = self._match_level(side.levels[best], level_price, quantity, owner)
        return quantity

    def fill_handle(self, index: i64) -> i64:
        return self._fill_handle[index]

    def fill_quantity(self, index: i64) -> i64:
        return self._fill_quantity[index]

    def fill_price(self, index: i64) -> i64:
        return self._fill_price[index]

    def fillable(
        self,
        is_bid: bool,
        price: i64,
        quantity: i64,
        owner: i64 = NOBODY,
        skip_own: bool = False,
    ) -> i64:
        side = self._asks if is_bid else self._bids
        worst = -price if is_bid else price
        found: i64 = 0
        place = side.count - 1
        while place >= 0 and found < quantity and side.keys[place] >= worst:
            found += self._total[side.levels[place]]
            place -= 1
        if owner == NOBODY or found < quantity:
            return found if found < quantity else quantity
        found = 0
        order = self.first(not is_bid)
        while order != _NONE and found < quantity:
            if self._key[self._level[order]] < worst:
                break
            if self._owner[order] != owner:
                found += self._quantity[order]
            elif not skip_own:
                break
            order = self.next(order)
        return found if found < quantity else quantity

    def best(self, is_bid: bool) -> i64:
        side = self._bids if is_bid else self._asks
        if not side.count:
            return 0
        key = side.keys[side.count - 1]
        return key if is_bid else -key

    def first(self, is_bid: bool) -> i64:
        side = self._bids if is_bid else self._asks
        return self._head[side.levels[side.count - 1]] if side.count else _NONE

    def next(self, handle: i64) -> i64:
        after = self._next[handle]
        if after != _NONE:
            return after
        key = self._key[self._level[handle]]
        side = self._bids if key > 0 else self._asks
        place = find(side.keys, key, 0, side.count)
        return self._head[side.levels[place - 1]] if place else _NONE

    def quantity_at(self, is_bid: bool, price: i64) -> i64:
        side = self._bids if is_bid else self._asks
        key = price if is_bid else -price
        place = find(side.keys, key, 0, side.count)
        if place < side.count and side.keys[place] == key:
            return self._total[side.levels[place]]
        return 0

    def levels(self, is_bid: bool, limit: i64) -> list[tuple[int, int]]:
        side = self._bids if is_bid else self._asks
        found: list[tuple[int, int]] = []
        place = side.count - 1
        while place >= 0 and len(found) < limit:
            key = side.keys[place]
            found.append((key if is_bid else -key, self._total[side.levels[place]]))
            place -= 1
        return found

    def remaining(self, handle: i64) -> i64:
        return self._quantity[handle]

    def _match_level(self, level: i64, price: i64, quantity: i64, owner: i64) -> i64:
        """Take from one level, the level itself if nothing is left of it; the lots left over."""
        order = self._head[level]
        taken: i64 = 0
        while order != _NONE and quantity:
            if owner != NOBODY and self._owner[order] == owner:
                self.met_own = True
                break
            resting = self._quantity[order]
            lots = resting if resting < quantity else quantity
            fill = self.fill_count
            if fill == len(self._fill_handle):
                self._add_room_for_a_fill()
            self._fill_handle[fill] = order
            self._fill_quantity[fill] = lots
            self._fill_price[fill] = price
            self.fill_count = fill + 1
            taken += lots
            quantity -= lots
            if lots < resting:
                self._quantity[order] = resting - lots
                break
            after = self._next[order]
            self._next[order] = self._free_order
            self._free_order = order
            self._count -= 1
            order = after
        if order == _NONE:
            self._close_level(level)
        else:
            self._head[level] = order
            self._previous[order] = _NONE
            self._total[level] -= taken
        return quantity

    def _add_room_for_a_fill(self) -> None:
        self._fill_handle = append(self._fill_handle, _NONE)
        self._fill_quantity = append(self._fill_quantity, 0)
        self._fill_price = append(self._fill_price, 0)

    def _new_order(self) -> i64:
        order: i64 = len(self._next)
        self._next = append(self._next, _NONE)
        self._previous = append(self._previous, _NONE)
        self._level = append(self._level, _NONE)
        self._quantity = append(self._quantity, 0)
        self._owner = append(self._owner, NOBODY)
        return order

    def _open_level(self, side: _Side, place: i64, key: i64) -> i64:
        level = self._free_level
        if level == _NONE:
            level = len(self._key)
            self._key = append(self._key, key)
            self._head = append(self._head, _NONE)
            self._tail = append(self._tail, _NONE)
            self._total = append(self._total, 0)
        else:
            self._free_level = self._head[level]
            self._key[level] = key
            self._head[level] = _NONE
            self._tail[level] = _NONE
            self._total[level] = 0
        side.keys = insert(side.keys, side.count, place, key)
        side.levels = insert(side.levels, side.count, place, level)
        side.count += 1
        return level

    def _close_level(self, level: i64) -> None:
        key = self._key[level]
        side = self._bids if key > 0 else self._asks
        place = find(side.keys, key, 0, side.count)
        remove(side.keys, side.count, place)
        remove(side.levels, side.count, place)
        side.count -= 1
        self._head[level] = self._free_level
        self._free_level = level
