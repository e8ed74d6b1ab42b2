"""Repeats a call that failed and may succeed, inside the deadline of the whole."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import TypeVar

from pmstore.errors import PmstoreError, WriteOutcome
from pmstore.layers.deadline import remaining_s

T = TypeVar("T")

_RETRYING: ContextVar[bool] = ContextVar("pmstore_retrying", default=False)


async def retried(
    call: Callable[[], Awaitable[T]],
    *,
    attempts: int,
    backoff_s: float,
    repeatable: bool,
    chance: Callable[[], float] = random.random,
) -> T:
    """
    The answer of *call*, tried up to *attempts* times.

    Only a `retryable` error is answered by another try, after `backoff_s` times 2^n times
    0.5..1.5, and only if that ends before the deadline. Inside another `retried` it is
    tried once: tries never multiply.

    Args:
        call: Makes the call anew for each try.
        attempts: Tries at most.
        backoff_s: Seconds before the second try.
        repeatable: Whether the call may take effect twice. If not, it is tried again only
            after `outcome` `not_applied`.
        chance: 0..1, for the jitter.

    Raises:
        PmstoreError: Of the last try; its `outcome` speaks for all tries.
    """
    if _RETRYING.get():
        return await call()
    token = _RETRYING.set(True)
    doubtful = False
    try:
        for attempt in range(attempts):
            try:
                return await call()
            except PmstoreError as error:
                doubtful = doubtful or error.outcome is not WriteOutcome.NOT_APPLIED
                wait_s = backoff_s * 2**attempt * (0.5 + chance())
                left_s = remaining_s()
                if (
                    attempt == attempts - 1
                    or not error.retryable
                    or (doubtful and not repeatable)
                    or (left_s is not None and left_s <= wait_s)
                ):
                    if doubtful and error.outcome is WriteOutcome.NOT_APPLIED:
                        # The last try did nothing; one before it perhaps did.
                        error.outcome = WriteOutcome.UNKNOWN
                    raise
            await asyncio.sleep(wait_s)
        raise AssertionError("the last attempt answers or raises")
    finally:
        _RETRYING.reset(token)
