"""The connections to one server: a bounded number, made on demand, replaced when they age."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from pmstore.backends.postgres.connection import Connection


class Pool:
    """
    Hands out connections, each to one call at a time.

    A call that finds none idle makes one itself: so it is told at once why that fails, and
    the first call after an outage finds the server that is back. An idle connection that
    the server let go of is thrown away unseen. Those who wait are served in their order.

    Args:
        connect: Makes a connection.
        connections_max: Connections at most.
        idle_max: Connections that are kept while nobody needs them.
        lifetime_s: Age in seconds at which a connection is not used again.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[Connection]],
        *,
        connections_max: int,
        idle_max: int,
        lifetime_s: float,
    ) -> None:
        self._connect = connect
        self._idle_max = idle_max
        self._lifetime_s = lifetime_s
        self._places = asyncio.Semaphore(connections_max)
        self._idle: list[Connection] = []
        self._lent: set[Connection] = set()
        self._closed = False

    async def take(self) -> Connection:
        """
        A connection that can be used now; `give_back` it, whatever happened.

        Raises what *connect* raises. Waits for as long as all are lent.
        """
        await self._places.acquire()
        try:
            while self._idle:
                connection = self._idle.pop()
                if not connection.dead and not self._aged(connection):
                    break
                await connection.close()
            else:
                connection = await self._connect()
        except BaseException:
            self._places.release()
            raise
        self._lent.add(connection)
        return connection

    async def give_back(self, connection: Connection) -> None:
        """Take a connection back; one with an answer under way is closed."""
        self._lent.discard(connection)
        try:
            keeps = len(self._idle) < self._idle_max and not self._closed
            if keeps and connection.usable and not self._aged(connection):
                self._idle.append(connection)
            else:
                await connection.close()
        finally:
            self._places.release()

    async def close(self) -> None:
        """Close the idle ones now, and each of the others when it comes back."""
        self._closed = True
        while self._idle:
            await self._idle.pop().close()

    def abandon(self) -> list[int]:
        """
        Cut every connection without a word to the server, as a dying process does.

        Answers the process ids of the server's sides, which finish what they began.
        """
        connections = [*self._lent, *self._idle]
        sides = [connection.pgconn.backend_pid for connection in connections]
        for connection in connections:
            connection.pgconn.finish()
        return sides

    def _aged(self, connection: Connection) -> bool:
        age_s = asyncio.get_running_loop().time() - connection.made_at_s
        return age_s >= self._lifetime_s
