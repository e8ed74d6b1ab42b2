"""An event loop that decides which ready step runs next, on a time of its own."""

from __future__ import annotations

import asyncio
import heapq
import random
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

Choose = Callable[[int], int]
"""Which of so many steps is next."""


class StepLoop(asyncio.SelectorEventLoop):
    """
    Runs one ready step at a time, the one that *choose* names.

    Its time stands still while anything is ready, unless *hurries* says that the next timer
    is due; with nothing ready it jumps there. It waits for no file and no thread.
    """

    def __init__(self, choose: Choose, hurries: Callable[[], bool] = lambda: False) -> None:
        super().__init__()
        self._choose = choose
        self._hurries = hurries
        self._now_s = 0.0
        self.hurrying = True
        """Whether timers may be early: then a call may seem slow."""
        self.steps = 0

    def time(self) -> float:
        """Seconds since the loop was made."""
        return self._now_s

    def _run_once(self) -> None:
        ready: Any = self._ready  # type: ignore[attr-defined]
        timers: Any = self._scheduled  # type: ignore[attr-defined]
        while timers and timers[0].cancelled():
            heapq.heappop(timers)._scheduled = False
        if timers and (not ready or (self.hurrying and self._hurries())):
            due = heapq.heappop(timers)
            due._scheduled = False
            self._now_s = max(self._now_s, due.when())
            ready.append(due)
        if not ready:
            raise RuntimeError("every task waits, and for nothing that could happen")
        at = self._choose(len(ready))
        handle = ready[at]
        del ready[at]
        self.steps += 1
        if not handle.cancelled():
            handle._run()


def run_in_order(work: Coroutine[Any, Any, T], choose: Choose) -> T:
    """Run *work* on a `StepLoop` to its end."""
    return _run(StepLoop(choose), work)


def run_at_random(work: Coroutine[Any, Any, T], seed: int) -> T:
    """Run *work* in an order that the seed decides; timers are early now and then."""
    chance = random.Random(seed)
    random.seed(seed)
    return _run(StepLoop(chance.randrange, lambda: chance.random() < 0.02), work)


def _run(loop: StepLoop, work: Coroutine[Any, Any, T]) -> T:
    try:
        return loop.run_until_complete(work)
    finally:
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(_settled(loop))
        loop.close()


async def _settled(loop: StepLoop) -> None:
    me = asyncio.current_task()
    await asyncio.gather(*(asyncio.all_tasks(loop) - {me}), return_exceptions=True)
