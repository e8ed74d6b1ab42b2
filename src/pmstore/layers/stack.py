"""The layers, truth and sinks of one stack: opened, written and closed together."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from operator import attrgetter
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import attrs

from pmstore.errors import (
    LimitExceeded,
    PmstoreError,
    StoreClosed,
    StoreUnavailable,
    WriteOutcome,
)
from pmstore.layers.asking import Asking
from pmstore.layers.deadline import within
from pmstore.layers.layer import Layer
from pmstore.layers.meter import Meter
from pmstore.layers.options import LayerOptions, Policy
from pmstore.layers.relay import Relay
from pmstore.layers.sinks import Behind, Sink
from pmstore.models.position import Position
from pmstore.protocols.cache import Token
from pmstore.protocols.outbox import Note
from pmstore.protocols.positioned import Applied
from pmstore.protocols.store import Coverage, Limits

C = TypeVar("C")
K = TypeVar("K")


@attrs.frozen(kw_only=True)
class Parts(Generic[C]):
    """What a layered store is made of; `building` refuses what cannot be."""

    layers: Sequence[Layer[C]]
    truth: Any
    sinks: Sequence[Sink]
    options: LayerOptions
    now_s: Callable[[], float]
    meter: Meter | None = None


@attrs.frozen(kw_only=True)
class Duties(Generic[K]):
    """
    What the kind of records decides.

    Attributes:
        make_relay: The relay between a truth with an outbox and its caches.
        write_behind: Lets a sink that is behind have the present state of what notes name.
        begin: The last step of opening, with everything open.
        end: The first step of closing, with everything open no more but truth and sinks.
    """

    make_relay: Callable[[], Relay[K]]
    write_behind: Callable[[Sink, Sequence[Note[K]]], Awaitable[None]]
    begin: Callable[[], Awaitable[None]]
    end: Callable[[], Awaitable[None]]


class Stack(Generic[C, K]):
    """
    What all layered stores do alike.

    Args:
        trusted: Whether caches may be read before anybody gave them trust: without an
            outbox, if what they hold says itself how old it is.
    """

    def __init__(self, parts: Parts[C], duties: Duties[K], *, trusted: bool = False) -> None:
        self.layers = list(parts.layers)
        self.truth = parts.truth
        self.sinks = list(parts.sinks)
        self.options = parts.options
        self.now_s = parts.now_s
        self.meter = parts.meter
        self.asked = Asking(options=parts.options, now_s=parts.now_s, meter=parts.meter)
        self.noted = hasattr(parts.truth, "outbox")
        """Whether the truth tells what changed."""
        self.relay: Relay[K] | None = None
        self.behind: list[Behind[K]] = []
        """The workers of the sinks that are written behind the calls."""
        self.opened = False
        self.batch_size_max = 0
        self._duties = duties
        self._trusted = trusted
        self._tasks: set[asyncio.Future[None]] = set()
        self._exits = AsyncExitStack()

    @property
    def limits(self) -> Limits:
        """What one call takes at most: what every layer takes."""
        caches = [layer.cache for layer in self.layers]
        stores = [self.truth, *caches, *(sink.store for sink in self.sinks)]
        return Limits(batch_size_max=min(map(attrgetter("limits.batch_size_max"), stores)))

    async def open(self) -> None:
        """
        Open everything, or nothing.

        Raises:
            StoreClosed: It is open already.
        """
        if self.opened:
            raise StoreClosed("the stack is open already; open it once at a time")
        async with AsyncExitStack() as exits:
            await exits.enter_async_context(self.truth)
            for sink in self.sinks:
                await exits.enter_async_context(sink.store)
            exits.push_async_callback(self._end)
            for layer in self.layers:
                exits.push_async_callback(layer.close)
                await layer.open(relayed=not self._trusted)
            self.batch_size_max = self.limits.batch_size_max
            if self.noted and self.layers:
                self.relay = self._duties.make_relay()
                exits.push_async_callback(self.relay.close)
                await self.relay.open()
            await self._duties.begin()
            self.behind = [
                Behind(
                    sink,
                    self.truth.outbox,
                    self._duties.write_behind,
                    options=self.options,
                    meter=self.meter,
                )
                for sink in self.sinks
                if sink.policy is Policy.BEHIND
            ]
            for worker in self.behind:
                exits.push_async_callback(worker.close)
                await worker.open()
            self._exits = exits.pop_all()
        self.opened = True

    async def close(
        self,
        exc_type: type[BaseException] | None = None,
        exc: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        """Close everything; once more is harmless."""
        self.opened = False
        exits, self._exits = self._exits, AsyncExitStack()
        await exits.__aexit__(exc_type, exc, traceback)

    def check_call(self, size: int = 0) -> None:
        """
        Refuse a call of a closed stack, or of too many records.

        Raises:
            StoreClosed: It is not open.
            LimitExceeded: Some layer takes fewer than *size* at once.
        """
        if not self.opened:
            raise StoreClosed("the stack is closed; use it inside `async with`")
        if size > self.batch_size_max:
            raise LimitExceeded(
                f"{size} records in one call of a stack that takes {self.batch_size_max}; "
                f"split the batch"
            )

    def within_call(self) -> AbstractAsyncContextManager[None]:
        """The deadline of a whole call."""
        return within(self.options.call_s, "the stack")

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Do *work* beside the calls; closing ends it."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def distrust(self) -> None:
        """A change may have missed any cache."""
        for layer in self.layers:
            layer.distrust()

    async def lease(self, take: Callable[[C], Awaitable[Token]]) -> dict[str, Token]:
        """A token of every layer that is written by the call and answers."""
        tokens: dict[str, Token] = {}
        for layer in self.layers:
            if layer.policy is Policy.BEHIND:
                continue
            try:
                tokens[layer.name] = await layer.call("lease", take)
            except PmstoreError as error:
                if layer.policy is Policy.REQUIRED:
                    raise StoreUnavailable(
                        f"nothing was written: the required layer {layer.name} does not answer",
                        outcome=WriteOutcome.NOT_APPLIED,
                    ) from error
        return tokens

    async def settle(self, work: Callable[[Layer[C]], Awaitable[bool]]) -> None:
        """
        Do *work* for each layer written by the call, the lowest first, once the truth is written.

        One that it does not reach, or that answers False, is not trusted.

        Raises:
            StoreUnavailable: That was a required one.
        """
        failed: list[str] = []
        for layer in reversed(self.layers):
            if layer.policy is Policy.BEHIND:
                continue
            reason = "it forgot the right to be written"
            try:
                reached = await work(layer)
            except PmstoreError as error:
                reached, reason = False, str(error)
            if not reached:
                layer.distrust()
                if layer.policy is Policy.REQUIRED:
                    failed.append(f"{layer.name} ({reason})")
        if failed:
            raise StoreUnavailable(
                f"the truth has the change, but the required {', '.join(failed)} does not",
                outcome=WriteOutcome.APPLIED,
            )

    async def write_sinks(self, call: Callable[[Any], Awaitable[Any]]) -> list[Any]:
        """Write every sink that is not behind; what they answered."""
        return [await sink.write(call) for sink in self.sinks]

    async def apply(self, changes: Sequence[Any], source: str, position: Position) -> Applied:
        """`Positioned.apply` of the truth."""
        answer: Applied = await self.asked(
            "apply",
            lambda: self.truth.apply(changes, source=source, position=position),
            repeatable=False,
        )
        return answer

    async def apply_to_sinks(
        self, answer: Applied, changes: Sequence[Any], source: str, position: Position
    ) -> Applied:
        """The same of every sink that is not behind; what the stack answers after *answer*."""
        answers = await self.write_sinks(
            lambda store: store.apply(changes, source=source, position=position)
        )
        return Applied.APPLIED if Applied.APPLIED in [answer, *answers] else Applied.DUPLICATE

    async def lowest_position(self, source: str) -> Position | None:
        """The lowest position of the layers that keep one."""
        self.check_call()
        written = [sink.store for sink in self.sinks if sink.policy is not Policy.BEHIND]
        async with self.within_call():
            return await self.asked.lowest_position([self.truth, *written], source)

    async def _end(self) -> None:
        tasks, self._tasks = list(self._tasks), set()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._duties.end()


class LayeredStore(Generic[C, K]):
    """The lifetime that all layered stores have."""

    def __init__(self, stack: Stack[C, K]) -> None:
        self._stack = stack

    @property
    def limits(self) -> Limits:
        """What one call takes at most: what every layer takes."""
        return self._stack.limits

    @property
    def coverage(self) -> Coverage:
        """The truth's coverage."""
        coverage: Coverage = self._stack.truth.coverage
        return coverage

    @property
    def behind(self) -> Sequence[Behind[K]]:
        """The workers of the sinks that are written behind the calls, with their dead letters."""
        return self._stack.behind

    async def __aenter__(self) -> Self:
        await self._stack.open()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        await self._stack.close(exc_type, exc, traceback)
