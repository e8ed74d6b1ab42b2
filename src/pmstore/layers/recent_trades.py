"""The newest trades in a fast window, all of them in the truth behind it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Final, Self

import attrs

from pmstore.errors import InvalidQuery, PmstoreError, StoreClosed, WriteOutcome
from pmstore.layers.trade_cursor import Place, behind_place, in_truth, inner_cursor
from pmstore.models.query import LIMIT_MAX, Page, TradeQuery
from pmstore.models.trade import Trade
from pmstore.protocols.store import Coverage, Limits
from pmstore.protocols.trade_store import TradeStore


def recent_trades(cache: TradeStore, truth: TradeStore) -> TradeStore:
    """
    A trade store that answers the newest trades from *cache* and all others from *truth*.

    What it answers is what *truth* would answer, as long as nobody else writes to either.
    Entering opens both and fills the window from the truth; leaving closes both.

    - `append` goes to the truth first. When the truth did not say that it has the trades
      (an unknown outcome, a cancellation), or the window did not take them, the window is
      not asked again until it was filled anew. A window that fails is no error.
    - `find` is answered by the window only if it proves its answer: there is one more trade
      behind the page inside the window, or the window holds every trade there is. Its
      cursors lead on in the truth when the window has moved past them.

    Args:
        cache: A store of the newest n trades (`coverage.newest`); what it holds at opening
            must come from this truth.
        truth: The store whose coverage this one has.

    Raises:
        InvalidQuery: *cache* does not state how many of the newest trades it holds.
    """
    newest = cache.coverage.newest
    if newest is None:
        raise InvalidQuery(
            "the cache does not say how many of the newest trades it holds; take a trade "
            "store with a window, such as memory://?recent=1000"
        )
    return _RecentTrades(cache, truth, newest)


class _RecentTrades:
    def __init__(self, cache: TradeStore, truth: TradeStore, newest: int) -> None:
        self._cache = cache
        self._truth = truth
        self._newest = newest
        self._exits = AsyncExitStack()
        self._opened = False
        self._filling = asyncio.Lock()
        self._trusted = False
        self._doubts = 0
        """How often the window may have missed a trade; a fill that saw one is not trusted."""
        self._taken = 0
        """Trades that the window took since its last fill began, repeats counted again."""
        self._filled_whole = False
        """Whether the last fill read the truth to its end."""

    @property
    def limits(self) -> Limits:
        """The truth's limits."""
        return self._truth.limits

    @property
    def coverage(self) -> Coverage:
        """The truth's coverage."""
        return self._truth.coverage

    async def __aenter__(self) -> Self:
        if self._opened:
            raise StoreClosed("the stack is open already; open it once at a time")
        async with AsyncExitStack() as exits:
            await exits.enter_async_context(self._truth)
            await exits.enter_async_context(self._cache)
            await self._fill()
            self._exits = exits.pop_all()
        self._opened = True
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        self._opened = False
        self._trusted = False
        await self._exits.__aexit__(exc_type, exc, traceback)

    async def append(self, trades: Sequence[Trade], /) -> None:
        """Add trades to the truth, then to the window; see `TradeStore.append`."""
        self._check_open()
        try:
            await self._truth.append(trades)
        except BaseException as error:
            refused = isinstance(error, PmstoreError) and error.outcome is WriteOutcome.NOT_APPLIED
            if not refused:
                self._doubt()
            raise
        try:
            await self._take(trades)
        except PmstoreError:
            # The truth has them, so the call succeeded; the window has a hole.
            self._doubt()
        except BaseException:
            self._doubt()
            raise

    async def find(self, query: TradeQuery, /) -> Page[Trade]:
        """The trades that *query* asks for, newest first; see `TradeStore.find`."""
        self._check_open()
        inner = inner_cursor(query)
        if inner is not None:
            return in_truth(await self._truth.find(attrs.evolve(query, after=inner)))
        at = None if query.after is None else _Shown.read(query.after)
        page = await self._from_window(query, at)
        if page is not None:
            return page
        if at is None:
            return in_truth(await self._truth.find(query))
        return in_truth(await behind_place(self._truth.find, query, at.last))

    async def _from_window(self, query: TradeQuery, at: _Shown | None) -> Page[Trade] | None:
        """The window's answer, None if it proves nothing."""
        if not self._trusted and not self._filling.locked():
            async with self._filling:
                await self._fill()
        if not self._trusted:
            return None
        try:
            page = await self._cache.find(
                attrs.evolve(query, after=None if at is None else at.cursor)
            )
        except InvalidQuery:
            raise
        except PmstoreError:
            self._doubt()
            return None
        if page.next is not None:
            last = page.items[-1]
            shown = _Shown(Place(last.timestamp, last.trade_id), page.next)
            return Page(page.items, shown.write())
        return page if self._is_whole() else None

    async def _fill(self) -> None:
        """Let the window take the newest trades of the truth."""
        doubts = self._doubts
        self._taken = 0
        count = 0
        after: str | None = None
        while True:
            limit = min(LIMIT_MAX, self._newest - count)
            page = await self._truth.find(TradeQuery(limit=limit, after=after))
            try:
                await self._take(page.items)
            except PmstoreError:
                return
            count += len(page.items)
            after = page.next
            if after is None or count >= self._newest:
                break
        self._filled_whole = after is None
        self._trusted = doubts == self._doubts

    async def _take(self, trades: Sequence[Trade]) -> None:
        most = self._cache.limits.batch_size_max
        for start in range(0, len(trades), most):
            await self._cache.append(trades[start : start + most])
        self._taken += len(trades)

    def _is_whole(self) -> bool:
        """Whether no trade has left the window."""
        return self._filled_whole and self._taken <= self._newest

    def _doubt(self) -> None:
        self._doubts += 1
        self._trusted = False

    def _check_open(self) -> None:
        if not self._opened:
            raise StoreClosed("the trade store is closed; use it inside `async with`")


_WINDOW_CURSOR: Final = re.compile(r"w([0-9]{1,19})\.([0-9]{1,19})\.(.+)")


@attrs.frozen
class _Shown:
    """Where a page from the window ended: the last trade, and the window's own cursor."""

    last: Place
    cursor: str

    def write(self) -> str:
        return f"w{self.last.timestamp}.{self.last.trade_id}.{self.cursor}"

    @classmethod
    def read(cls, text: str) -> _Shown:
        match = _WINDOW_CURSOR.fullmatch(text)
        if match is None:
            raise InvalidQuery(f"{text!r} is not a cursor; take `next` of the page before")
        return cls(Place(int(match[1]), int(match[2])), match[3])
