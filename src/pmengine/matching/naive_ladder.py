"""The obviously right ladder: one list, sorted before every look at it."""

from __future__ import annotations

from pmengine.matching.arrays import i64
from pmengine.matching.contract import NOBODY, LadderContract


class _Resting:
    def __init__(
        self, handle: int, is_bid: bool, price: int, quantity: int, owner: int, arrival: int
    ) -> None:
        self.handle = handle
        self.is_bid = is_bid
        self.price = price
        self.quantity = quantity
        self.owner = owner
        self.arrival = arrival


class NaiveLadder(LadderContract):
    """The same contract as `Ladder`, slow and plain: what the fast one is tested against."""

    def __init__(self) -> None:
        super().__init__()
        self._orders: list[_Resting] = []
        self._arrivals = 0
        self._fills: list[tuple[int, int, int]] = []

    def __len__(self) -> int:
        return len(self._orders)

    def add(self, is_bid: bool, price: i64, quantity: i64, owner: i64 = NOBODY) -> i64:
        self._arrivals += 1
        used = {order.handle for order in self._orders}
        handle = next(number for number in range(len(used) + 1) if number not in used)
        self._orders.append(_Resting(handle, is_bid, price, quantity, owner, self._arrivals))
        return handle

    def cancel(self, handle: i64) -> i64:
        order = self._find(handle)
        self._orders.remove(order)
        return order.quantity

    def amend(self, handle: i64, quantity: i64) -> None:
        self._find(handle).quantity = quantity

    def match(self, is_bid: bool, price: i64, quantity: i64, owner: i64 = NOBODY) -> i64:
        self._fills = []
        self.met_own = False
        for maker in self._crossed(is_bid, price):
            if not quantity:
                break
            if owner != NOBODY and maker.owner == owner:
                self.met_own = True
                break
            lots = quantity if quantity < maker.quantity else maker.quantity
            self._fills.append((maker.handle, lots, maker.price))
            quantity -= lots
            maker.quantity -= lots
        self.fill_count = len(self._fills)
        self._orders = [order for order in self._orders if order.quantity]
        return quantity

    def fill_handle(self, index: i64) -> i64:
        return self._fills[index][0]

    def fill_quantity(self, index: i64) -> i64:
        return self._fills[index][1]

    def fill_price(self, index: i64) -> i64:
        return self._fills[index][2]

    def fillable(
        self,
        is_bid: bool,
        price: i64,
        quantity: i64,
        owner: i64 = NOBODY,
        skip_own: bool = False,
    ) -> i64:
        crossed = self._crossed(is_bid, price)
        found: i64 = sum([maker.quantity for maker in crossed])
        if found < quantity:
            return found
        found = 0
        for maker in crossed:
            if owner == NOBODY or maker.owner != owner:
                found += maker.quantity
            elif not skip_own:
                break
        return found if found < quantity else quantity

    def best(self, is_bid: bool) -> i64:
        side = self._side(is_bid)
        return side[0].price if side else 0

    def first(self, is_bid: bool) -> i64:
        side = self._side(is_bid)
        return side[0].handle if side else -1

    def next(self, handle: i64) -> i64:
        order = self._find(handle)
        side = self._side(order.is_bid)
        behind = side[side.index(order) + 1 :]
        return behind[0].handle if behind else -1

    def quantity_at(self, is_bid: bool, price: i64) -> i64:
        return sum(order.quantity for order in self._side(is_bid) if order.price == price)

    def levels(self, is_bid: bool, limit: i64) -> list[tuple[int, int]]:
        totals: dict[int, int] = {}
        for order in self._side(is_bid):
            totals[order.price] = totals.get(order.price, 0) + order.quantity
        return list(totals.items())[:limit]

    def remaining(self, handle: i64) -> i64:
        return self._find(handle).quantity

    def _side(self, is_bid: bool) -> list[_Resting]:
        """One side, best price first and oldest first."""
        orders = [order for order in self._orders if order.is_bid == is_bid]
        return sorted(orders, key=lambda o: (-o.price if is_bid else o.price, o.arrival))

    def _crossed(self, is_bid: bool, price: int) -> list[_Resting]:
        """What a taker at *price* crosses, in the order in which it meets them."""
        return [
            maker
            for maker in self._side(not is_bid)
            if (maker.price <= price if is_bid else maker.price >= price)
        ]

    def _find(self, handle: int) -> _Resting:
        return next(order for order in self._orders if order.handle == handle)
