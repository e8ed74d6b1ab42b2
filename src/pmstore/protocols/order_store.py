"""The newest version of each order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from pmstore.models.order import Order
from pmstore.models.query import OrderQuery, Page
from pmstore.protocols.store import Store


class OrderStore(Store, Protocol):
    """
    Keeps the newest version of each order.

    Cancelling a call at any await leaves the store as before or after it.
    """

    async def save(self, orders: Sequence[Order], /) -> None:
        """
        Keep the newest version of each order.

        All of *orders* become visible together, or none of them does. An order that the
        store knows in a newer version, or removed at this version or a higher one, is left
        as it is. The same version with the same content changes nothing.

        Args:
            orders: At most `limits.batch_size_max`, no id twice; empty does nothing.

        Raises:
            VersionConflict: The same version with other content is known.
            LimitExceeded: Too many orders.
            InvalidRecord: An id, text or integer that no store may hold, or an id twice.
            StoreUnavailable: No answer; `outcome` says whether it may have happened.

        Cost:
            One round trip, whatever the number of orders.
        """
        ...

    async def get(self, ids: Sequence[str], /) -> dict[str, Order]:
        """
        The orders with these ids; an absent one is a missing key.

        Raises:
            LimitExceeded: Too many ids.
            StoreUnavailable: No answer.
            CorruptData: A stored order cannot be read.

        Cost:
            One round trip.
        """
        ...

    async def remove(self, versions: Sequence[tuple[str, int]], /) -> int:
        """
        Remove orders, each through a version; answers how many were there and are gone.

        Leaves a tombstone that beats every save of the same or a lower version, also for
        an id never seen; a save of a higher version lives. All together, or none.

        Raises:
            LimitExceeded: Too many.
            StoreUnavailable: No answer; `outcome` says whether it may have happened.

        Cost:
            One round trip.
        """
        ...

    async def find(self, query: OrderQuery, /) -> Page[Order]:
        """
        The orders that *query* asks for, by (`order_num`, `id`), filtered before limited.

        Paging with `after` shows an order that does not change meanwhile exactly once.

        Raises:
            InvalidQuery: A malformed cursor, or an argument that cannot be honoured.
            StoreUnavailable: No answer; never an empty page.

        Cost:
            One round trip; grows with the answer, not with other users' orders.
        """
        ...
