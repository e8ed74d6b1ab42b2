"""Connections to one server, lent to one call each."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from pmstore.backends.redis.link import Link


class Pool:
    """
    At most *size* connections at a time; the one that was given back last is lent first.

    Args:
        opened: Makes an open connection.
        size: Further calls wait until one is given back.
    """

    def __init__(self, opened: Callable[[], Awaitable[Link]], size: int) -> None:
        self._opened = opened
        self._free = asyncio.Semaphore(size)
        self._idle: list[Link] = []
        self._closed = False

    async def take(self) -> Link:
        """
        A connection that nobody else uses; the caller gives it back, whatever happens.

        Raises:
            RedisError, OSError: None could be made.
        """
        await self._free.acquire()
        try:
            while self._idle:
                link = self._idle.pop()
                if await link.is_usable():
                    return link
                await link.drop()
            return await self._opened()
        except BaseException:
            self._free.release()
            raise

    async def give(self, link: Link) -> None:
        """Take a connection back; one that broke is not lent again."""
        self._free.release()
        if self._closed:
            await link.drop()
        elif link.is_connected:
            self._idle.append(link)

    async def warm(self, count: int) -> None:
        """
        Have *count* idle connections.

        Raises:
            RedisError, OSError: One could not be made.
        """
        while len(self._idle) < count:
            self._idle.append(await self._opened())

    async def close(self) -> None:
        """Close what is idle now, and the others when they are given back."""
        self._closed = True
        while self._idle:
            await self._idle.pop().close()
