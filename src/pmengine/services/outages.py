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


class Outage:
    """
    Says once that somebody does not answer, and once that he does again; waits ever longer.

    Args:
        service: Who waits, for the log.
    """

    def __init__(self, service: str) -> None:
        self._service = service
        self._is_said = False
        self._retry_s = RETRY_S_MIN

    def say(self, error: Exception) -> None:
        """Say why something was not done, unless it was said since the last `over`."""
        if not self._is_said:
            _logger.warning("store_unavailable", service=self._service, reason=str(error))
        self._is_said = True

    async def wait(self, error: Exception) -> None:
        """Say it, and wait before it is tried again."""
        self.say(error)
        await asyncio.sleep(self._retry_s)
        self._retry_s = min(2 * self._retry_s, RETRY_S_MAX)

    def over(self) -> None:
        """What was tried is done."""
        if self._is_said:
            _logger.info("store_answers_again", service=self._service)
        self._is_said, self._retry_s = False, RETRY_S_MIN


async def persistently(ask: Callable[[], Awaitable[T]], service: str) -> T:
    """
    What *ask* answers, asked again while nobody answers.

    It must be something that may be done twice. The waits grow from `RETRY_S_MIN` to
    `RETRY_S_MAX` seconds; the first failure and the recovery are in the log.

    Args:
        service: Who waits, for the log.
    """
    outage = Outage(service)
    while True:
        try:
            answer = await ask()
        except StoreUnavailable as error:
            await outage.wait(error)
        else:
            outage.over()
            return answer
