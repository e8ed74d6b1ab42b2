"""The order, account and event store over a stack of layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from pmstore.layers.stack import LayeredStore, Parts
from pmstore.layers.versioned import Versioned
from pmstore.models.balance import Balance
from pmstore.models.market import Event
from pmstore.models.order import Order
from pmstore.models.position import Position
from pmstore.models.query import BalanceQuery, EventQuery, OrderQuery, Page
from pmstore.protocols.cache import Cache
from pmstore.protocols.positioned import Applied
from pmstore.storage.kinds import ACCOUNTS, EVENTS, ORDERS

K = TypeVar("K")
R = TypeVar("R")


class _Records(LayeredStore[Cache[K, R], K], Generic[K, R]):
    def __init__(self, versioned: Versioned[K, R]) -> None:
        super().__init__(versioned.stack)
        self._versioned = versioned


class LayeredOrderStore(_Records[str, Order]):
    """
    An `OrderStore` over caches, a truth and sinks.

    A process reads its own acknowledged writes at once; what others wrote at the latest
    `cache_max_age_s` after it was committed.
    """

    async def save(self, orders: Sequence[Order], /) -> None:
        """Save to the truth, then to caches and sinks; see `OrderStore.save`."""
        await self._versioned.write(orders)

    async def get(self, ids: Sequence[str], /, *, fresh: bool = False) -> dict[str, Order]:
        """The orders with these ids; *fresh* asks the truth. See `OrderStore.get`."""
        if fresh:
            return await self._versioned.reading.read_fresh(ids)
        return await self._versioned.reading.read(ids)

    async def remove(self, versions: Sequence[tuple[str, int]], /) -> int:
        """Remove from the truth, then from caches and sinks; see `OrderStore.remove`."""
        return await self._versioned.remove(versions)

    async def find(self, query: OrderQuery, /) -> Page[Order]:
        """What *query* asks for, from a layer that holds everything; see `OrderStore.find`."""
        page: Page[Order] = await self._versioned.listing.find(query)
        return page


class LayeredAccountStore(_Records[tuple[str, str], Balance]):
    """An `AccountStore` over caches, a truth and sinks; promises as `LayeredOrderStore`."""

    async def save(self, balances: Sequence[Balance], /) -> None:
        """Save to the truth, then to caches and sinks; see `AccountStore.save`."""
        await self._versioned.write(balances)

    async def get(
        self, keys: Sequence[tuple[str, str]], /, *, fresh: bool = False
    ) -> dict[tuple[str, str], Balance]:
        """The balances of these pairs; *fresh* asks the truth. See `AccountStore.get`."""
        if fresh:
            return await self._versioned.reading.read_fresh(keys)
        return await self._versioned.reading.read(keys)

    async def find(self, query: BalanceQuery, /) -> Page[Balance]:
        """What *query* asks for; see `AccountStore.find`."""
        page: Page[Balance] = await self._versioned.listing.find(query)
        return page


class LayeredEventStore(_Records[int, tuple[Event, int]]):
    """An `EventStore` over caches, a truth and sinks; promises as `LayeredOrderStore`."""

    async def save(self, events: Sequence[tuple[Event, int]], /) -> None:
        """Save to the truth, then to caches and sinks; see `EventStore.save`."""
        await self._versioned.write(events)

    async def get(self, ids: Sequence[int], /, *, fresh: bool = False) -> dict[int, Event]:
        """The events with these ids; *fresh* asks the truth. See `EventStore.get`."""
        read = self._versioned.reading.read_fresh if fresh else self._versioned.reading.read
        return {id: event for id, (event, _) in (await read(ids)).items()}

    async def find(self, query: EventQuery, /) -> Page[Event]:
        """What *query* asks for; see `EventStore.find`."""
        page: Page[Event] = await self._versioned.listing.find(query)
        return page


class PositionedOrderStore(LayeredOrderStore):
    """A `LayeredOrderStore` whose truth and sinks are all `Positioned`."""

    async def apply(
        self, changes: Sequence[Order], /, *, source: str, position: Position
    ) -> Applied:
        """Apply in every layer that keeps positions; see `Positioned.apply`."""
        return await self._versioned.apply_changes(changes, source, position)

    async def position(self, source: str, /) -> Position | None:
        """The lowest position of those layers; see `Positioned.position`."""
        return await self._stack.lowest_position(source)


class PositionedAccountStore(LayeredAccountStore):
    """A `LayeredAccountStore` whose truth and sinks are all `Positioned`."""

    async def apply(
        self, changes: Sequence[Balance], /, *, source: str, position: Position
    ) -> Applied:
        """Apply in every layer that keeps positions; see `Positioned.apply`."""
        return await self._versioned.apply_changes(changes, source, position)

    async def position(self, source: str, /) -> Position | None:
        """The lowest position of those layers; see `Positioned.position`."""
        return await self._stack.lowest_position(source)


def layered_orders(parts: Parts[Cache[str, Order]], *, positioned: bool) -> LayeredOrderStore:
    """The order store over *parts*."""
    made = PositionedOrderStore if positioned else LayeredOrderStore
    return made(Versioned(parts, kind=ORDERS, everything=_every(OrderQuery)))


def layered_accounts(
    parts: Parts[Cache[tuple[str, str], Balance]], *, positioned: bool
) -> LayeredAccountStore:
    """The account store over *parts*."""
    made = PositionedAccountStore if positioned else LayeredAccountStore
    return made(Versioned(parts, kind=ACCOUNTS, everything=_every(BalanceQuery)))


def layered_events(parts: Parts[Cache[int, tuple[Event, int]]]) -> LayeredEventStore:
    """The event store over *parts*; a list shows events without their versions."""
    return LayeredEventStore(
        Versioned(
            parts,
            kind=EVENTS,
            everything=_every(EventQuery),
            shown_key=lambda event: event.event_id,
        )
    )


def _every(query: Callable[..., Any]) -> Callable[[int, str | None], Any]:
    return lambda limit, after: query(limit=limit, after=after)
