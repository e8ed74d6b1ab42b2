"""Messages between processes by NOTIFY and LISTEN."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final, LiteralString

import psycopg

from pmstore.backends.postgres.arrays import texts
from pmstore.backends.postgres.client import PostgresClient
from pmstore.backends.postgres.connection import Connection
from pmstore.errors import LimitExceeded, StoreUnavailable

_PAYLOAD_MAX: Final = 7900
"""The server takes less than 8000 bytes, of which the number in front takes some."""

_WAITING_MAX: Final = 10_000
"""Messages that wait for a slow subscriber; then it is told that some are missing."""

_PING_S: Final = 5.0
"""After so long a silence the server is asked whether it is there."""

_RECONNECT_S: Final = 0.2

# Channels belong to the database; the table's own number tells one schema from another. The
# server drops a message that equals one before it in a transaction: so they are numbered.
_PUBLISH: Final[LiteralString] = (
    "SELECT pg_notify('pmstore_' || 'note_readers'::regclass::oid, number || ' ' || message) "
    "FROM unnest(%s::text[]) WITH ORDINALITY AS given(message, number) ORDER BY number"
)
_LISTEN: Final[LiteralString] = (
    "DO $$ BEGIN EXECUTE 'LISTEN pmstore_' || 'note_readers'::regclass::oid; END $$"
)


class PostgresChannel:
    """
    A `Channel` between all who use the same schema.

    The server hands messages over in the order in which their transactions were committed,
    the same for every subscriber.
    """

    def __init__(self, client: PostgresClient) -> None:
        self._client = client

    @property
    def payload_max(self) -> int:
        """Bytes of UTF-8 that one message takes at most."""
        return _PAYLOAD_MAX

    async def publish(self, messages: Sequence[str], /) -> None:
        """Send messages in one transaction: all of them, or none; see `Channel.publish`."""
        for message in messages:
            if len(message.encode()) > _PAYLOAD_MAX:
                raise LimitExceeded(
                    f"a message of {len(message.encode())} bytes; it takes {_PAYLOAD_MAX} at most"
                )
        if messages:
            await self._client.write(_PUBLISH, [texts(messages)])

    @asynccontextmanager
    async def subscribe(self) -> AsyncIterator[PostgresSubscription]:
        """Begin to receive, on a connection outside of the pool; see `Channel.subscribe`."""
        subscription = PostgresSubscription(self._client)
        connection = await subscription.listen()
        listening = asyncio.ensure_future(subscription.run(connection))
        try:
            yield subscription
        finally:
            listening.cancel()
            with suppress(asyncio.CancelledError):
                await listening


class PostgresSubscription:
    """What was published since it began; a `Subscription`. Reads while nobody receives, too."""

    def __init__(self, client: PostgresClient) -> None:
        self._client = client
        self._waiting: deque[str | None] = deque()
        self._arrived = asyncio.Event()

    async def receive(self) -> str | None:
        """Wait for the next message; None says that some may be missing before it."""
        while not self._waiting:
            self._arrived.clear()
            await self._arrived.wait()
        return self._waiting.popleft()

    async def listen(self) -> Connection:
        """
        A connection that receives from now on.

        Raises:
            StoreUnavailable: Nobody answers.
        """
        connection = await self._client.connect()
        try:
            async with asyncio.timeout(self._client.config.connect_timeout_s):
                await connection.execute(_LISTEN)
        except (psycopg.Error, TimeoutError) as error:
            await connection.close()
            raise StoreUnavailable(
                f"{self._client.config.place}: cannot listen ({error})"
            ) from error
        except BaseException:
            await connection.close()
            raise
        return connection

    async def run(self, connection: Connection) -> None:
        """Take in messages until cancelled; connects again by itself."""
        while True:
            try:
                await self._take_in(connection)
            except (psycopg.Error, OSError):
                # TimeoutError is an OSError.
                self._put(None)
            finally:
                await connection.close()
            connection = await self._connected_again()

    async def _take_in(self, connection: Connection) -> None:
        while True:
            async for notification in connection.notifies(timeout=_PING_S):
                self._put(notification.payload.partition(" ")[2])
            async with asyncio.timeout(self._client.config.connect_timeout_s):
                await connection.execute("SELECT 1")

    async def _connected_again(self) -> Connection:
        while True:
            with suppress(StoreUnavailable):
                return await self.listen()
            await asyncio.sleep(_RECONNECT_S)

    def _put(self, message: str | None) -> None:
        if len(self._waiting) >= _WAITING_MAX:
            self._waiting.clear()
            self._waiting.append(None)
        # One loss is told once, however often it is seen before anybody looks.
        if message is not None or not self._waiting or self._waiting[-1] is not None:
            self._waiting.append(message)
        self._arrived.set()
