"""Order stores whose `find` has one bug each."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from pmstore.backends.memory import MemoryOrderStore
from pmstore.models.order import Order
from pmstore.models.query import OrderQuery, Page


class LimitsBeforeItFilters(MemoryOrderStore):
    """The limit counts what was looked at."""

    async def find(self, query: OrderQuery, /) -> Page[Order]:
        looked_at = await super().find(OrderQuery(limit=query.limit, after=query.after))
        wanted = {one.id for one in (await super().find(attrs.evolve(query, limit=1000))).items}
        return Page(tuple(one for one in looked_at.items if one.id in wanted), looked_at.next)


class ShowsTheLastAgain(MemoryOrderStore):
    """The cursor is inclusive: a page begins with the last order of the one before."""

    async def find(self, query: OrderQuery, /) -> Page[Order]:
        page = await super().find(query)
        if query.after is None:
            return page
        everything = (await super().find(attrs.evolve(query, after=None, limit=1000))).items
        at = everything.index(page.items[0]) - 1 if page.items else len(everything) - 1
        return Page(everything[at : at + query.limit], page.next)


class PagesByOffset(MemoryOrderStore):
    """The cursor counts orders, so that removals shift the pages."""

    async def find(self, query: OrderQuery, /) -> Page[Order]:
        try:
            start = int(query.after or 0)
        except ValueError:
            return await super().find(query)
        found = (await super().find(attrs.evolve(query, after=None, limit=1000))).items
        end = start + query.limit
        return Page(found[start:end], str(end) if end < len(found) else None)


class SaysNextAtTheEnd(MemoryOrderStore):
    """A full last page has a cursor, which leads to an empty one."""

    async def find(self, query: OrderQuery, /) -> Page[Order]:
        page = await super().find(query)
        if page.next is not None or len(page.items) < query.limit:
            return page
        return Page(page.items, "end")


class ClosesItsWindows(MemoryOrderStore):
    """A window holds its end."""

    async def find(self, query: OrderQuery, /) -> Page[Order]:
        if query.end_ms is None:
            return await super().find(query)
        return await super().find(attrs.evolve(query, end_ms=query.end_ms + 1))


class IgnoresTheSide(MemoryOrderStore):
    """An argument is ignored."""

    async def find(self, query: OrderQuery, /) -> Page[Order]:
        return await super().find(attrs.evolve(query, side=None))


class FindsEverythingForNoIds(MemoryOrderStore):
    """An empty set of ids asks for all of them."""

    async def find(self, query: OrderQuery, /) -> Page[Order]:
        return await super().find(attrs.evolve(query, ids=query.ids or None))


class SortsNumbersAsText(MemoryOrderStore):
    """10 comes before 9."""

    async def find(self, query: OrderQuery, /) -> Page[Order]:
        page = await super().find(query)
        return Page(tuple(sorted(page.items, key=lambda one: str(one.order_num))), page.next)


class KeepsGhosts(MemoryOrderStore):
    """A changed order is still found by what it said before."""

    async def save(self, orders: Sequence[Order], /) -> None:
        known = await self.get([one.id for one in orders])
        self._ghosts = [*getattr(self, "_ghosts", []), *known.values()]
        await super().save(orders)

    async def find(self, query: OrderQuery, /) -> Page[Order]:
        page = await super().find(query)
        if query.user_id is None or query.after is not None:
            return page
        ghosts = [one for one in getattr(self, "_ghosts", []) if one.user_id == query.user_id]
        return Page((*page.items, *ghosts), page.next)
