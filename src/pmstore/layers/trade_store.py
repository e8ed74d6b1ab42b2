"""Trades in a truth, with windows of the newest in front of it and sinks behind it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager, suppress
from operator import methodcaller
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import attrs

from pmstore.errors import LimitExceeded, PmstoreError, StoreClosed, StoreUnavailable, WriteOutcome
from pmstore.layers.asking import Asking
from pmstore.layers.deadline import within
from pmstore.layers.layer import Layer
from pmstore.layers.marks import is_doubtful
from pmstore.layers.meter import Meter
from pmstore.layers.moment import newest_at_once
from pmstore.layers.options import LayerOptions, Policy
from pmstore.layers.own_messages import OwnMessages
from pmstore.layers.relay import Changes, Relay
from pmstore.layers.sinks import Behind, Sink
from pmstore.layers.trade_cursor import Place, behind_place, in_truth, inner_cursor
from pmstore.models.position import Position
from pmstore.models.query import LIMIT_MAX, Page, TradeQuery
from pmstore.models.trade import Trade
from pmstore.protocols.cache import Token, TradeWindow
from pmstore.protocols.outbox import Note
from pmstore.protocols.positioned import Applied
from pmstore.protocols.store import Coverage, Limits

T = TypeVar("T")

_REFILL_EVERY_S: Final = 2.0
"""Seconds between two looks whether a window has to be filled anew."""


@attrs.frozen(kw_only=True)
class TradeParts:
    """What a layered trade store is made of; `building` refuses what cannot be."""

    layers: Sequence[Layer[TradeWindow]]
    truth: Any
    sinks: Sequence[Sink]
    options: LayerOptions
    now_s: Callable[[], float]
    meter: Meter | None = None


class LayeredTradeStore:
    """
    A `TradeStore` over windows of the newest trades, a truth and sinks.

    A trade never changes, so what a window holds is always right; what may be wrong is
    that one is missing. An append takes the windows' tokens, writes the truth, then puts
    the trades into the windows. What others append is noted by the truth with its lowest
    timestamp: from there on the windows are brought up to it. A window that missed
    something, or may have, is not asked until it was filled anew.
    """

    def __init__(self, parts: TradeParts) -> None:
        self._layers = list(parts.layers)
        self._truth = parts.truth
        self._sinks = list(parts.sinks)
        self._options = parts.options
        self._now_s = parts.now_s
        self._meter = parts.meter
        self._asked = Asking(options=parts.options, now_s=parts.now_s, meter=parts.meter)
        self._noted = hasattr(parts.truth, "outbox")
        self._exits = AsyncExitStack()
        self._tasks: set[asyncio.Future[None]] = set()
        self._opened = False
        self._batch_size_max = 0
        self.behind: list[Behind[str]] = []
        """The workers of the sinks that are written behind the calls."""

    @property
    def limits(self) -> Limits:
        """What one call takes at most: what every layer takes."""
        stores = [
            self._truth,
            *(layer.cache for layer in self._layers),
            *(sink.store for sink in self._sinks),
        ]
        return Limits(batch_size_max=min(one.limits.batch_size_max for one in stores))

    @property
    def coverage(self) -> Coverage:
        """The truth's coverage."""
        coverage: Coverage = self._truth.coverage
        return coverage

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as exits:
            await exits.enter_async_context(self._truth)
            for sink in self._sinks:
                await exits.enter_async_context(sink.store)
            exits.push_async_callback(self._end_tasks)
            for layer in self._layers:
                exits.push_async_callback(layer.close)
                await layer.open(relayed=True)
            self._batch_size_max = self.limits.batch_size_max
            if self._noted and self._layers:
                relay = self._make_relay()
                exits.push_async_callback(relay.close)
                await relay.open()
            for layer in self._layers:
                await self._refill(layer)
            if self._layers:
                self._start(self._keep_filled())
            self.behind = [
                Behind(
                    sink,
                    self._truth.outbox,
                    self._write_behind,
                    options=self._options,
                    meter=self._meter,
                )
                for sink in self._sinks
                if sink.policy is Policy.BEHIND
            ]
            for worker in self.behind:
                exits.push_async_callback(worker.close)
                await worker.open()
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
        exits, self._exits = self._exits, AsyncExitStack()
        await exits.__aexit__(exc_type, exc, traceback)

    async def append(self, trades: Sequence[Trade], /) -> None:
        """Append to the truth, then to windows and sinks; see `TradeStore.append`."""
        self._check_call(len(trades))
        async with within(self._options.call_s, "the stack"):
            with self._writing():
                tokens = await self._lease()
                await self._asked("append", lambda: self._truth.append(trades))
                await self._settle(trades, tokens)
            for sink in self._sinks:
                await sink.write(lambda store: store.append(trades))

    async def find(self, query: TradeQuery, /) -> Page[Trade]:
        """What *query* asks for, from a window that proves it; see `TradeStore.find`."""
        self._check_call()
        async with within(self._options.call_s, "the stack"):
            inner = inner_cursor(query)
            if inner is not None:
                return in_truth(await self._found(attrs.evolve(query, after=inner)))
            at = None if query.after is None else Place.read(query.after)
            asked = attrs.evolve(query, after=None)
            for layer in self._layers:
                if not self._noted and not layer.usable(self._now_s()):
                    with suppress(PmstoreError):
                        await self._fill(layer)
                if layer.usable(self._now_s()):
                    with suppress(StoreUnavailable):
                        page = await layer.call("find", lambda window: window.find(asked, below=at))
                        if page is not None:
                            if self._meter is not None:
                                self._meter.hits(layer.name, len(page.items))
                            return Place.mark(page)
            if at is None:
                return in_truth(await self._found(query))
            return in_truth(await behind_place(self._found, query, at))

    async def apply_changes(
        self, changes: Sequence[Trade], source: str, position: Position
    ) -> Applied:
        """`Positioned.apply` over the truth and every sink that is not behind."""
        self._check_call(len(changes))
        async with within(self._options.call_s, "the stack"):
            with self._writing():
                tokens = await self._lease()
                answer = await self._asked(
                    "apply",
                    lambda: self._truth.apply(changes, source=source, position=position),
                    repeatable=False,
                )
                if answer is Applied.APPLIED:
                    await self._settle(changes, tokens)
                else:
                    # Applied before, perhaps with other trades, perhaps by a call cut off.
                    self._distrust()
            answers = {answer}
            for sink in self._sinks:
                answers.add(
                    await sink.write(
                        lambda store: store.apply(changes, source=source, position=position)
                    )
                )
        return Applied.APPLIED if Applied.APPLIED in answers else Applied.DUPLICATE

    async def lowest_position(self, source: str) -> Position | None:
        """The lowest position of the layers that keep one."""
        self._check_call()
        stores = [
            self._truth,
            *(sink.store for sink in self._sinks if sink.policy is not Policy.BEHIND),
        ]
        async with within(self._options.call_s, "the stack"):
            return await self._asked.lowest_position(stores, source)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """A write that ends without saying how leaves no window that is asked before a fill."""
        try:
            yield
        except BaseException as error:
            if is_doubtful(error):
                self._distrust()
            raise

    def _distrust(self) -> None:
        for layer in self._layers:
            layer.distrust()

    async def _lease(self) -> dict[str, Token]:
        tokens: dict[str, Token] = {}
        for layer in self._layers:
            if layer.policy is Policy.BEHIND:
                continue
            try:
                tokens[layer.name] = await layer.call("lease", lambda window: window.lease())
            except PmstoreError as error:
                if layer.policy is Policy.REQUIRED:
                    raise StoreUnavailable(
                        f"nothing was written: the required layer {layer.name} does not answer",
                        outcome=WriteOutcome.NOT_APPLIED,
                    ) from error
        return tokens

    async def _settle(self, trades: Sequence[Trade], tokens: dict[str, Token]) -> None:
        """Put what the truth took into the windows; one that does not take it is distrusted."""
        failed: list[str] = []
        for layer in reversed(self._layers):
            token = tokens.get(layer.name)
            taken = False
            if token is not None:
                with suppress(PmstoreError):
                    taken = await layer.call("put", methodcaller("put", token, trades))
            if not taken:
                # The note of it, or the next fill, brings the window up to it.
                layer.distrust()
                if layer.policy is Policy.REQUIRED:
                    failed.append(layer.name)
        if failed:
            raise StoreUnavailable(
                f"the truth has the trades, but the required {', '.join(failed)} does not",
                outcome=WriteOutcome.APPLIED,
            )

    async def _extend(self, layer: Layer[TradeWindow], changes: Changes[str]) -> None:
        """Bring a window up to what others appended; None: fill it anew."""
        if changes is not None and await self._took(layer, min(least for _, least in changes)):
            return
        await layer.call("clear", lambda window: window.clear())
        await self._fill(layer)

    async def _took(self, layer: Layer[TradeWindow], start_ms: int) -> bool:
        """Whether a window took all that the truth has from *start_ms* on, in one call."""
        token = await layer.call("lease", lambda window: window.lease())
        moment = await newest_at_once(self._found, _most(layer), start_ms=start_ms)
        if moment is None or len(moment.trades) > layer.cache.limits.batch_size_max:
            return False
        return await layer.call("fill", lambda window: window.put(token, moment.trades))

    async def _fill(self, layer: Layer[TradeWindow]) -> None:
        """Let a window take the newest trades of the truth; it is asked only with all of them."""
        began_s, doubts = self._now_s(), layer.doubts
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
        if (
            await layer.call("fill", lambda window: window.complete(token, since))
            and not self._noted
        ):
            # Nobody tells what others append: it is right for as long as it is young.
            layer.trust(began_s + self._options.cache_max_age_s, doubts=doubts)

    async def _refill(self, layer: Layer[TradeWindow]) -> None:
        """Fill a window that can prove nothing."""
        with suppress(PmstoreError):
            one = TradeQuery(limit=1)
            if await layer.call("find", lambda window: window.find(one)) is None:
                await self._fill(layer)

    async def _keep_filled(self) -> None:
        while True:
            await asyncio.sleep(_REFILL_EVERY_S)
            for layer in self._layers:
                await self._refill(layer)

    async def _found(self, query: TradeQuery) -> Page[Trade]:
        page: Page[Trade] = await self._asked("find", lambda: self._truth.find(query))
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
        return Relay(
            self._truth.outbox,
            OwnMessages(self._truth.channel, "trades"),
            self._layers,
            apply=self._extend,
            detach=lambda changes: None,
            release=lambda keys: None,
            write_key=str,
            read_key=str,
            merge=min,
            options=self._options,
            now_s=self._now_s,
            meter=self._meter,
        )

    def _start(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _end_tasks(self) -> None:
        tasks, self._tasks = list(self._tasks), set()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _check_call(self, size: int = 0) -> None:
        if not self._opened:
            raise StoreClosed("the stack is closed; use it inside `async with`")
        if size > self._batch_size_max:
            raise LimitExceeded(
                f"{size} trades in one call of a stack that takes {self._batch_size_max}; "
                f"split the batch"
            )


def _most(layer: Layer[TradeWindow]) -> int:
    """How many trades a window keeps."""
    newest = layer.cache.coverage.newest
    assert newest is not None, "building refuses windows without a bound"
    return newest


class PositionedTradeStore(LayeredTradeStore):
    """A `LayeredTradeStore` whose truth and sinks are all `Positioned`."""

    async def apply(
        self, changes: Sequence[Trade], /, *, source: str, position: Position
    ) -> Applied:
        """Apply in every layer that keeps positions; see `Positioned.apply`."""
        return await self.apply_changes(changes, source, position)

    async def position(self, source: str, /) -> Position | None:
        """The lowest position of those layers; see `Positioned.position`."""
        return await self.lowest_position(source)
