"""Cancels a call at each of its awaits, then at random times; runs several at once."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator, Iterable
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar

A = TypeVar("A")

_AWAITS_MAX: Final = 2000
"""A call that waits more often than that by itself is taken for one that never ends."""
_RANDOM_TIMES: Final = 10
"""Attempts at random times, for what a call lets other tasks and threads do meanwhile."""


class CountedAwaits(Awaitable[A]):
    """
    Runs a call inside a task, and calls *reached* when it waits for the *number*-th time.

    Every suspension of the call's own coroutine counts, however deep it lies.
    """

    def __init__(
        self, call: Coroutine[Any, Any, A], number: int, reached: Callable[[], object]
    ) -> None:
        self._call = call
        self._number = number
        self._reached = reached
        self.count = 0

    def __await__(self) -> Generator[Any, Any, A]:
        return self._steps().__await__()

    async def _steps(self) -> A:
        return await _Steps(self)

    def _suspended(self) -> None:
        self.count += 1
        if self.count == self._number:
            self._reached()


class _Steps(Awaitable[A]):
    def __init__(self, counted: CountedAwaits[A]) -> None:
        self._counted = counted

    def __await__(self) -> Generator[Any, Any, A]:
        inner = self._counted._call.__await__()
        sent: Any = None
        thrown: BaseException | None = None
        try:
            while True:
                try:
                    waited = inner.send(sent) if thrown is None else inner.throw(thrown)
                except StopIteration as ended:
                    answer: A = ended.value
                    return answer
                thrown = None
                self._counted._suspended()
                try:
                    sent = yield waited
                except BaseException as error:
                    # Whatever the task is told goes to the call, a cancellation first of all.
                    thrown = error
        finally:
            inner.close()


class Cancelling:
    """
    Repeats a clause, each time cancelling its call at its next await, then at random times.

    `async for attempt in Cancelling()` goes on until `attempt.call` ended before its await
    was reached, so every await of the call was cancelled once. What the call lets other
    tasks, threads and servers do goes on between those; therefore some attempts more cancel
    it at times drawn (with a fixed seed) from as long as it takes undisturbed.
    """

    def __init__(self) -> None:
        self.number = -1
        """Of this attempt, from 0: for records of its own."""
        self._await = -1
        self._took_s: float | None = None
        self._times = 0
        self._random = random.Random(20_260_101)

    def __aiter__(self) -> AsyncIterator[Cancelling]:
        return self

    async def __anext__(self) -> Cancelling:
        self.number += 1
        if self._took_s is None:
            self._await += 1
            if self._await > _AWAITS_MAX:
                raise AssertionError(f"the call waited more than {_AWAITS_MAX} times")
        elif self._times == (_RANDOM_TIMES if self._await > 1 else 0):
            # A call that never waits, or did not once it was started, cannot be divided.
            raise StopAsyncIteration
        else:
            self._times += 1
        return self

    async def call(self, coroutine: Coroutine[Any, Any, object]) -> bool:
        """Run it, cancel it at this attempt's moment, answer whether it ended before."""
        if self._took_s is not None:
            task = asyncio.ensure_future(coroutine)
            await asyncio.wait({task}, timeout=self._random.uniform(0, self._took_s))
            return await _cancelled(task)
        if self._await == 0:
            return await _cancelled(asyncio.ensure_future(coroutine))
        return await self._at_its_await(coroutine)

    async def _at_its_await(self, coroutine: Coroutine[Any, Any, object]) -> bool:
        loop = asyncio.get_running_loop()
        began = loop.time()
        # A task that cancels itself while it runs is cancelled at the very await it comes to.
        counted = CountedAwaits(coroutine, self._await, lambda: task.cancel())
        task = asyncio.ensure_future(_run(counted))
        await asyncio.wait({task})
        if counted.count < self._await:
            self._took_s = loop.time() - began
        return await _cancelled(task)


@asynccontextmanager
async def meanwhile(work: Coroutine[Any, Any, A]) -> AsyncIterator[asyncio.Task[A]]:
    """Run *work* beside the block; what has not ended at the end of the block is cancelled."""
    task = asyncio.ensure_future(work)
    try:
        yield task
    finally:
        task.cancel()
        # The block's own error is the one to show.
        await asyncio.gather(task, return_exceptions=True)


async def all_answers(calls: Iterable[Awaitable[A]]) -> list[A]:
    """The answers of calls made at once; with an error in them it is raised when all ended."""
    answers = await asyncio.gather(*calls, return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
    return [answer for answer in answers if not isinstance(answer, BaseException)]


async def _run(call: Awaitable[A]) -> A:
    return await call


async def _cancelled(task: asyncio.Future[object]) -> bool:
    """Cancel *task* if it has not ended; whether it ended with its work done."""
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        current = asyncio.current_task()
        if current is not None and current.cancelling():
            # The clause itself is to end: its deadline is over, or somebody pressed Ctrl-C.
            raise
        return False
    # It had done its work when the cancellation came.
    return True
