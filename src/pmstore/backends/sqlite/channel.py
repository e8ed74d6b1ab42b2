"""Messages between the processes that use a database file."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final

from pmstore.backends.sqlite.opened_store import SqliteStore
from pmstore.clock import Clock
from pmstore.errors import LimitExceeded

PAYLOAD_MAX: Final = 1_000_000
_KEPT_MS: Final = 60_000
"""Messages older than that are deleted; a subscriber that was away for longer is told so."""
_POLL_S: Final = 0.01
_WAITING_MAX: Final = 10_000
_READ_MAX: Final = 1_000


class SqliteChannel:
    """
    A `Channel` through a table of the file, for all processes that have it open.

    Messages are numbered by the database without gaps, so that every subscriber sees the
    same order and notices what it missed. Subscribers look at the file every 10 ms, which
    costs them microseconds while nothing was written.
    """

    def __init__(self, opened: SqliteStore, clock: Clock) -> None:
        self._opened = opened
        self._clock = clock

    @property
    def payload_max(self) -> int:
        """Bytes of UTF-8 that one message takes at most."""
        return PAYLOAD_MAX

    async def publish(self, messages: Sequence[str], /) -> None:
        """
        Send messages in this order; see `Channel.publish`.

        Raises:
            LimitExceeded: One is longer than `payload_max`; nothing was sent.
        """
        self._opened.check_call()
        for message in messages:
            if len(message.encode()) > PAYLOAD_MAX:
                raise LimitExceeded(f"a message takes at most {PAYLOAD_MAX} bytes")
        now_ms = self._clock()
        sent = [(message, now_ms) for message in messages]

        def write(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM messages WHERE sent_ms < ?", (now_ms - _KEPT_MS,))
            connection.executemany("INSERT INTO messages (payload, sent_ms) VALUES (?, ?)", sent)

        await self._opened.database.write(write)

    def subscribe(self) -> AbstractAsyncContextManager[SqliteSubscription]:
        """Begin to receive; see `Channel.subscribe`."""
        return self._subscribed()

    @asynccontextmanager
    async def _subscribed(self) -> AsyncIterator[SqliteSubscription]:
        database = self._opened.database
        begun = await database.read(_last_seq)
        subscription = SqliteSubscription(database.connect_reader, begun)
        try:
            yield subscription
        finally:
            await subscription.end()


class SqliteSubscription:
    """
    What was published since it began; a `Subscription`.

    A thread looks at the file and hands over what it finds.
    """

    def __init__(self, connect: Callable[[], sqlite3.Connection], seq: int) -> None:
        self._connect = connect
        self._seq = seq
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[str | None] = deque()
        self._arrived = asyncio.Event()
        self._ending = threading.Event()
        self._ended: asyncio.Future[None] = self._loop.create_future()
        threading.Thread(target=self._run, name="pmstore channel", daemon=True).start()

    async def receive(self) -> str | None:
        """Wait for the next message, None for a loss; see `Subscription.receive`."""
        while not self._waiting:
            self._arrived.clear()
            await self._arrived.wait()
        return self._waiting.popleft()

    async def end(self) -> None:
        """Stop looking, and wait until the thread has let go of the file."""
        self._ending.set()
        await asyncio.shield(self._ended)

    def _run(self) -> None:
        connection: sqlite3.Connection | None = None
        version: int | None = None
        lost = False
        while not self._ending.is_set():
            try:
                if connection is None:
                    connection, version = self._connect(), None
                # Changes with every commit of another connection, and is read from memory.
                now = connection.execute("PRAGMA data_version").fetchone()[0]
                if now != version:
                    self._look(connection)
                    version = now
                lost = False
            except sqlite3.Error:
                # Said once; the next turn connects again.
                if not lost:
                    self._tell(None)
                lost = True
                if connection is not None:
                    connection.close()
                    connection = None
            self._ending.wait(_POLL_S)
        if connection is not None:
            connection.close()
        self._call(self._ended.set_result, None)

    def _look(self, connection: sqlite3.Connection) -> None:
        """Hand over everything after the last message that was seen."""
        while True:
            rows = connection.execute(
                "SELECT seq, payload FROM messages WHERE seq > ? ORDER BY seq LIMIT ?",
                (self._seq, _READ_MAX),
            ).fetchall()
            if not rows:
                if _last_seq(connection) > self._seq:
                    # Written and deleted since the last look.
                    self._seq = _last_seq(connection)
                    self._tell(None)
                return
            for seq, payload in rows:
                if seq != self._seq + 1:
                    self._tell(None)
                self._seq = seq
                self._tell(payload)

    def _tell(self, message: str | None) -> None:
        self._call(self._take, message)

    def _take(self, message: str | None) -> None:
        if len(self._waiting) >= _WAITING_MAX:
            # Too slow: what waits is dropped, and said to be missing.
            self._waiting.clear()
            self._waiting.append(None)
        self._waiting.append(message)
        self._arrived.set()

    def _call(self, callback: Callable[..., None], *arguments: object) -> None:
        try:
            self._loop.call_soon_threadsafe(callback, *arguments)
        except RuntimeError:
            # The loop was closed without leaving the subscription: nobody waits for it.
            self._ending.set()


def _last_seq(connection: sqlite3.Connection) -> int:
    """The number of the last message that was ever sent."""
    row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'messages'").fetchone()
    return 0 if row is None else int(row[0])
