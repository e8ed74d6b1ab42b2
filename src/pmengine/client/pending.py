"""What a follower has not read yet of something that changes: a bounded queue."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Generic, Self, TypeVar

from pmengine.client.errors import ClientError

T = TypeVar("T")


class Pending(Generic[T]):
    """
    Changes in their order, from the one that puts them to the one that iterates.

    Beyond *changes_max* those that wait are let go, and the newest says that it is so.

    Args:
        after_loss: Makes of a change one that says that others before it were lost.
    """

    def __init__(self, changes_max: int, after_loss: Callable[[T], T]) -> None:
        self._changes_max = changes_max
        self._after_loss = after_loss
        self._waiting: deque[T] = deque()
        self._something = asyncio.Event()
        self._is_over = False
        self._error: ClientError | None = None

    def put(self, change: T) -> None:
        """Add a change."""
        if len(self._waiting) >= self._changes_max:
            self._waiting.clear()
            change = self._after_loss(change)
        self._waiting.append(change)
        self._something.set()

    def end(self, error: ClientError | None = None) -> None:
        """Nothing comes any more: with *error*, because something failed."""
        self._is_over = True
        self._error = self._error or error
        self._something.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        """
        The oldest change; waits for one.

        Raises:
            ClientError: What it was ended with, once all changes before it are taken.
        """
        while not self._waiting:
            if self._is_over:
                raise self._error or StopAsyncIteration
            self._something.clear()
            await self._something.wait()
        return self._waiting.popleft()
