"""Windows of the newest trades: filled from the truth, and brought up to what others appended."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from operator import methodcaller
from typing import Final

from pmstore.errors import PmstoreError
from pmstore.layers.layer import Layer
from pmstore.layers.moment import newest_at_once
from pmstore.layers.relay_messages import Changes
from pmstore.layers.stack import Stack
from pmstore.models.query import Page, TradeQuery
from pmstore.models.trade import Trade
from pmstore.protocols.cache import TradeWindow

_REFILL_EVERY_S: Final = 2.0
"""Seconds between two looks whether a window has to be filled anew."""


class Windows:
    """
    Fills the windows of one stack.

    What a window shows is never a part of a batch: it takes everything of one moment in one
    call, or it is not complete, and so not asked, until it has taken all of it.
    """

    def __init__(self, stack: Stack[TradeWindow, str]) -> None:
        self._stack = stack

    async def begin(self) -> None:
        """Fill all of them, and see to it that they stay filled."""
        for layer in self._stack.layers:
            await self._refill(layer)
        if self._stack.layers:
            self._stack.start(self._keep_filled())

    async def extend(self, layer: Layer[TradeWindow], changes: Changes[str]) -> None:
        """Bring a window up to what others appended; None: fill it anew."""
        if changes is not None and await self._took(layer, min(least for _, least in changes)):
            return
        await layer.call("clear", lambda window: window.clear())
        await self.fill(layer)

    async def fill(self, layer: Layer[TradeWindow]) -> None:
        """Let a window take the newest trades of the truth; it is asked only with all of them."""
        stack = self._stack
        began_s, doubts = stack.now_s(), layer.doubts
        most, size = _most(layer), layer.cache.limits.batch_size_max
        if most > size:
            # Several calls: a window that is complete would show what the first one brought.
            await layer.call("clear", lambda window: window.clear())
        token = await layer.call("lease", lambda window: window.lease())
        moment = await newest_at_once(self._found, most)
        if moment is None:
            return
        trades = moment.trades
        for start in range(0, len(trades), size):
            part = trades[start : start + size]
            if not await layer.call("fill", methodcaller("put", token, part)):
                return
        since = (trades[-1].timestamp, trades[-1].trade_id) if moment.more else None
        complete = await layer.call("fill", lambda window: window.complete(token, since))
        if complete and not stack.noted:
            # Nobody tells what others append: it is right for as long as it is young.
            layer.trust(began_s + stack.options.cache_max_age_s, doubts=doubts)

    async def _took(self, layer: Layer[TradeWindow], start_ms: int) -> bool:
        """Whether a window took all that the truth has from *start_ms* on, in one call."""
        token = await layer.call("lease", lambda window: window.lease())
        moment = await newest_at_once(self._found, _most(layer), start_ms=start_ms)
        if moment is None or len(moment.trades) > layer.cache.limits.batch_size_max:
            return False
        return await layer.call("fill", lambda window: window.put(token, moment.trades))

    async def _refill(self, layer: Layer[TradeWindow]) -> None:
        """Fill a window that can prove nothing."""
        with suppress(PmstoreError):
            one = TradeQuery(limit=1)
            if await layer.call("find", lambda window: window.find(one)) is None:
                await self.fill(layer)

    async def _keep_filled(self) -> None:
        while True:
            await asyncio.sleep(_REFILL_EVERY_S)
            for layer in self._stack.layers:
                await self._refill(layer)

    async def _found(self, query: TradeQuery) -> Page[Trade]:
        truth = self._stack.truth
        page: Page[Trade] = await self._stack.asked("find", lambda: truth.find(query))
        return page


def _most(layer: Layer[TradeWindow]) -> int:
    """How many trades a window keeps."""
    newest = layer.cache.coverage.newest
    assert newest is not None, "building refuses windows without a bound"
    return newest
