"""Everyday questions over any store."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from typing import Any, Protocol, TypeVar

import attrs

from pmstore.models.order import Order, Side
from pmstore.models.query import LIMIT_MAX, OrderQuery, Page, TradeQuery
from pmstore.models.trade import Trade
from pmstore.protocols.order_store import OrderStore
from pmstore.protocols.trade_store import TradeStore

Q_contra = TypeVar("Q_contra", bound=Any, contravariant=True)
T = TypeVar("T")
K = TypeVar("K")


class Findable(Protocol[Q_contra, T]):
    """Any store that answers a query by pages."""

    async def find(self, query: Q_contra, /) -> Page[T]:
        """The page that *query* asks for."""
        ...


class Gettable(Protocol[K, T]):
    """Any store that answers by key."""

    async def get(self, ids: Sequence[K], /) -> dict[K, T]:
        """The records of these keys."""
        ...


async def fresh(store: Gettable[K, T], ids: Sequence[K], /) -> dict[K, T]:
    """
    What the truth says now: of a stack `get(ids, fresh=True)`, past its caches.

    Every other store is the truth itself, so that a service can ask so whatever it runs on.
    Errors as for `get`.

    Cost:
        One round trip to the truth.
    """
    get: Callable[..., Coroutine[Any, Any, dict[K, T]]] = store.get
    if "fresh" in inspect.signature(get).parameters:
        return await get(ids, fresh=True)
    return await get(ids)


async def all(store: Findable[Q_contra, T], query: Q_contra) -> AsyncIterator[T]:
    """
    Every record that *query* asks for, in the store's order, from `query.after` on.

    A record that does not change meanwhile comes exactly once. Errors as for `find`.

    Cost:
        One round trip for each `query.limit` records.
    """
    while True:
        page = await store.find(query)
        for item in page.items:
            yield item
        if page.next is None:
            return
        query = attrs.evolve(query, after=page.next)


def by_user(store: OrderStore, user_id: str) -> AsyncIterator[Order]:
    """Every order of *user_id*, by (`order_num`, `id`)."""
    return all(store, OrderQuery(user_id=user_id, limit=LIMIT_MAX))


def by_side(store: OrderStore, side: Side) -> AsyncIterator[Order]:
    """Every order on *side*, by (`order_num`, `id`)."""
    return all(store, OrderQuery(side=side, limit=LIMIT_MAX))


async def recent(store: TradeStore, count: int) -> tuple[Trade, ...]:
    """
    The newest *count* trades, newest first; fewer if there are not so many.

    Raises:
        InvalidQuery: *count* is outside 1..1000.

    Cost:
        One round trip.
    """
    return (await store.find(TradeQuery(limit=count))).items


async def update(store: OrderStore, order: Order) -> None:
    """Save one order, whether the store knows it or not; errors as for `OrderStore.save`."""
    await store.save((order,))


async def remove(store: OrderStore, order_id: str) -> bool:
    """
    Remove an order through the version that the store has; whether it was there and is gone.

    False if it is unknown, or if a newer version was saved meanwhile: that one lives.

    Cost:
        Two round trips.
    """
    order = (await store.get((order_id,))).get(order_id)
    if order is None:
        return False
    return await store.remove(((order_id, order.version),)) == 1
