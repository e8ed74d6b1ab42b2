"""What every store of `pmstore.sync` has beside its verbs."""

from __future__ import annotations

from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from pmstore.errors import StoreClosed
from pmstore.protocols import Coverage, Limits, Store
from pmstore.sync.loop_thread import LoopThread, current_loop_thread

S = TypeVar("S", bound=Store)
T = TypeVar("T")


class SyncStore(Generic[S]):
    """
    A store without `await`: `with` opens and closes it, and it is used in between.

    Every call is made on a loop in a thread of its own; the calling thread waits. Any
    number of threads may use one store. Leaving twice is harmless.
    """

    def __init__(self, store: S) -> None:
        self._store = store
        self._thread: LoopThread | None = None

    @property
    def limits(self) -> Limits:
        """What one call takes at most."""
        return self._store.limits

    @property
    def coverage(self) -> Coverage:
        """What the store holds."""
        return self._store.coverage

    def __enter__(self) -> Self:
        if self._thread is not None:
            raise StoreClosed("the store is open already; open it once at a time")
        thread = current_loop_thread()
        thread.enter()
        try:
            thread.run(self._store.__aenter__())
        except BaseException:
            thread.leave()
            raise
        self._thread = thread
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        thread, self._thread = self._thread, None
        if thread is None or not thread.alive:
            return
        try:
            thread.run(self._store.__aexit__(exc_type, exc, traceback))
        finally:
            thread.leave()

    def _run(self, call: Coroutine[Any, Any, T]) -> T:
        thread = self._thread
        if thread is None:
            call.close()
            raise StoreClosed(f"{type(self).__name__} is closed; use it inside `with`")
        return thread.run(call)
