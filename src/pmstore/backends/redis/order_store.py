"""Orders in Redis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pmstore.backends.redis.channel import RedisChannel
from pmstore.backends.redis.client import RedisClient
from pmstore.backends.redis.config import RedisConfig
from pmstore.backends.redis.outbox import RedisOutbox
from pmstore.backends.redis.place import RedisPlace
from pmstore.backends.redis.records import (
    Kind,
    Records,
    Row,
    header,
    held_of,
)
from pmstore.clock import Clock, system_clock
from pmstore.codec import decode_order, encode_order
from pmstore.models.order import Order
from pmstore.models.position import Position
from pmstore.models.query import OrderQuery, Page
from pmstore.protocols.positioned import Applied
from pmstore.protocols.store import ALL, Coverage, Limits
from pmstore.storage.batches import check_orders
from pmstore.storage.checks import check_ids, check_integers
from pmstore.storage.cursor import read_cursor
from pmstore.storage.matching import order_matches
from pmstore.storage.pages import order_place, page_of

BATCH_MAX: Final = 1000
"""Records in one call: with so many a script holds the server up for ten to forty milliseconds."""

ORDERS: Final = Kind(name="orders", record="order:", skip=20, what=lambda id: f"order {id!r}")


class RedisOrderStore(RedisPlace):
    """
    Keeps the newest version of each order in Redis; an `OrderStore`, `Positioned` and `Noted`.

    An order is its JSON at `order:{id}`; `user_orders:{user}` and its like are ordered sets
    of `order_num` and id; `orders:headers` holds what the scripts compare.

    Args:
        config: Where; with `ttl_s` orders are forgotten so long after their last change.
        client: The caller's own, instead of the config's server.
        clock: The time now in epoch milliseconds, for tombstones and time to live.
    """

    def __init__(
        self,
        config: RedisConfig,
        *,
        client: RedisClient | None = None,
        clock: Clock = system_clock,
    ) -> None:
        super().__init__(
            config,
            client=client,
            limits=Limits(batch_size_max=BATCH_MAX),
            coverage=ALL if config.ttl_s is None else Coverage(since_s=config.ttl_s),
        )
        self._records = Records(
            ORDERS, self, clock=clock, ttl_s=config.ttl_s, tombstone_s=config.tombstone_s
        )
        self.outbox: RedisOutbox[str] = RedisOutbox(self, ORDERS.name, str)
        """Notes of what changed here."""
        self.channel = RedisChannel(self, f"{ORDERS.name}:channel")
        """Messages to everybody who opened this place."""

    async def save(self, orders: Sequence[Order], /) -> None:
        """Keep the newest version of each order; see `OrderStore.save`."""
        await self.save_noted(orders)

    async def save_noted(self, orders: Sequence[Order], /) -> frozenset[str]:
        """As `save`; answers which ids hold what was sent, see `Noted.save_noted`."""
        self.check_call(len(orders))
        until = self._records.until()
        held = await self._records.save(_rows(orders, until), until)
        return held_of([order.id for order in orders], held)

    async def load(self, ids: Sequence[str], /) -> dict[str, Order]:
        """As `get`; see `Noted.load`."""
        return await self.get(ids)

    async def get(self, ids: Sequence[str], /) -> dict[str, Order]:
        """The orders with these ids; see `OrderStore.get`."""
        self.check_call(len(ids))
        documents = await self._records.get(ids)
        return {
            id: decode_order(document, self._records.key(id))
            for id, document in zip(ids, documents, strict=True)
            if document is not None
        }

    async def remove(self, versions: Sequence[tuple[str, int]], /) -> int:
        """Remove orders, each through a version; see `OrderStore.remove`."""
        self.check_call(len(versions))
        for id, version in versions:
            check_ids("removed order", id)
            check_integers(f"version of removed order {id!r}", version)
        return await self._records.remove(versions) if versions else 0

    async def find(self, query: OrderQuery, /) -> Page[Order]:
        """
        The orders that *query* asks for; see `OrderStore.find`.

        Cost:
            Reads the smallest index of those that the question names (user, side, event,
            market, token, client's id), 5000 entries a round trip; what else is asked for
            is tested on the way.
        """
        self.check_call()
        after: tuple[int, str] | None = None
        if query.after is not None:
            number, id = read_cursor(query.after, int, str)
            after = (int(number), str(id))
        if query.ids is not None:
            found = await self._named(query, after)
        else:
            documents = await self._records.find(
                query.limit + 1,
                indexes=_indexes(query),
                begin="-" if after is None else f"({_member(*after)}",
                since_ms=query.start_ms,
                before_ms=query.end_ms,
                tags=_tags(query),
            )
            found = [decode_order(document, key) for key, document in documents]
        return page_of(found, query.limit, order_place)

    async def apply(
        self, changes: Sequence[Order], /, *, source: str, position: Position
    ) -> Applied:
        """Save *changes* and move *source* to *position* in one step; see `Positioned`."""
        self.check_call(len(changes))
        until = self._records.until()
        rows = _rows(changes, until)
        return await self._records.apply(rows, until, source=source, position=position)

    async def position(self, source: str, /) -> Position | None:
        """How far *source* was consumed, None if never."""
        self.check_call()
        return await self._records.position(source)

    async def _named(self, query: OrderQuery, after: tuple[int, str] | None) -> list[Order]:
        """The orders of a question that names their ids: one more than a page at most."""
        ids = sorted(query.ids or ())
        found = [
            order
            for id, document in zip(ids, await self._records.get(ids), strict=True)
            if document is not None
            and order_matches(order := decode_order(document, self._records.key(id)), query)
            and (after is None or order_place(order) > after)
        ]
        found.sort(key=order_place)
        return found[: query.limit + 1]


def _rows(orders: Sequence[Order], until: str) -> list[Row]:
    """The orders as they are stored; raises before anything is sent."""
    check_orders(orders)
    rows = []
    for order in orders:
        user_id, symbol = order.user_id, order.symbol
        indexes = (
            f"user_orders:{user_id}\nside_orders:{order.side._value_}\n"
            f"event_orders:{symbol.event_id}\nmarket_orders:{symbol.market_id}\n"
            f"token_orders:{symbol.token_id}\n"
        )
        if order.client_order_id is not None:
            indexes += f"client_orders:{order.client_order_id}\n"
        head = header(
            order.version,
            order.timestamp,
            order.status._value_,
            _member(order.order_num, order.id),
            indexes,
            until,
        )
        rows.append(Row(order.id, head, encode_order(order)))
    return rows


def _member(order_num: int, id: str) -> str:
    return f"{order_num:020d}{id}"


def _indexes(query: OrderQuery) -> list[str]:
    """The indexes in which every answer stands."""
    named = {
        "user_orders": query.user_id,
        "side_orders": None if query.side is None else query.side.value,
        "event_orders": query.event_id,
        "market_orders": query.market_id,
        "token_orders": query.token_id,
        "client_orders": query.client_order_id,
    }
    return [f"{name}:{value}" for name, value in named.items() if value is not None]


def _tags(query: OrderQuery) -> str:
    if query.statuses is None:
        return ""
    return f",{','.join(status.value for status in query.statuses)},"
