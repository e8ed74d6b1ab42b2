"""Waits out what does not answer: services outlive outages of their servers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import structlog

from pmstore import StoreUnavailable

RETRY_S_MIN: Final = 0.05
RETRY_S_MAX: Final = 2.0

_logger = structlog.get_logger("pmengine.outages")
T = TypeVar("T")


async def persistently(ask: Callable[[], Awaitable[T]], service: str) -> T:
    """
    What *ask* answers, asked again while nobody answers.

    It must be something that may be done twice. The waits grow from `RETRY_S_MIN` to
    `RETRY_S_MAX` seconds; the first failure and the recovery are in the log.

    Args:
        service: Who waits, for the log.
    """
    retry_s, is_waiting = RETRY_S_MIN, False
    while True:
        try:
            answer = await ask()
        except StoreUnavailable as error:
            if not is_waiting:
                _logger.warning("store_unavailable", service=service, reason=str(error))
            is_waiting = True
        else:
            if is_waiting:
                _logger.info("store_answers_again", service=service)
            return answer
        await asyncio.sleep(retry_s)
        retry_s = min(2 * retry_s, RETRY_S_MAX)
