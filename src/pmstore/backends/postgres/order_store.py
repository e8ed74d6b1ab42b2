"""Orders in PostgreSQL, those that ended too."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Final

import attrs

from pmstore.backends.postgres.arrays import bigints, texts
from pmstore.backends.postgres.channel import PostgresChannel
from pmstore.backends.postgres.client import PostgresClient
from pmstore.backends.postgres.columns import packed
from pmstore.backends.postgres.config import PostgresConfig
from pmstore.backends.postgres.consumed import moving, position_of
from pmstore.backends.postgres.order_rows import COLUMNS
from pmstore.backends.postgres.order_statements import (
    APPLY,
    GET,
    REMOVE,
    SAVE,
    SAVE_NOTED,
    finding,
)
from pmstore.backends.postgres.outbox import PostgresOutbox
from pmstore.backends.postgres.store import PostgresStore
from pmstore.backends.postgres.versioned import write_versions
from pmstore.clock import Clock, system_clock
from pmstore.models.order import Order
from pmstore.models.position import Position
from pmstore.models.query import OrderQuery, Page
from pmstore.models.units import is_id
from pmstore.protocols.channel import Channel
from pmstore.protocols.outbox import Outbox
from pmstore.protocols.positioned import Applied
from pmstore.storage.batches import check_orders
from pmstore.storage.checks import check_ids, check_integers
from pmstore.storage.cursor import read_cursor
from pmstore.storage.order_rows import order_of
from pmstore.storage.pages import order_place, page_of

_STORE: Final = "orders"
_WHAT: Final = "order"


class PostgresOrderStore(PostgresStore):
    """
    Keeps the newest version of each order in the table `orders`; an `OrderStore`.

    Every call is one statement, which is a transaction: any number of processes write the
    same orders at once. `apply` and `position` make it `Positioned` over orders.

    Args:
        server: Where it is; see `PostgresStore`.
        tombstone_s: How long a removed id refuses older versions, in seconds of *clock*;
            unset, as the URL says.
        clock: The time now in epoch milliseconds.
    """

    def __init__(
        self,
        server: PostgresConfig | PostgresClient,
        *,
        tombstone_s: float | None = None,
        clock: Clock = system_clock,
    ) -> None:
        super().__init__(server)
        seconds = self._client.config.tombstone_s if tombstone_s is None else tombstone_s
        self._tombstone_ms = int(seconds * 1000)
        self._clock = clock

    async def save(self, orders: Sequence[Order], /) -> None:
        """Keep the newest version of each order; see `OrderStore.save`."""
        self.check_call(len(orders))
        if not orders:
            return
        values = self._given(orders)
        await write_versions(self._client, SAVE, values, what=_WHAT)

    async def get(self, ids: Sequence[str], /) -> dict[str, Order]:
        """The orders with these ids; see `OrderStore.get`."""
        self.check_call(len(ids))
        # Anything else is absent, and the server could not even be asked for some of it.
        known = [id for id in ids if is_id(id)]
        if not known:
            return {}
        rows = await self._client.read(GET, [texts(known)])
        return {row[0]: order_of(row, _STORE) for row in rows}

    async def remove(self, versions: Sequence[tuple[str, int]], /) -> int:
        """
        Remove orders, each through a version; see `OrderStore.remove`.

        It waits for the saves that are under way, and later ones wait for it.
        """
        self.check_call(len(versions))
        highest: dict[str, int] = {}
        for id, version in versions:
            check_ids("removed order", id)
            check_integers(f"version of removed order {id!r}", version)
            highest[id] = max(version, highest.get(id, version))
        if not highest:
            return 0
        now = self._clock()
        ids = sorted(highest)
        through = bigints([highest[id] for id in ids])
        rows = await self._client.write(
            REMOVE, [texts(ids), through, now, now + self._tombstone_ms]
        )
        removed: int = rows[0][0]
        return removed

    async def find(self, query: OrderQuery, /) -> Page[Order]:
        """
        The orders that *query* asks for; see `OrderStore.find`.

        Cost:
            Grows with the page for a user, a token, a market or a client's id, alone or with
            other fields that most of these orders have; else with what is looked at.
        """
        self.check_call()
        asked_for = (query.user_id, query.token_id, query.client_order_id, *(query.ids or ()))
        if any(id is not None and not is_id(id) for id in asked_for):
            query = attrs.evolve(query, ids=frozenset())
        after = None
        if query.after is not None:
            order_num, id = read_cursor(query.after, int, str)
            after = (int(order_num), str(id))
        statement, values = finding(query, after)
        rows = await self._client.read(statement, values)
        return page_of([order_of(row, _STORE) for row in rows], query.limit, order_place)

    async def apply(
        self, changes: Sequence[Order], /, *, source: str, position: Position
    ) -> Applied:
        """Save *changes* and move *source* to *position* in one statement; see `Positioned`."""
        self.check_call(len(changes))
        values = self._given(changes)
        rows = await write_versions(
            self._client, APPLY, [*moving(_STORE, source, position), *values], what=_WHAT
        )
        return Applied.APPLIED if rows[0][0] else Applied.DUPLICATE

    @property
    def outbox(self) -> Outbox[str]:
        """The notes of orders, by id."""
        return PostgresOutbox(self._client, _STORE, str)

    @property
    def channel(self) -> Channel:
        """Carries messages to every process that uses this schema."""
        return PostgresChannel(self._client)

    async def save_noted(self, records: Sequence[Order], /) -> frozenset[str]:
        """As `save`, and answers which orders are now as they were given; see `Noted`."""
        self.check_call(len(records))
        if not records:
            return frozenset()
        values = self._given(records)
        rows = await write_versions(self._client, SAVE_NOTED, values, what=_WHAT)
        return frozenset(row[0] for row in rows)

    async def load(self, keys: Sequence[str], /) -> dict[str, Order]:
        """As `get`, which never asks a replica; see `Noted`."""
        return await self.get(keys)

    async def position(self, source: str, /) -> Position | None:
        """How far *source* was consumed, None if never."""
        self.check_call()
        return await position_of(self._client, _STORE, source)

    def _given(self, orders: Sequence[Order]) -> list[object]:
        """The parameters that save *orders*; raises if one of them cannot be."""
        check_orders(orders)
        # Sorted here, the server finds them in order at once.
        return [*packed(COLUMNS, sorted(orders, key=attrgetter("id"))), self._clock()]
