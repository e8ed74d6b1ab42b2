"""Orders in RocksDB."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from pmstore import (
    Applied,
    CorruptData,
    Order,
    OrderQuery,
    Page,
    Position,
)
from pmstore.codec import decode_order, encode_order
from pmstore.plugin import system_clock
from pmstore.storage import (
    check_ids,
    check_integers,
    check_orders,
    order_matches,
    order_place,
    page_of,
    version_conflict,
)
from pmstore_rocksdb import order_lists, positions
from pmstore_rocksdb.draft import Draft
from pmstore_rocksdb.keys import NUMBER_BYTES, number, plain
from pmstore_rocksdb.residence import Residence
from pmstore_rocksdb.tombstones import Tombstones
from pmstore_rocksdb.view import Reading

_FAMILY: Final = "orders"
_LISTED: Final = "it stands in lists and is not there itself"


class RocksOrderStore(Residence):
    """
    Keeps the newest version of each order in a RocksDB; a `Positioned` `OrderStore`.

    What was answered is on the disk. A value is the version, in eight bytes, and the JSON of
    the codec.

    Args:
        path: The folder of the database.
        tombstone_s: How long a removed id refuses older versions, in seconds.
        clock: The time now in epoch milliseconds.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        tombstone_s: float = 86_400,
        clock: Callable[[], int] = system_clock,
    ) -> None:
        super().__init__(path, contract="orders")
        self._tombstones = Tombstones(clock, tombstone_s)

    async def save(self, orders: Sequence[Order], /) -> None:
        """
        Keep the newest version of each order; see `OrderStore.save`.

        Cost:
            One fsync, shared with whoever writes at the same time.
        """
        self.check_call(len(orders))
        given = _checked(orders)
        if given:
            await self.database.write(lambda draft: self._save(draft, given))

    async def get(self, ids: Sequence[str], /) -> dict[str, Order]:
        """The orders with these ids; see `OrderStore.get`."""
        self.check_call(len(ids))
        wanted = dict.fromkeys(ids)
        return await self.database.read(
            lambda view: {
                id: order for id in wanted if (order := self._known(view, plain(id))) is not None
            }
        )

    async def remove(self, versions: Sequence[tuple[str, int]], /) -> int:
        """Remove orders, each through a version; see `OrderStore.remove`."""
        self.check_call(len(versions))
        for id, version in versions:
            check_ids("removed order", id)
            check_integers(f"version of removed order {id!r}", version)
        given = [(id.encode(), version) for id, version in versions]
        if not given:
            return 0
        return await self.database.write(lambda draft: self._remove(draft, given))

    async def find(self, query: OrderQuery, /) -> Page[Order]:
        """
        The orders that *query* asks for; see `OrderStore.find`.

        Cost:
            Looks at the orders of the client id, user, token, market or event asked for (the
            first of these that is set) in the state and side asked for; other fields are
            tested one by one.
        """
        self.check_call()
        return await self.database.read(lambda view: self._find(view, query))

    async def apply(
        self, changes: Sequence[Order], /, *, source: str, position: Position
    ) -> Applied:
        """Save *changes* and move *source* to *position* in one step; see `Positioned`."""
        self.check_call(len(changes))
        given = _checked(changes)

        def change(draft: Draft) -> Applied:
            if positions.has_had(draft, _FAMILY, source, position):
                return Applied.DUPLICATE
            self._save(draft, given)
            positions.move(draft, _FAMILY, source, position)
            return Applied.APPLIED

        return await self.database.write(change)

    async def position(self, source: str, /) -> Position | None:
        """How far *source* was consumed, None if never."""
        self.check_call()
        return await self.database.read(lambda view: positions.position_of(view, _FAMILY, source))

    def _save(self, draft: Draft, given: Sequence[tuple[Order, bytes]]) -> None:
        """Raises before anything is changed."""
        fresh: list[tuple[Order, bytes, bytes | None]] = []
        for order, value in given:
            id = order.id.encode()
            known = draft.get(_FAMILY, id)
            if known is None:
                if not self._tombstones.beats(draft, id, order.version):
                    fresh.append((order, value, None))
            elif value[:NUMBER_BYTES] > known[:NUMBER_BYTES]:
                fresh.append((order, value, known))
            elif value[:NUMBER_BYTES] == known[:NUMBER_BYTES] and order != self._read(id, known):
                raise version_conflict(f"order {order.id!r}", order.version)
        self._tombstones.purge(draft)
        for order, value, known in fresh:
            id = order.id.encode()
            before = set() if known is None else order_lists.list_keys(self._read(id, known))
            after = order_lists.list_keys(order)
            if known is None:
                self._tombstones.lift(draft, id)
            for key in before - after:
                draft.delete(order_lists.FAMILY, key)
            for key in after - before:
                draft.put(order_lists.FAMILY, key)
            draft.put(_FAMILY, id, value)

    def _remove(self, draft: Draft, given: Sequence[tuple[bytes, int]]) -> int:
        self._tombstones.purge(draft)
        removed = 0
        for id, version in given:
            known = draft.get(_FAMILY, id)
            if known is not None:
                order = self._read(id, known)
                if order.version > version:
                    continue
                draft.delete(_FAMILY, id)
                for key in order_lists.list_keys(order):
                    draft.delete(order_lists.FAMILY, key)
                removed += 1
            self._tombstones.bury(draft, id, version)
        return removed

    def _find(self, view: Reading, query: OrderQuery) -> Page[Order]:
        found = (order for order in self._candidates(view, query) if order_matches(order, query))
        return page_of(list(islice(found, query.limit + 1)), query.limit, order_place)

    def _candidates(self, view: Reading, query: OrderQuery) -> Iterator[Order]:
        if query.ids is not None:
            yield from self._named(view, query, query.ids)
            return
        for id in order_lists.candidates(view, query):
            order = self._known(view, id)
            if order is None:
                raise CorruptData(_LISTED, where=f"{self._path}: order {id.decode()!r}")
            yield order

    def _named(self, view: Reading, query: OrderQuery, ids: Iterable[str]) -> list[Order]:
        after = order_lists.after_cursor(query)
        known = [self._known(view, plain(id)) for id in ids]
        named = {order_place(order): order for order in known if order is not None}
        return [named[place] for place in sorted(named) if after is None or place > after]

    def _known(self, view: Reading, id: bytes) -> Order | None:
        value = view.get(_FAMILY, id)
        return None if value is None else self._read(id, value)

    def _read(self, id: bytes, value: bytes) -> Order:
        where = f"{self._path}: order {id.decode()!r}"
        return decode_order(value[NUMBER_BYTES:], where)


def _checked(orders: Sequence[Order]) -> list[tuple[Order, bytes]]:
    """
    Each order with its value.

    Raises:
        InvalidRecord: A value that no store may hold, or an id twice.
    """
    check_orders(orders)
    # Encoded before anything is awaited: what the caller does to its orders meanwhile is nothing.
    return [(order, number(order.version) + encode_order(order)) for order in orders]
