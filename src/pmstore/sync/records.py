"""Stores of records without `await`: orders, trades, balances, events."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

from pmstore import protocols, queries
from pmstore.models.balance import Balance
from pmstore.models.market import Event
from pmstore.models.order import Order
from pmstore.models.query import BalanceQuery, EventQuery, OrderQuery, Page, TradeQuery
from pmstore.models.trade import Trade
from pmstore.sync.lifetime import SyncStore

K = TypeVar("K")
T = TypeVar("T")


def _got(
    store: queries.Gettable[K, T], ids: Sequence[K], fresh: bool
) -> Coroutine[Any, Any, dict[K, T]]:
    return queries.fresh(store, ids) if fresh else store.get(ids)


class OrderStore(SyncStore[protocols.OrderStore]):
    """Keeps the newest version of each order; `pmstore.OrderStore` says what is promised."""

    def save(self, orders: Sequence[Order], /) -> None:
        """Keep the newest version of each order; all of them, or none."""
        self._run(self._store.save(orders))

    def get(self, ids: Sequence[str], /, *, fresh: bool = False) -> dict[str, Order]:
        """The orders with these ids; an absent one is a missing key; *fresh* asks the truth."""
        return self._run(_got(self._store, ids, fresh))

    def remove(self, versions: Sequence[tuple[str, int]], /) -> int:
        """Remove orders, each through a version; answers how many were there and are gone."""
        return self._run(self._store.remove(versions))

    def find(self, query: OrderQuery, /) -> Page[Order]:
        """The orders that *query* asks for, by (`order_num`, `id`)."""
        return self._run(self._store.find(query))


class TradeStore(SyncStore[protocols.TradeStore]):
    """Keeps each trade id once; `pmstore.TradeStore` says what is promised."""

    def append(self, trades: Sequence[Trade], /) -> None:
        """Add trades; all of them, or none; a known id is a repeat and changes nothing."""
        self._run(self._store.append(trades))

    def find(self, query: TradeQuery, /) -> Page[Trade]:
        """The trades that *query* asks for, newest first by (`timestamp`, `trade_id`)."""
        return self._run(self._store.find(query))


class AccountStore(SyncStore[protocols.AccountStore]):
    """Keeps the newest version of each balance; see `pmstore.AccountStore`."""

    def save(self, balances: Sequence[Balance], /) -> None:
        """Keep the newest version of each row; all of them, or none."""
        self._run(self._store.save(balances))

    def get(
        self, keys: Sequence[tuple[str, str]], /, *, fresh: bool = False
    ) -> dict[tuple[str, str], Balance]:
        """The rows of these (`user_id`, `asset`) pairs; *fresh* asks the truth of a stack."""
        return self._run(_got(self._store, keys, fresh))

    def find(self, query: BalanceQuery, /) -> Page[Balance]:
        """The rows that *query* asks for, by (`user_id`, `asset`)."""
        return self._run(self._store.find(query))


class EventStore(SyncStore[protocols.EventStore]):
    """Keeps each event as it was saved under the highest version; see `pmstore.EventStore`."""

    def save(self, events: Sequence[tuple[Event, int]], /) -> None:
        """Keep events, each with its version; all of them, or none."""
        self._run(self._store.save(events))

    def get(self, ids: Sequence[int], /, *, fresh: bool = False) -> dict[int, Event]:
        """The events with these ids; an absent one is a missing key; *fresh* asks the truth."""
        return self._run(_got(self._store, ids, fresh))

    def find(self, query: EventQuery, /) -> Page[Event]:
        """The events that *query* asks for, by `event_id`."""
        return self._run(self._store.find(query))
