"""Cursors of layered trades: where a page ended, whichever layer showed it."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

import attrs

from pmstore.errors import InvalidQuery
from pmstore.models.query import Page, TradeQuery
from pmstore.models.trade import Trade
from pmstore.models.units import INTEGER_MAX

_IN_TRUTH: Final = "t"
_IN_WINDOW: Final = re.compile(r"w([0-9]{1,19})\.([0-9]{1,19})")


class Place(NamedTuple):
    """The last trade of a page that a window showed."""

    timestamp: int
    trade_id: int

    @classmethod
    def read(cls, text: str) -> Place:
        """
        The place that a cursor names.

        Raises:
            InvalidQuery: It is not a cursor of a page that a window showed.
        """
        match = _IN_WINDOW.fullmatch(text)
        if match is None:
            raise InvalidQuery(f"{text!r} is not a cursor; take `next` of the page before")
        return cls(int(match[1]), int(match[2]))

    @staticmethod
    def mark(page: Page[Trade]) -> Page[Trade]:
        """A page of a window, its `next` such a place."""
        if page.next is None:
            return page
        last = page.items[-1]
        return Page(page.items, f"w{last.timestamp}.{last.trade_id}")


def inner_cursor(query: TradeQuery) -> str | None:
    """The truth's own cursor, if the page before came from the truth."""
    if query.after is None or not query.after.startswith(_IN_TRUTH):
        return None
    return query.after.removeprefix(_IN_TRUTH)


def in_truth(page: Page[Trade]) -> Page[Trade]:
    """A page of the truth, its `next` said to be the truth's."""
    return page if page.next is None else Page(page.items, _IN_TRUTH + page.next)


async def behind_place(
    find: Callable[[TradeQuery], Awaitable[Page[Trade]]], query: TradeQuery, at: Place
) -> Page[Trade]:
    """The page behind a trade that a window showed last, from the truth."""
    end_ms = at.timestamp + 1
    if query.end_ms is not None:
        end_ms = min(end_ms, query.end_ms)
    found: list[Trade] = []
    after: str | None = None
    while True:
        # The limit is what is missing, so that the truth's cursor fits the page.
        page = await find(
            attrs.evolve(
                query,
                end_ms=end_ms if end_ms <= INTEGER_MAX else None,
                after=after,
                limit=query.limit - len(found),
            )
        )
        found += (trade for trade in page.items if (trade.timestamp, trade.trade_id) < at)
        after = page.next
        if after is None or len(found) == query.limit:
            return Page(tuple(found), after)
