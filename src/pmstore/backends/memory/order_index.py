"""Orders by user, symbol, side and whether they are open, each list in queue order."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import Final, TypeVar

from pmstore.backends.memory.ordered_keys import OrderedKeys
from pmstore.models.order import ACTIVE_STATUSES, Order, OrderStatus, Side
from pmstore.models.query import OrderQuery
from pmstore.models.symbol import Symbol

Key = tuple[int, str]
"""`order_num` and `id`: the order of every list."""

N = TypeVar("N", int, str)

_NEW = OrderStatus.NEW
_PARTIALLY_FILLED = OrderStatus.PARTIALLY_FILLED
_BUY = Side.BUY

_Quarters = list[OrderedKeys[Key] | None]
"""The keys of one user or symbol (or all), split by open or ended and by side."""

_NOTHING: Final[_Quarters] = [None] * 4


def quarter_of(order: Order) -> int:
    """Open buys, open sells, ended buys, ended sells."""
    status = order.status
    ended = status is not _NEW and status is not _PARTIALLY_FILLED
    return (2 if ended else 0) + (0 if order.side is _BUY else 1)


class OrderIndex:
    """
    Finds the keys of orders without looking at other users' or symbols' orders.

    An order stands in one quarter (open or ended, buy or sell) of three lists: all, its
    user's and its symbol's. A question merges the quarters that it asks for.
    """

    def __init__(self) -> None:
        self._all = _NOTHING.copy()
        self.by_user: dict[str, _Quarters] = {}
        """The users who have orders here; what a user has is for the index alone."""
        self.by_symbol: dict[Symbol, _Quarters] = {}
        """The symbols that have orders here."""
        self._by_client_order_id: dict[str, dict[Key, None]] = {}
        self._symbols_of_event: dict[int, dict[Symbol, None]] = {}
        self._symbols_of_token: dict[str, dict[Symbol, None]] = {}

    def add(self, order: Order) -> None:
        """Index an order; its key must not be there."""
        key = (order.order_num, order.id)
        quarter = quarter_of(order)
        users = self.by_user.get(order.user_id)
        if users is None:
            users = self.by_user[order.user_id] = _NOTHING.copy()
        symbols = self.by_symbol.get(order.symbol)
        if symbols is None:
            symbols = self._add_symbol(order.symbol)
        for quarters in (self._all, users, symbols):
            keys = quarters[quarter]
            if keys is None:
                quarters[quarter] = keys = OrderedKeys()
            keys.add(key)
        if order.client_order_id is not None:
            self._by_client_order_id.setdefault(order.client_order_id, {})[key] = None

    def discard(self, order: Order) -> None:
        """Take out an indexed order."""
        key = (order.order_num, order.id)
        quarter = quarter_of(order)
        users, symbols = self.by_user[order.user_id], self.by_symbol[order.symbol]
        for quarters in (self._all, users, symbols):
            _discard_key(quarters, quarter, key)
        if users == _NOTHING:
            del self.by_user[order.user_id]
        if symbols == _NOTHING:
            self._discard_symbol(order.symbol)
        if order.client_order_id is not None:
            named = self._by_client_order_id[order.client_order_id]
            del named[key]
            if not named:
                del self._by_client_order_id[order.client_order_id]

    def replace(self, known: Order, order: Order) -> None:
        """Index *order* in the place of *known*; most changes move nothing."""
        if (
            known.order_num != order.order_num
            or known.user_id != order.user_id
            or (known.symbol is not order.symbol and known.symbol != order.symbol)
            or known.client_order_id != order.client_order_id
        ):
            self.discard(known)
            self.add(order)
        elif known.status is not order.status or known.side is not order.side:
            before, after = quarter_of(known), quarter_of(order)
            if before != after:
                self._move(order, before, after)

    def _move(self, order: Order, before: int, after: int) -> None:
        """From one quarter to another of the same lists."""
        key = (order.order_num, order.id)
        for quarters in (self._all, self.by_user[order.user_id], self.by_symbol[order.symbol]):
            _discard_key(quarters, before, key)
            keys = quarters[after]
            if keys is None:
                quarters[after] = keys = OrderedKeys()
            keys.add(key)

    def keys(self, query: OrderQuery, after: Key | None) -> Iterator[Key]:
        """
        Ascending keys after *after* of all orders that can be what *query* asks for.

        Not all of them need to match: the fields without a list are for the caller to test.
        """
        if query.client_order_id is not None:
            named = self._by_client_order_id.get(query.client_order_id, {})
            return iter(sorted(key for key in named if after is None or key > after))
        lists = [
            keys
            for quarters in self._smallest(query)
            for number in _asked(query)
            if (keys := quarters[number]) is not None
        ]
        if len(lists) == 1:
            return lists[0].above(after)
        return heapq.merge(*(keys.above(after) for keys in lists))

    def _smallest(self, query: OrderQuery) -> list[_Quarters]:
        """The lists of the user or of the symbols asked for, whichever hold less."""
        candidates: list[list[_Quarters]] = []
        if query.user_id is not None:
            mine = self.by_user.get(query.user_id)
            candidates.append([] if mine is None else [mine])
        symbols = self._symbols(query)
        if symbols is not None:
            candidates.append([self.by_symbol[symbol] for symbol in symbols])
        if len(candidates) == 1:
            return candidates[0]
        return min(candidates, key=_size, default=[self._all])

    def _symbols(self, query: OrderQuery) -> list[Symbol] | None:
        """The indexed symbols that *query* names, None if it names none."""
        if query.token_id is not None:
            known = self._symbols_of_token.get(query.token_id, {})
        elif query.event_id is not None:
            known = self._symbols_of_event.get(query.event_id, {})
        elif query.market_id is not None:
            known = dict.fromkeys(self.by_symbol)
        else:
            return None
        return [
            symbol
            for symbol in known
            if (query.event_id is None or symbol.event_id == query.event_id)
            and (query.market_id is None or symbol.market_id == query.market_id)
        ]

    def _add_symbol(self, symbol: Symbol) -> _Quarters:
        self._symbols_of_event.setdefault(symbol.event_id, {})[symbol] = None
        self._symbols_of_token.setdefault(symbol.token_id, {})[symbol] = None
        quarters = self.by_symbol[symbol] = _NOTHING.copy()
        return quarters

    def _discard_symbol(self, symbol: Symbol) -> None:
        del self.by_symbol[symbol]
        _discard_name(self._symbols_of_event, symbol.event_id, symbol)
        _discard_name(self._symbols_of_token, symbol.token_id, symbol)


def _discard_key(quarters: _Quarters, quarter: int, key: Key) -> None:
    keys = quarters[quarter]
    assert keys is not None, "an indexed key has its list"
    keys.discard(key)
    if not keys:
        quarters[quarter] = None


def _discard_name(lists: dict[N, dict[Symbol, None]], name: N, symbol: Symbol) -> None:
    del lists[name][symbol]
    if not lists[name]:
        del lists[name]


def _size(lists: list[_Quarters]) -> int:
    return sum(len(keys) for quarters in lists for keys in quarters if keys is not None)


def _asked(query: OrderQuery) -> list[int]:
    """The quarters that *query* can be answered from."""
    statuses = query.statuses
    quarters = []
    if statuses is None or statuses & ACTIVE_STATUSES:
        quarters += [0, 1]
    if statuses is None or statuses - ACTIVE_STATUSES:
        quarters += [2, 3]
    if query.side is None:
        return quarters
    wanted = 0 if query.side is _BUY else 1
    return [quarter for quarter in quarters if quarter % 2 == wanted]
