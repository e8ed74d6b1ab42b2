"""Stores of `pmstore.sync` with `await` put back on, for the conformance kit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from typing import Any, Self

from pmstore.sync import positioned
from pmstore.sync.lifetime import SyncStore

_SEGMENT = ("apply", "position")
_verb: ContextVar[_Verb] = ContextVar("_verb")


class _Verb:
    """One call of a verb: the tasks that it became, and whether its caller was cancelled."""

    def __init__(self) -> None:
        self.begun: list[tuple[asyncio.AbstractEventLoop, asyncio.Task[Any]]] = []
        self.cancelled = False


class Awaited:
    """
    Each verb calls its synchronous twin in a thread; to cancel it does what Ctrl-C does.

    The kit sees what the synchronous store does: values, errors, order, limits, lifetime.
    """

    def __init__(self, store: SyncStore[Any]) -> None:
        self._sync = store

    @property
    def limits(self) -> Any:
        return self._sync.limits

    @property
    def coverage(self) -> Any:
        return self._sync.coverage

    async def __aenter__(self) -> Self:
        try:
            await _in_thread(self._sync.__enter__)
        except asyncio.CancelledError:
            # Nobody can interrupt it from another thread; it opened after all.
            await _in_thread(self._sync.__exit__, None, None, None)
            raise
        self._sync._thread = _Recorded(self._sync._thread)  # type: ignore[assignment]
        return self

    async def __aexit__(self, *exc: Any) -> None:
        await _in_thread(self._sync.__exit__, None, None, None)

    def __getattr__(self, name: str) -> Any:
        if name in _SEGMENT:
            # Only what the store underneath has; `positioned` gives it an object of its own.
            getattr(self._sync._store, name)
            return lambda *args, **kwargs: _in_thread(self._segment, name, *args, **kwargs)
        if not hasattr(type(self._sync), name):
            raise AttributeError(name)
        return lambda *args, **kwargs: _in_thread(getattr(self._sync, name), *args, **kwargs)

    def _segment(self, name: str, *args: Any, **kwargs: Any) -> Any:
        segment = positioned(self._sync)
        assert segment is not None
        return getattr(segment, name)(*args, **kwargs)


class _Recorded:
    """A loop thread that notes which task each call became."""

    def __init__(self, thread: Any) -> None:
        self._thread = thread

    def run(self, call: Coroutine[Any, Any, Any]) -> Any:
        verb = _verb.get()

        async def recorded() -> Any:
            task = asyncio.current_task()
            assert task is not None
            verb.begun.append((asyncio.get_running_loop(), task))
            if verb.cancelled:
                call.close()
                raise asyncio.CancelledError
            return await call

        return self._thread.run(recorded())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._thread, name)


async def _in_thread(call: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    verb = _Verb()
    _verb.set(verb)
    running = asyncio.ensure_future(asyncio.to_thread(call, *args, **kwargs))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        verb.cancelled = True
        for loop, task in list(verb.begun):
            loop.call_soon_threadsafe(task.cancel)
        await asyncio.wait((running,))
        if not running.cancelled():
            running.exception()
        raise
