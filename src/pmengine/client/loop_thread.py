"""A thread with an event loop of its own, on which the calls of one `SyncClient` are made."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from pmengine.client.errors import ClientClosed

T = TypeVar("T")


class LoopThread:
    """One thread, one loop, from `start` to `stop`; calls may come from any other thread."""

    def __init__(self) -> None:
        self._submitting = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin."""
        self._loop = asyncio.new_event_loop()
        # A daemon: whoever forgets to leave the client can still end the process.
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="pmengine-client", daemon=True
        )
        self._thread.start()

    def run(self, call: Coroutine[Any, Any, T]) -> T:
        """
        The answer of *call*, made on the loop; Ctrl-C cancels it.

        Raises:
            ClientClosed: Before `start` or after `stop`.
        """
        with self._submitting:
            if self._loop is None:
                call.close()
                raise ClientClosed("the client is closed; use it inside `with`")
            future = asyncio.run_coroutine_threadsafe(call, self._loop)
        try:
            return future.result()
        except concurrent.futures.CancelledError:
            raise ClientClosed("the client was closed during the call") from None
        except BaseException:
            future.cancel()
            raise

    def stop(self) -> None:
        """End the loop and its thread."""
        with self._submitting:
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
        if loop is None or thread is None:
            return
        # Other threads may still wait for calls.
        asyncio.run_coroutine_threadsafe(_cancel_others(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


async def _cancel_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
