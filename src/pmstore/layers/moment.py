"""Several pages of trades, as the truth held them at one moment."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

import attrs

from pmstore.models.query import LIMIT_MAX, Page, TradeQuery
from pmstore.models.trade import Trade

_TRIES_MAX: Final = 5
"""How often pages that change under the reading are read before it is given up."""

Find = Callable[[TradeQuery], Awaitable[Page[Trade]]]


class Moment(NamedTuple):
    """The newest trades, newest first, and whether there are more behind them."""

    trades: list[Trade]
    more: bool


async def newest_at_once(find: Find, most: int, *, start_ms: int | None = None) -> Moment | None:
    """
    The newest *most* trades from *start_ms* on that there were at one moment; None: no luck.

    One page is one moment. Of several, all but the last are read again: trades are only ever
    added, so a page that says the same before and after the last one was read said it then.
    A batch that is appended meanwhile is in all of it, or in none.

    Cost:
        2n - 1 finds for n pages, 5 times at most if trades keep arriving.
    """
    first = TradeQuery(limit=min(most, LIMIT_MAX), start_ms=start_ms)
    for _ in range(_TRIES_MAX):
        pages: list[tuple[TradeQuery, Page[Trade]]] = []
        query, count = first, 0
        while True:
            page = await find(query)
            pages.append((query, page))
            count += len(page.items)
            if page.next is None or count >= most:
                break
            query = attrs.evolve(query, after=page.next, limit=min(most - count, LIMIT_MAX))
        for asked, said in pages[:-1]:
            if await find(asked) != said:
                break
        else:
            trades = [trade for _, page in pages for trade in page.items]
            return Moment(trades, pages[-1][1].next is not None)
    return None
