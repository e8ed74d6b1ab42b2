"""The threads that read, each on a connection of its own."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, TypeVar

from pmstore.backends.sqlite.failures import translated
from pmstore.errors import WriteOutcome

T = TypeVar("T")

_THREADS: Final = 4


class Readers:
    """
    Reads that neither wait for writes nor hold them up; a read sees one state of the file.

    Args:
        connect: Opens a connection, in the thread that uses it.
        where: The database file, for messages.
    """

    def __init__(self, connect: Callable[[], sqlite3.Connection], *, where: str) -> None:
        self._connect = connect
        self._where = where
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix=f"pmstore {where}")
        self._own = threading.local()
        self._connections: list[sqlite3.Connection] = []

    def submit(self, read: Callable[[sqlite3.Connection], T]) -> Future[T]:
        """Hand over a read: a function of the connection that makes one statement."""
        return self._threads.submit(self._read, read)

    def close(self) -> None:
        """Wait for what is being read and close the connections; blocks."""
        self._threads.shutdown()
        for connection in self._connections:
            connection.close()

    def _read(self, read: Callable[[sqlite3.Connection], T]) -> T:
        try:
            connection: sqlite3.Connection | None = getattr(self._own, "connection", None)
            if connection is None:
                connection = self._own.connection = self._connect()
                self._connections.append(connection)
            return read(connection)
        except sqlite3.Error as error:
            raise translated(error, self._where, WriteOutcome.NOT_APPLIED) from error
