"""The holdings of users by their fills, read from the trade store as far as is needed."""

from __future__ import annotations

import asyncio
from array import array
from collections import OrderedDict
from typing import Final

import attrs

from pmengine.gateways.http.frontier import Frontier, Places
from pmengine.gateways.http.profits import Holding
from pmengine.services.shown_history import ShownHistory
from pmstore import MarketKey, Side, Trade, TradeQuery

PAGE: Final = 1000
READS_MAX: Final = 100
"""Round trips to the trade store that one question may cost."""
USERS_MAX: Final = 10_000


class ReadsSpent(Exception):
    """A question has cost as much as one may; what was read is kept for the next one."""


@attrs.define
class Book:
    """
    The holdings of one user by the fills through `frontier`.

    `after` and `start_ms` are where reading goes on: None if nothing is being read. `unread`
    are fills that were read and not added, the newest first, three numbers each: which of
    `tokens`, lots (negative: sold), money.
    """

    holdings: dict[str, Holding] = attrs.Factory(dict)
    markets: dict[str, MarketKey] = attrs.Factory(dict)
    frontier: Frontier = attrs.Factory(Frontier)
    after: str | None = None
    start_ms: int | None = None
    unread: array[int] = attrs.Factory(lambda: array("q"))
    tokens: list[str] = attrs.Factory(list)
    numbers: dict[str, int] = attrs.Factory(dict)
    lock: asyncio.Lock = attrs.Factory(asyncio.Lock)

    def note(self, user_id: str, trade: Trade) -> None:
        """Keep the sides of *trade* that are the user's until everything before was read."""
        # Newest first, so the maker's side, which is added last, goes first.
        if trade.maker_user_id == user_id:
            self._note(
                trade.maker_symbol.token_id,
                trade,
                trade.maker_side,
                trade.maker_price,
                trade.maker_fee,
            )
        if trade.taker_user_id == user_id:
            self._note(trade.symbol.token_id, trade, trade.side, trade.price, trade.taker_fee)

    def _note(self, token: str, trade: Trade, side: Side, price: int, fee: int) -> None:
        number = self.numbers.get(token)
        if number is None:
            number = self.numbers[token] = len(self.tokens)
            self.tokens.append(token)
            self.markets[token] = (trade.symbol.event_id, trade.symbol.market_id)
        money = price * trade.quantity
        if side is Side.BUY:
            self.unread.extend((number, trade.quantity, money + fee))
        else:
            self.unread.extend((number, -trade.quantity, money - fee))

    def add(self) -> bool:
        """Add what was noted, the oldest first; whether there was something."""
        unread = self.unread
        for place in range(len(unread) - 3, -1, -3):
            holding = self.holdings.setdefault(self.tokens[unread[place]], Holding())
            lots, money = unread[place + 1], unread[place + 2]
            if lots > 0:
                holding.buy(lots, money)
            else:
                holding.sell(-lots, money)
        self.unread = array("q")
        self.frontier.end()
        return bool(unread)


class PositionBooks:
    """
    One book for each user who asked; those who asked longest ago make room for others.

    Args:
        places: How far the stores are; while they have not moved nothing is read.
        reads_max: Round trips to the trade store that one question may cost.
    """

    def __init__(
        self, history: ShownHistory, places: Places, *, reads_max: int = READS_MAX
    ) -> None:
        self._history = history
        self._places = places
        self._reads_max = reads_max
        self._books: OrderedDict[str, Book] = OrderedDict()

    async def follow(self, user_id: str) -> tuple[Book, bool]:
        """
        The user's book with every fill that the stores had, and whether some were new.

        Raises:
            ReadsSpent: There are too many for one question; asking again goes on from there.
            StoreUnavailable: The store did not answer.
        """
        book = self._books.setdefault(user_id, Book())
        self._books.move_to_end(user_id)
        if len(self._books) > USERS_MAX:
            self._books.popitem(last=False)
        async with book.lock:
            for _ in range(self._reads_max):
                if await self._read(user_id, book):
                    return book, book.add()
        raise ReadsSpent

    async def _read(self, user_id: str, book: Book) -> bool:
        """Read one page; whether it was the last one."""
        if book.after is None:
            places = self._places()
            newest = (await self._history.trades.find(TradeQuery(limit=1))).items
            newest_ms = newest[0].timestamp if newest else 0
            book.start_ms = book.frontier.begin(places, newest_ms)
            if book.start_ms is None:
                return True
        query = TradeQuery(user_id=user_id, start_ms=book.start_ms, after=book.after, limit=PAGE)
        page = await self._history.trades.find(query)
        for trade in page.items:
            if book.frontier.take(trade):
                book.note(user_id, trade)
        book.after = page.next
        return page.next is None
