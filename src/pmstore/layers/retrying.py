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
    """
    if _RETRYING.get():
        return await call()
    token = _RETRYING.set(True)
    try:
        for attempt in range(attempts - 1):
            try:
                return await call()
            except PmstoreError as error:
                if not error.retryable:
                    raise
                if not repeatable and error.outcome is not WriteOutcome.NOT_APPLIED:
                    raise
                wait_s = backoff_s * 2**attempt * (0.5 + chance())
                left_s = remaining_s()
                if left_s is not None and left_s <= wait_s:
                    raise
            await asyncio.sleep(wait_s)
        return await call()
    finally:
        _RETRYING.reset(token)
