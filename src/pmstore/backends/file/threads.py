"""Blocking calls in a thread that are seen to their end, also when their caller is cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def in_thread(call: Callable[..., T], *args: object) -> T:
    """
    The answer of *call*, made in a thread of the loop's executor.

    A cancelled caller waits until the call has ended and is cancelled then: what the call
    touches is not touched any more when this returns.
    """
    running = asyncio.get_running_loop().run_in_executor(None, call, *args)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        while not running.done():
            try:
                await asyncio.wait((running,))
            except asyncio.CancelledError:
                continue
        if not running.cancelled():
            running.exception()
        raise
