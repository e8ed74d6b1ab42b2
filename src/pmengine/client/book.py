"""A market's book that follows the exchange."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from types import TracebackType
from typing import Final, Self

import attrs

from pmengine.client.depth_feed import DepthFeed
from pmengine.client.errors import ClientClosed, Unavailable
from pmengine.client.markets import Depth, Level
from pmengine.client.mirror import BookChange, MarketKey, Mirror
from pmengine.client.orders import Trade
from pmengine.client.pending import Pending
from pmengine.client.reconnecting import not_live

TradesFrom = Callable[[int | None], AsyncIterator[Trade]]
"""Trades of the market, newest first; at most so many."""


class Book:
    """
    The book of one market, mirrored from the depth feed.

        async with client.book(1, 1) as book:
            async for change in book.changes():
                print(book.is_live, book.best_bid("y1"), book.best_ask("y1"))

    Entering waits until it is live. While it is live it is the exchange's book after
    `update_id`, whole; when something was left out or the connection is lost it is not live,
    shows what it last knew, and is made whole again by itself.
    """

    def __init__(
        self,
        feed: DepthFeed,
        key: MarketKey,
        trades: TradesFrom,
        *,
        changes_max: int,
        deadline_s: float,
    ) -> None:
        self._feed = feed
        self._key: Final = key
        self._trades = trades
        self._changes_max = changes_max
        self._deadline_s = deadline_s
        self._joined: Mirror | None = None
        self._iterated: weakref.WeakSet[Pending[BookChange]] = weakref.WeakSet()

    async def __aenter__(self) -> Self:
        if self._joined is not None:
            raise ClientClosed("the book is open already; take another one")
        self._joined = await self._feed.join(self._key)
        try:
            await self.live()
        except BaseException:
            await self._leave()
            raise
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._leave()

    async def live(self, deadline_s: float | None = None) -> None:
        """
        Return as soon as the book is live.

        Raises:
            Unavailable: It is not by then.
            Refused: There is no such market (404).
        """
        limit_s = self._deadline_s if deadline_s is None else deadline_s
        mirror = self._mirror
        try:
            async with asyncio.timeout(limit_s):
                await mirror.live()
        except TimeoutError:
            what = f"the book of market {self._key}"
            raise not_live(what, limit_s, self._feed.trouble(mirror)) from None

    @property
    def is_live(self) -> bool:
        """Whether it can be believed: it is whole, and the connection is there."""
        return self._mirror.is_live

    @property
    def update_id(self) -> int:
        """The update of the market that it shows."""
        return self._mirror.update_id

    @property
    def timestamp(self) -> int:
        """When that was, in epoch milliseconds by the exchange."""
        return self._mirror.timestamp

    @property
    def tokens(self) -> tuple[str, ...]:
        """The market's two tokens."""
        return self._mirror.tokens()

    def depth(self) -> Depth:
        """The whole book as `Client.depth` shows it; sorts its levels."""
        return self._mirror.depth()

    def best_bid(self, token_id: str) -> Level | None:
        """The highest bid for a token. Cost: O(levels)."""
        return self._mirror.best(token_id, "bids")

    def best_ask(self, token_id: str) -> Level | None:
        """The lowest ask of a token. Cost: O(levels)."""
        return self._mirror.best(token_id, "asks")

    def last_price(self, token_id: str) -> Decimal | None:
        """What a token was last traded at; None before any trade."""
        return self._mirror.last_price(token_id)

    def changes(self) -> AsyncIterator[BookChange]:
        """
        Every change from this call on, as it comes, until the book is left.

        Who takes them too slowly is not told all (`missed`); the book itself is never behind.
        It raises a ClientError when the book will not be live again.
        """
        pending = Pending[BookChange](
            self._changes_max, lambda change: attrs.evolve(change, missed=True)
        )
        self._mirror.join(pending)
        self._iterated.add(pending)
        return pending

    async def trades(self) -> AsyncIterator[Trade]:
        """
        Every trade of the market from the first `async for` on, oldest first, each once.

        Those that the feed did not tell are asked of the API.
        """
        changes = self.changes()
        newest = 0
        async for trade in self._trades(1):
            newest = trade.trade_id
        is_whole = True
        async for change in changes:
            told = change.trades
            if change.missed:
                is_whole = False
            if not is_whole and change.kind != "stale":
                try:
                    told = (*await self._since(newest), *told)
                except Unavailable:
                    continue  # asked again with the next change, from the same trade on
                is_whole = True
            for trade in told:
                if trade.trade_id > newest:
                    newest = trade.trade_id
                    yield trade

    async def _since(self, newest: int) -> list[Trade]:
        """The trades behind *newest*, oldest first."""
        found: list[Trade] = []
        async for trade in self._trades(None):
            if trade.trade_id <= newest:
                break
            found.append(trade)
        return found[::-1]

    @property
    def _mirror(self) -> Mirror:
        if self._joined is None:
            raise ClientClosed("the book is closed; use it inside `async with`")
        return self._joined

    async def _leave(self) -> None:
        mirror, self._joined = self._joined, None
        if mirror is not None:
            for pending in self._iterated:
                mirror.leave(pending)
                pending.end()
            await self._feed.leave(mirror)
