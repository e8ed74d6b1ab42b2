"""Cancels a call after any number of event-loop steps."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from typing import Any

_STEPS_MAX = 100
"""Steps after which a call is no longer followed: it waits for threads or servers."""


class Cancelling:
    """
    Repeats a clause, each time cancelling its call one event-loop step later.

    `async for attempt in Cancelling()` goes on until `attempt.call` ended before its
    cancellation came, so every await of the call was cancelled once.
    """

    def __init__(self) -> None:
        self._steps = -1
        self._finished = False

    def __aiter__(self) -> AsyncIterator[Cancelling]:
        return self

    async def __anext__(self) -> Cancelling:
        if self._finished or self._steps >= _STEPS_MAX:
            raise StopAsyncIteration
        self._steps += 1
        return self

    async def call(self, coroutine: Coroutine[Any, Any, object]) -> bool:
        """Run it, cancel it at this attempt's step, answer whether it ended before."""
        task = asyncio.ensure_future(coroutine)
        for _ in range(self._steps):
            if task.done():
                break
            await asyncio.sleep(0)
        if task.done():
            self._finished = True
            await task
            return True
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            return False
        # It had done its work when the cancellation came.
        return True
