"""What is written and never read: by a call itself, or behind it from the truth's outbox."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, Generic, TypeVar

from pmstore.errors import PmstoreError, StoreUnavailable
from pmstore.layers.breaker import Breaker
from pmstore.layers.deadline import within
from pmstore.layers.meter import Meter
from pmstore.layers.options import LayerOptions, Policy
from pmstore.protocols.outbox import Note, Outbox

K = TypeVar("K")

_RETRY_S_MAX = 5.0
"""Seconds between two tries of a `behind` sink that does not answer."""


class Sink:
    """A store behind `|`, with its policy."""

    def __init__(
        self,
        name: str,
        store: Any,
        *,
        policy: Policy = Policy.REQUIRED,
        options: LayerOptions,
        now_s: Callable[[], float],
        meter: Meter | None = None,
    ) -> None:
        self.name = name
        self.store = store
        self.policy = policy
        self._meter = meter
        self._breaker = Breaker(
            failures=options.breaker_failures, open_s=options.breaker_open_s, now_s=now_s
        )

    @property
    def reader(self) -> str:
        """The name under which the outbox keeps notes for it, if it is behind."""
        return f"behind:{self.name}"

    async def write(self, call: Callable[[Any], Awaitable[Any]]) -> Any:
        """
        Write unless the sink is behind; what it answered, None if it was not written.

        Raises:
            StoreUnavailable: A required sink failed; the truth has the change, and the
                whole call may be repeated.
        """
        if self.policy is Policy.BEHIND:
            return None
        if self.policy is Policy.BEST_EFFORT and not self._breaker.allows():
            return None
        try:
            answer = await call(self.store)
        except PmstoreError as error:
            self._breaker.failed()
            if self._meter is not None:
                self._meter.erred(self.name, type(error).__name__)
            if self.policy is Policy.REQUIRED:
                raise StoreUnavailable(
                    f"the truth has the change, but the required sink {self.name} does not: {error}"
                ) from error
            return None
        except BaseException:
            self._breaker.abandoned()
            raise
        self._breaker.succeeded()
        return answer


class Behind(Generic[K]):
    """
    Writes one sink from the notes that the truth keeps for it; runs until it is closed.

    The newest state of each key is written once, however many notes name it. A change that
    the sink refuses for good becomes a dead letter with the reason; one that it cannot take
    now is tried again. Above `behind_max` waiting notes the oldest become dead letters.

    Args:
        write: Writes the present state of these keys, from the truth, to the sink.
    """

    def __init__(
        self,
        sink: Sink,
        outbox: Outbox[K],
        write: Callable[[Sink, Sequence[Note[K]]], Awaitable[None]],
        *,
        options: LayerOptions,
        meter: Meter | None = None,
    ) -> None:
        self._sink = sink
        self._outbox = outbox
        self._write = write
        self._options = options
        self._meter = meter
        self._task: asyncio.Future[None] | None = None

    async def open(self) -> None:
        """Have notes kept from now on, and begin to work on them."""
        await self._outbox.keep(self._sink.reader)
        self._task = asyncio.ensure_future(self._work())

    async def close(self) -> None:
        """Stop; what is not written yet is written when a stack is opened again."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def dead(self, limit: int = 1000) -> list[Note[K]]:
        """The dead letters, oldest first, each with its reason."""
        return await self._outbox.notes(self._sink.reader, limit, dead=True)

    async def step(self) -> bool:
        """
        Write what is noted now; whether there may be more.

        Raises:
            PmstoreError: The sink or the truth cannot take part now; nothing is lost.
        """
        reader, most = self._sink.reader, self._options.notes_max
        notes = await self._outbox.notes(reader, most)
        if not notes:
            return False
        if (await self._outbox.backlog(reader)).depth > self._options.behind_max:
            reason = f"more than {self._options.behind_max} changes waited for {self._sink.name}"
            await self._outbox.bury(reader, notes, reason)
            return True
        try:
            async with within(self._options.call_s, self._sink.name):
                await self._write(self._sink, notes)
        except PmstoreError as error:
            if error.retryable:
                raise
            await self._write_apart(notes)
        else:
            await self._outbox.forget(reader, notes)
        return len(notes) == most

    async def _write_apart(self, notes: Sequence[Note[K]]) -> None:
        """One of them is refused for good: find it by writing each alone."""
        for note in notes:
            try:
                await self._write(self._sink, [note])
            except PmstoreError as error:
                if error.retryable:
                    raise
                reason = f"{type(error).__name__}: {error}"
                await self._outbox.bury(self._sink.reader, [note], reason)
            else:
                await self._outbox.forget(self._sink.reader, [note])

    async def _work(self) -> None:
        wait_s = self._options.relay_every_s
        while True:
            try:
                more = await self.step()
                wait_s = self._options.relay_every_s
            except PmstoreError as error:
                more = False
                wait_s = min(wait_s * 2, _RETRY_S_MAX)
                if self._meter is not None:
                    self._meter.erred(self._sink.name, type(error).__name__)
            if not more:
                await asyncio.sleep(wait_s)
