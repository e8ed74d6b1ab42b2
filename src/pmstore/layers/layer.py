"""One cache of a stack: whether it is asked, and what becomes of a call that fails."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any, Generic, TypeVar

from pmstore.errors import (
    InvalidQuery,
    InvalidRecord,
    LimitExceeded,
    PmstoreError,
    StoreUnavailable,
    WriteOutcome,
)
from pmstore.layers.breaker import Breaker
from pmstore.layers.deadline import within
from pmstore.layers.meter import Meter
from pmstore.layers.options import LayerOptions, Policy

C = TypeVar("C", bound=Any)
T = TypeVar("T")


class Layer(Generic[C]):
    """
    A cache with its policy, breaker and trust.

    It is read only while it is trusted. With an outbox trust is given by the relay for a
    while; without one it is there until a write failed to reach the cache, and comes back
    when everything that the cache may still hold is too old to be answered.

    Args:
        name: For messages and metrics; without secrets.
        cache: A `Cache` or a `TradeWindow`, opened by `open`.
        shared: Whether other processes use it too, so that calls are round trips.
        complete: Whether it is to be loaded whole.
    """

    def __init__(
        self,
        name: str,
        cache: C,
        *,
        shared: bool,
        policy: Policy = Policy.BEST_EFFORT,
        complete: bool = False,
        options: LayerOptions,
        now_s: Callable[[], float],
        meter: Meter | None = None,
    ) -> None:
        self.name = name
        self.cache = cache
        self.shared = shared
        self.policy = policy
        self.complete = complete
        self.doubts = 0
        """How often trust was lost; what began before the last time does not restore it."""
        self.breaker = Breaker(
            failures=options.breaker_failures, open_s=options.breaker_open_s, now_s=now_s
        )
        self._options = options
        self._now_s = now_s
        self._meter = meter
        self._exits = AsyncExitStack()
        self._opened = False
        self._relayed = True
        self._from_s = 0.0
        self._until_s = 0.0

    async def open(self, *, relayed: bool) -> None:
        """Open the cache; one that is not required may be down and is opened later."""
        self._relayed = relayed
        self._from_s, self._until_s = 0.0, 0.0 if relayed else math.inf
        try:
            async with within(self._options.call_s, self.name):
                await self._ensure_open()
        except PmstoreError as error:
            self._count(error)
            self.breaker.failed()
            if self.policy is Policy.REQUIRED:
                raise

    async def close(self) -> None:
        """Close the cache if it is open."""
        self._opened = False
        self._until_s = 0.0
        exits, self._exits = self._exits, AsyncExitStack()
        await exits.aclose()

    def usable(self, now_s: float) -> bool:
        """Whether what it holds may be answered now."""
        return self._opened and self._from_s <= now_s < self._until_s

    def trust(self, until_s: float, *, doubts: int) -> None:
        """Everything committed up to some time reached it: it may be read until *until_s*."""
        if doubts == self.doubts:
            self._until_s = max(self._until_s, until_s)

    def distrust(self) -> None:
        """A change may have missed it."""
        self.doubts += 1
        if self._relayed:
            self._until_s = 0.0
        else:
            self._from_s = self._now_s() + self._options.cache_max_age_s

    async def call(self, op: str, call: Callable[[C], Awaitable[T]]) -> T:
        """
        One call of the cache.

        Raises:
            PmstoreError: It is skipped, or failed; `InvalidQuery` is the caller's own.
        """
        if not self.shared:
            return await call(self.cache)
        if not self.breaker.allows():
            raise StoreUnavailable(
                f"{self.name} is skipped: it did not answer lately",
                outcome=WriteOutcome.NOT_APPLIED,
            )
        began_s = self._now_s()
        try:
            async with within(self._options.cache_call_s, self.name):
                await self._ensure_open()
                answer = await call(self.cache)
        except PmstoreError as error:
            # A refusal is an answer: the caller's question or record was wrong.
            refused = isinstance(error, InvalidQuery | InvalidRecord | LimitExceeded)
            self.breaker.succeeded() if refused else self.breaker.failed()
            self._count(error)
            raise
        except BaseException:
            self.breaker.abandoned()
            raise
        self.breaker.succeeded()
        if self._meter is not None:
            self._meter.took(self.name, op, self._now_s() - began_s)
            self._meter.breaker(self.name, self.breaker.state)
        return answer

    async def _ensure_open(self) -> None:
        if not self._opened:
            await self._exits.enter_async_context(self.cache)
            self._opened = True

    def _count(self, error: PmstoreError) -> None:
        if self._meter is not None:
            self._meter.erred(self.name, type(error).__name__)
            self._meter.breaker(self.name, self.breaker.state)
