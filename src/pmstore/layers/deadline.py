"""One deadline for a whole call, whatever it goes through."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar

from pmstore.errors import StoreUnavailable

_UNTIL_S: ContextVar[float | None] = ContextVar("pmstore_deadline", default=None)
"""When the call that is running must have ended, on the event loop's clock."""


@asynccontextmanager
async def within(seconds: float, what: str) -> AsyncIterator[None]:
    """
    End what is inside after *seconds*, or at the deadline around it if that is sooner.

    Raises:
        StoreUnavailable: It did not end in time; whether it took effect is unknown.
    """
    now_s = asyncio.get_running_loop().time()
    around_s = _UNTIL_S.get()
    until_s = now_s + seconds if around_s is None else min(now_s + seconds, around_s)
    token = _UNTIL_S.set(until_s)
    try:
        async with asyncio.timeout_at(until_s):
            yield
    except TimeoutError as error:
        raise StoreUnavailable(f"{what} did not end within {seconds:g} s") from error
    finally:
        _UNTIL_S.reset(token)


def remaining_s() -> float | None:
    """Seconds until the deadline of the call that is running, None without one."""
    until_s = _UNTIL_S.get()
    return None if until_s is None else until_s - asyncio.get_running_loop().time()
