"""The holdings of users by their fills, read from the trade store as far as is needed."""

from __future__ import annotations

import asyncio
from array import array
from collections import OrderedDict
from typing import Final

import attrs

from pmengine.gateways.http.profits import Holding
from pmengine.services.shown_history import ShownHistory
from pmstore import MarketKey, Side, Trade, TradeQuery

PAGE: Final = 1000
READS_MAX: Final = 100
"""Round trips to the trade store that one question may cost."""
USERS_MAX: Final = 10_000
OVERLAP_MS: Final = 60_000
"""By how much the stores of one shard may be behind those of another."""
SHARDS: Final = 1024
"""A trade id is a counter times this, plus its shard."""


class ReadsSpent(Exception):
    """A question has cost as much as one may; what was read is kept for the next one."""


@attrs.define
class Book:
    """
    The holdings of one user by the fills through `last_ids`, one for each shard.

    `after` is where reading goes on: None if nothing is being read. `unread` are fills that
    were read and not added, the newest first, three numbers each: which of `tokens`, lots
    (negative: sold), money. `news` is what `last_ids` becomes when they are.
    """

    holdings: dict[str, Holding] = attrs.Factory(dict)
    markets: dict[str, MarketKey] = attrs.Factory(dict)
    newest_ms: int = 0
    last_ids: dict[int, int] = attrs.Factory(dict)
    after: str | None = None
    unread: array[int] = attrs.Factory(lambda: array("q"))
    news: dict[int, int] = attrs.Factory(dict)
    news_ms: int = 0
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
        self.last_ids.update(self.news)
        self.newest_ms = max(self.newest_ms, self.news_ms)
        return bool(unread)


class PositionBooks:
    """
    One book for each user who asked; those who asked longest ago make room for others.

    Args:
        is_sharded: Whether trades of several shards come into the store, each at its own pace.
    """

    def __init__(
        self, history: ShownHistory, *, is_sharded: bool, reads_max: int = READS_MAX
    ) -> None:
        self._history = history
        self._overlap_ms = OVERLAP_MS if is_sharded else 0
        self._reads_max = reads_max
        self._books: OrderedDict[str, Book] = OrderedDict()

    async def follow(self, user_id: str) -> tuple[Book, bool]:
        """
        The user's book through the newest fill in the store, and whether some were new.

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
            book.news, book.news_ms = {}, book.newest_ms
        query = TradeQuery(
            user_id=user_id,
            start_ms=max(0, book.newest_ms - self._overlap_ms),
            after=book.after,
            limit=PAGE,
        )
        page = await self._history.trades.find(query)
        for trade in page.items:
            shard = trade.trade_id % SHARDS
            if trade.trade_id > book.last_ids.get(shard, 0):
                book.note(user_id, trade)
                book.news[shard] = max(book.news.get(shard, 0), trade.trade_id)
                book.news_ms = max(book.news_ms, trade.timestamp)
        book.after = page.next
        return page.next is None
