"""A thread with an event loop of its own, on which calls from other threads are made."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from pmstore.errors import StoreClosed, StoreUnavailable

T = TypeVar("T")


class LoopThread:
    """
    One thread, one loop; it runs while at least one store is open.

    Calls may come from any number of threads. Several run on the loop at the same time.
    """

    def __init__(self) -> None:
        self._pid = os.getpid()
        self._users = 0
        self._changing = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def enter(self) -> None:
        """One more store needs the loop; the first one starts it."""
        with self._changing:
            self._users += 1
            if self._users == 1:
                self._start()

    def leave(self) -> None:
        """One store less; the last one ends the loop and its thread."""
        with self._changing:
            self._users -= 1
            if self._users == 0:
                self._stop()

    def run(self, call: Coroutine[Any, Any, T]) -> T:
        """
        The answer of *call*, made on the loop.

        Ctrl-C cancels the call and waits until it has ended before it is raised; a second
        one does not wait.

        Raises:
            StoreClosed: This process was forked from the one that opened the store.
            RuntimeError: Called on the loop's own thread, which would wait for itself.
        """
        if not self.alive:
            call.close()
            raise StoreClosed(
                "the store was opened in another process: a fork takes no threads along, and "
                "connections cannot be shared; open it again in this process"
            )
        if threading.current_thread() is self._thread:
            call.close()
            raise RuntimeError("pmstore.sync is called on its own loop; await pmstore there")
        outcome: Future[T] = Future()
        task: list[asyncio.Task[T]] = []
        loop = self._submit(call, task, outcome)
        try:
            return outcome.result()
        except KeyboardInterrupt:
            loop.call_soon_threadsafe(lambda: task[0].cancel())
            outcome.exception()
            raise

    def _submit(
        self, call: Coroutine[Any, Any, T], task: list[asyncio.Task[T]], outcome: Future[T]
    ) -> asyncio.AbstractEventLoop:
        """Begin *call* on the loop; *task* will hold it, *outcome* what comes of it."""

        def start() -> None:
            task.append(loop.create_task(call))
            task[0].add_done_callback(lambda done: _settle(outcome, done))

        with self._changing:
            if self._loop is None:
                call.close()
                raise StoreClosed("the store is closed; use it inside `with`")
            loop = self._loop
            loop.call_soon_threadsafe(start)
            return loop

    @property
    def alive(self) -> bool:
        """Whether this is the process that the thread runs in."""
        return self._pid == os.getpid()

    def _start(self) -> None:
        loop = self._loop = asyncio.new_event_loop()
        # A daemon: whoever forgets to leave a store can still end the process.
        self._thread = threading.Thread(target=_serve, args=(loop,), name="pmstore", daemon=True)
        self._thread.start()

    def _stop(self) -> None:
        loop, thread = self._loop, self._thread
        assert loop is not None
        assert thread is not None
        self._loop = self._thread = None
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
    finally:
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


def _settle(outcome: Future[T], task: asyncio.Task[T]) -> None:
    if task.cancelled():
        # Seen only where the last store was left while another thread waited for it.
        outcome.set_exception(StoreUnavailable("the store was closed during the call"))
    elif (error := task.exception()) is not None:
        outcome.set_exception(error)
    else:
        outcome.set_result(task.result())


_current: LoopThread | None = None
_choosing = threading.Lock()


def current_loop_thread() -> LoopThread:
    """The loop thread of this process, the same one for all stores; a new one after a fork."""
    global _current
    with _choosing:
        if _current is None or not _current.alive:
            _current = LoopThread()
        return _current


def _after_fork() -> None:
    # The lock may have been held by a thread that did not come along.
    global _choosing
    _choosing = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
