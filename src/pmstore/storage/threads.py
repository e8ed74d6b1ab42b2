"""Waiting for what a thread does, so that a cancelled caller leaves nothing under way."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


async def seen_to_its_end(answer: Future[T]) -> T:
    """
    The answer of a thread.

    A cancelled caller takes back what has not begun and waits for what has, so that its
    call is as if it had never been made, or made, when the cancellation arrives.
    """
    waiting = asyncio.wrap_future(answer)
    try:
        return await asyncio.shield(waiting)
    except asyncio.CancelledError:
        if not answer.cancel():
            while not waiting.done():
                try:
                    await asyncio.wait((waiting,))
                except asyncio.CancelledError:
                    continue
            if not waiting.cancelled():
                # Nobody else hears how it ended.
                waiting.exception()
        raise
