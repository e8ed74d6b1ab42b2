"""A channel inside one process."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

_WAITING_MAX: Final = 10_000
"""Messages that wait for one subscriber; above it, it is told of a loss instead."""


class MemoryChannel:
    """Hands every message to every subscriber, in the order of `publish`; a `Channel`."""

    def __init__(self) -> None:
        self._subscriptions: set[_Waiting] = set()

    @property
    def payload_max(self) -> int:
        """Bytes that one message takes."""
        return 1_000_000

    async def publish(self, messages: Sequence[str], /) -> None:
        """Send messages; see `Channel.publish`."""
        for subscription in self._subscriptions:
            subscription.take(messages)

    @asynccontextmanager
    async def subscribe(self) -> AsyncIterator[_Waiting]:
        """Begin to receive; see `Channel.subscribe`."""
        subscription = _Waiting()
        self._subscriptions.add(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)


class _Waiting:
    """The messages that one subscriber has not had yet."""

    def __init__(self) -> None:
        self._messages: deque[str | None] = deque()
        self._there = asyncio.Event()

    def take(self, messages: Sequence[str]) -> None:
        if len(self._messages) + len(messages) > _WAITING_MAX:
            self._messages.clear()
            self._messages.append(None)
        self._messages.extend(messages)
        self._there.set()

    async def receive(self) -> str | None:
        """Wait for the next message; see `Subscription.receive`."""
        while not self._messages:
            self._there.clear()
            await self._there.wait()
        return self._messages.popleft()
