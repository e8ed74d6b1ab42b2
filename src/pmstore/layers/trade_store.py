"""Trades in a truth, with windows of the newest in front of it and sinks behind it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from operator import methodcaller

import attrs

from pmstore.errors import PmstoreError, StoreUnavailable
from pmstore.layers.layer import Layer
from pmstore.layers.marks import is_doubtful
from pmstore.layers.own_messages import OwnMessages
from pmstore.layers.relay import Relay
from pmstore.layers.relay_messages import Words
from pmstore.layers.sinks import Sink
from pmstore.layers.stack import Duties, LayeredStore, Parts, Stack
from pmstore.layers.trade_cursor import Place, behind_place, in_truth, inner_cursor
from pmstore.layers.windows import Windows
from pmstore.models.position import Position
from pmstore.models.query import LIMIT_MAX, Page, TradeQuery
from pmstore.models.trade import Trade
from pmstore.protocols.cache import Token, TradeWindow
from pmstore.protocols.outbox import Note
from pmstore.protocols.positioned import Applied


class LayeredTradeStore(LayeredStore[TradeWindow, str]):
    """
    A `TradeStore` over windows of the newest trades, a truth and sinks.

    A trade never changes, so what a window holds is always right; what may be wrong is
    that one is missing. An append takes the windows' tokens, writes the truth, then puts
    the trades into the windows. What others append is noted by the truth with its lowest
    timestamp: from there on the windows are brought up to it. A window that missed
    something, or may have, is not asked until it was filled anew.
    """

    def __init__(self, parts: Parts[TradeWindow]) -> None:
        duties = Duties(
            make_relay=self._make_relay,
            write_behind=self._write_behind,
            begin=self._begin,
            end=self._end,
        )
        super().__init__(Stack(parts, duties))
        self._windows = Windows(self._stack)

    async def append(self, trades: Sequence[Trade], /) -> None:
        """Append to the truth, then to windows and sinks; see `TradeStore.append`."""
        stack = self._stack
        stack.check_call(len(trades))
        async with stack.within_call():
            with self._writing():
                tokens = await self._lease()
                await stack.asked("append", lambda: stack.truth.append(trades))
                await self._settle(trades, tokens)
            await stack.write_sinks(lambda store: store.append(trades))

    async def find(self, query: TradeQuery, /) -> Page[Trade]:
        """What *query* asks for, from a window that proves it; see `TradeStore.find`."""
        stack = self._stack
        stack.check_call()
        async with stack.within_call():
            inner = inner_cursor(query)
            if inner is not None:
                return in_truth(await self._found(attrs.evolve(query, after=inner)))
            at = None if query.after is None else Place.read(query.after)
            asked = attrs.evolve(query, after=None)
            for layer in stack.layers:
                if not stack.noted and not layer.usable(stack.now_s()):
                    with suppress(PmstoreError):
                        await self._windows.fill(layer)
                if layer.usable(stack.now_s()):
                    with suppress(StoreUnavailable):
                        page = await layer.call("find", lambda window: window.find(asked, below=at))
                        if page is not None:
                            if stack.meter is not None:
                                stack.meter.hits(layer.name, len(page.items))
                            return Place.mark(page)
            if at is None:
                return in_truth(await self._found(query))
            return in_truth(await behind_place(self._found, query, at))

    async def _apply(self, changes: Sequence[Trade], source: str, position: Position) -> Applied:
        stack = self._stack
        stack.check_call(len(changes))
        async with stack.within_call():
            with self._writing():
                tokens = await self._lease()
                answer = await stack.apply(changes, source, position)
                if answer is Applied.APPLIED:
                    await self._settle(changes, tokens)
                else:
                    # Applied before, perhaps with other trades, perhaps by a call cut off.
                    stack.distrust()
            return await stack.apply_to_sinks(answer, changes, source, position)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """A write that ends without saying how leaves no window that is asked before a fill."""
        try:
            yield
        except BaseException as error:
            if is_doubtful(error):
                self._stack.distrust()
            raise

    async def _lease(self) -> dict[str, Token]:
        return await self._stack.lease(lambda window: window.lease())

    async def _settle(self, trades: Sequence[Trade], tokens: dict[str, Token]) -> None:
        """Put what the truth took into the windows."""

        async def settled(layer: Layer[TradeWindow]) -> bool:
            token = tokens.get(layer.name)
            # The note of it, or the next fill, brings a window up to what it does not take.
            return token is not None and await layer.call("put", methodcaller("put", token, trades))

        await self._stack.settle(settled)

    async def _found(self, query: TradeQuery) -> Page[Trade]:
        truth = self._stack.truth
        page: Page[Trade] = await self._stack.asked("find", lambda: truth.find(query))
        return page

    async def _write_behind(self, sink: Sink, notes: Sequence[Note[str]]) -> None:
        """Append to *sink* what the truth has from the lowest noted timestamp on."""
        query = TradeQuery(start_ms=min(note.least for note in notes), limit=LIMIT_MAX)
        while True:
            page = await self._found(query)
            # The oldest of a page first, as they were made.
            await sink.store.append(page.items[::-1])
            if page.next is None:
                return
            query = attrs.evolve(query, after=page.next)

    def _make_relay(self) -> Relay[str]:
        stack = self._stack
        return Relay(
            stack.truth.outbox,
            OwnMessages(stack.truth.channel, "trades"),
            stack.layers,
            apply=self._windows.extend,
            detach=lambda changes: None,
            release=lambda keys: None,
            words=Words(write_key=str, read_key=str),
            merge=min,
            options=stack.options,
            now_s=stack.now_s,
            meter=stack.meter,
        )

    async def _begin(self) -> None:
        await self._windows.begin()

    async def _end(self) -> None:
        """Nothing flies here."""


class PositionedTradeStore(LayeredTradeStore):
    """A `LayeredTradeStore` whose truth and sinks are all `Positioned`."""

    async def apply(
        self, changes: Sequence[Trade], /, *, source: str, position: Position
    ) -> Applied:
        """Apply in every layer that keeps positions; see `Positioned.apply`."""
        return await self._apply(changes, source, position)

    async def position(self, source: str, /) -> Position | None:
        """The lowest position of those layers; see `Positioned.position`."""
        return await self._stack.lowest_position(source)
