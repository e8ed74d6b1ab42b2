"""Orders in memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from itertools import islice

from pmstore.backends.memory.channel import MemoryChannel
from pmstore.backends.memory.order_index import Key, OrderIndex, quarter_of
from pmstore.backends.memory.outbox import MemoryOutbox
from pmstore.backends.memory.sources import Sources
from pmstore.backends.memory.tombstones import Tombstones
from pmstore.clock import Clock, system_clock
from pmstore.models.order import Order
from pmstore.models.position import Position
from pmstore.models.query import OrderQuery, Page
from pmstore.protocols.positioned import Applied
from pmstore.protocols.store import ALL, Coverage
from pmstore.storage.batches import check_once, version_conflict
from pmstore.storage.checks import (
    check_ids,
    check_integers,
    check_order,
    check_symbol,
)
from pmstore.storage.copies import copy_order
from pmstore.storage.cursor import read_cursor
from pmstore.storage.lifetime import Lifetime
from pmstore.storage.matching import order_matches
from pmstore.storage.pages import order_place, page_of

_ENDED = 2
"""The first quarter of the index that holds ended orders."""


class MemoryOrderStore(Lifetime):
    """
    Keeps the newest version of each order in this process; an `OrderStore`.

    Hands out copies and keeps copies. Every verb is one step of the event loop, so that no
    cancellation can divide it. `apply` and `position` make it `Positioned` over orders, the
    outbox and its verbs `Noted`: several stacks in one process can share it as their truth.

    Args:
        max_orders: Above so many orders those that ended go, the one that ended first
            goes first; open ones never go, even if they are more than that. No list is
            then promised whole: the coverage says `newest=0`. An order that went leaves a
            tombstone, so that no late save of an old version brings it back.
        tombstone_s: How long a removed id refuses older versions, in seconds.
        clock: The time now in epoch milliseconds.
    """

    def __init__(
        self,
        *,
        max_orders: int | None = None,
        tombstone_s: float = 86_400,
        clock: Clock = system_clock,
    ) -> None:
        super().__init__(coverage=ALL if max_orders is None else Coverage(newest=0))
        self._max_orders = max_orders
        self._orders: dict[str, Order] = {}
        self._index = OrderIndex()
        self._ended: OrderedDict[str, None] = OrderedDict()
        self._tombstones = Tombstones(clock, tombstone_s)
        self._sources = Sources()
        self.outbox: MemoryOutbox[str] = MemoryOutbox(clock)
        """Notes for the caches in front of this store."""
        self.channel = MemoryChannel()
        """Carries messages between the stacks that share this store."""

    async def save(self, orders: Sequence[Order], /) -> None:
        """
        Keep the newest version of each order; see `OrderStore.save`.

        Cost:
            Per order in a batch about five copies of one (3 microseconds), ten if it ends.
        """
        self.check_call(len(orders))
        self._put(self._validated(orders))

    async def save_noted(self, orders: Sequence[Order], /) -> frozenset[str]:
        """As `save`; answers which ids hold what was sent, see `Noted.save_noted`."""
        await self.save(orders)
        known = self._orders
        return frozenset(
            order.id
            for order in orders
            if (held := known.get(order.id)) is not None and held.version == order.version
        )

    async def load(self, ids: Sequence[str], /) -> dict[str, Order]:
        """The orders with these ids, see `Noted.load`."""
        return await self.get(ids)

    async def get(self, ids: Sequence[str], /) -> dict[str, Order]:
        """The orders with these ids; see `OrderStore.get`."""
        if not self._opened or len(ids) > self._limits.batch_size_max:
            self.check_call(len(ids))  # Judged here as well: a call costs as much as the look-up.
        orders = self._orders
        return {id: copy_order(orders[id]) for id in ids if id in orders}

    async def remove(self, versions: Sequence[tuple[str, int]], /) -> int:
        """Remove orders, each through a version; see `OrderStore.remove`."""
        self.check_call(len(versions))
        for id, version in versions:
            check_ids("removed order", id)
            check_integers(f"version of removed order {id!r}", version)
        self._tombstones.purge()
        removed = 0
        for id, version in versions:
            known = self._orders.get(id)
            if known is not None and known.version > version:
                continue
            self._tombstones.bury(id, version)
            self.outbox.write([(id, version + 1)])
            if known is not None:
                self._discard(known)
                removed += 1
        return removed

    async def find(self, query: OrderQuery, /) -> Page[Order]:
        """
        The orders that *query* asks for; see `OrderStore.find`.

        Cost:
            Looks at the orders of the user, symbols, side and state (open or ended) asked
            for, whichever are fewest; other fields are tested one by one.
        """
        self.check_call()
        found = (order for order in self._candidates(query) if order_matches(order, query))
        copies = [copy_order(order) for order in islice(found, query.limit + 1)]
        return page_of(copies, query.limit, order_place)

    async def apply(
        self, changes: Sequence[Order], /, *, source: str, position: Position
    ) -> Applied:
        """Save *changes* and move *source* to *position* in one step; see `Positioned`."""
        self.check_call(len(changes))
        if self._sources.has_had(source, position):
            return Applied.DUPLICATE
        self._put(self._validated(changes))
        self._sources.move(source, position)
        return Applied.APPLIED

    async def position(self, source: str, /) -> Position | None:
        """How far *source* was consumed, None if never."""
        self.check_call()
        return self._sources.position(source)

    def _validated(self, orders: Sequence[Order]) -> list[tuple[Order, Order | None]]:
        """
        Those of *orders* that change something, each with what is known of it.

        Raises before anything is changed.
        """
        fresh: list[tuple[Order, Order | None]] = []
        # What is indexed was checked before; both checks cost more than a look into a dict.
        users, symbols = self._index.by_user, self._index.by_symbol
        beats = self._tombstones.beats
        for order in orders:
            check_order(order)
            if order.user_id not in users:
                check_ids("order's user", order.user_id)
            if order.symbol not in symbols:
                check_symbol(order.symbol)
            known = self._orders.get(order.id)
            if known is None:
                if not beats(order.id, order.version):
                    fresh.append((order, None))
            elif order.version > known.version:
                fresh.append((order, known))
            elif order.version == known.version and order != known:
                raise version_conflict(f"order {order.id!r}", order.version)
        check_once("an order id", [order.id for order in orders])
        return fresh

    def _put(self, fresh: list[tuple[Order, Order | None]]) -> None:
        """Take in copies of validated orders."""
        self._tombstones.purge()
        orders, index, tombstones = self._orders, self._index, self._tombstones
        for given, known in fresh:
            order = copy_order(given)
            if known is None:
                tombstones.lift(order.id)
                index.add(order)
            else:
                index.replace(known, order)
            orders[order.id] = order
        self.outbox.write([(order.id, order.version) for order, _ in fresh])
        if self._max_orders is not None:
            self._evict([order for order, _ in fresh], self._max_orders)

    def _evict(self, changed: list[Order], orders_max: int) -> None:
        """Note which of *changed* have ended, then drop what is too much."""
        for order in changed:
            self._ended.pop(order.id, None)
            if quarter_of(order) >= _ENDED:
                self._ended[order.id] = None
        while len(self._orders) > orders_max and self._ended:
            order = self._orders[next(iter(self._ended))]
            self._tombstones.bury(order.id, order.version)
            self._discard(order)

    def _discard(self, order: Order) -> None:
        self._index.discard(order)
        del self._orders[order.id]
        self._ended.pop(order.id, None)

    def _candidates(self, query: OrderQuery) -> Iterator[Order]:
        """Orders that can be the answer, ascending from the cursor on."""
        after: Key | None = None
        if query.after is not None:
            number, id = read_cursor(query.after, int, str)
            after = (int(number), str(id))
        orders = self._orders
        if query.ids is not None:
            keys = sorted((orders[id].order_num, id) for id in query.ids if id in orders)
            return (orders[key[1]] for key in keys if after is None or key > after)
        return (orders[id] for _, id in self._index.keys(query, after))
