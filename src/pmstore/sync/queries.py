"""Everyday questions over stores without `await`, each a walk through their pages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol, TypeVar

import attrs

from pmstore.models.order import Order, Side
from pmstore.models.query import LIMIT_MAX, OrderQuery, Page, TradeQuery
from pmstore.models.trade import Trade
from pmstore.sync.records import OrderStore, TradeStore

Q_contra = TypeVar("Q_contra", bound=Any, contravariant=True)
T = TypeVar("T")


class Findable(Protocol[Q_contra, T]):
    """Any store that answers a query by pages."""

    def find(self, query: Q_contra, /) -> Page[T]:
        """The page that *query* asks for."""
        ...


def all(store: Findable[Q_contra, T], query: Q_contra) -> Iterator[T]:
    """Every record that *query* asks for, in the store's order; see `pmstore.queries.all`."""
    while True:
        page = store.find(query)
        yield from page.items
        if page.next is None:
            return
        query = attrs.evolve(query, after=page.next)


def by_user(store: OrderStore, user_id: str) -> Iterator[Order]:
    """Every order of *user_id*, by (`order_num`, `id`)."""
    return all(store, OrderQuery(user_id=user_id, limit=LIMIT_MAX))


def by_side(store: OrderStore, side: Side) -> Iterator[Order]:
    """Every order on *side*, by (`order_num`, `id`)."""
    return all(store, OrderQuery(side=side, limit=LIMIT_MAX))


def recent(store: TradeStore, count: int) -> tuple[Trade, ...]:
    """The newest *count* trades, 1..1000, newest first."""
    return store.find(TradeQuery(limit=count)).items


def remove(store: OrderStore, order_id: str) -> bool:
    """Remove an order through the version that the store has; whether it was there."""
    order = store.get((order_id,)).get(order_id)
    return order is not None and store.remove(((order_id, order.version),)) == 1
