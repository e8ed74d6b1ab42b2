"""An opened database file, shared by all stores of the process that use it."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from pmstore.backends.sqlite.connection import connect_reader, connect_writer
from pmstore.backends.sqlite.readers import Readers
from pmstore.backends.sqlite.writer import Writer
from pmstore.errors import StoreClosed
from pmstore.storage.threads import seen_to_its_end

T = TypeVar("T")

_Key = tuple[Path, float]


class Database:
    """One writing thread and several reading ones; for any number of event loops."""

    def __init__(self, path: Path, busy_timeout_s: float) -> None:
        self.path = path
        self.where = str(path)
        self.forked = False
        self._busy_timeout_s = busy_timeout_s
        self._writer = Writer(lambda: connect_writer(path, busy_timeout_s), where=self.where)
        self._readers = Readers(self.connect_reader, where=self.where)

    async def opened(self) -> None:
        """Wait until the file is open; raises what kept it from being."""
        await seen_to_its_end(self._writer.opened)

    async def write(self, write: Callable[[sqlite3.Connection], T], /) -> T:
        """
        The answer of *write*, made in a transaction that the disk has when this returns.

        A cancelled caller's write is either not made, or made when the cancellation arrives.
        """
        self._refuse_fork()
        return await seen_to_its_end(self._writer.submit(write))

    async def read(self, read: Callable[[sqlite3.Connection], T], /) -> T:
        """The answer of *read*, made beside whatever is being written."""
        self._refuse_fork()
        future = asyncio.wrap_future(self._readers.submit(read))
        # Of a cancelled caller's read nobody hears how it ended.
        future.add_done_callback(_ignore)
        return await asyncio.shield(future)

    def connect_reader(self) -> sqlite3.Connection:
        """A connection of its own for somebody who keeps reading; blocks."""
        return connect_reader(self.path, self._busy_timeout_s)

    def _refuse_fork(self) -> None:
        if self.forked:
            raise StoreClosed(_FORKED.format(self.where))

    async def close(self) -> None:
        """Make what waits, then close."""
        await asyncio.get_running_loop().run_in_executor(None, self._readers.close)
        self._writer.stop()
        await seen_to_its_end(self._writer.ended)


_FORKED: Final = (
    "{} was open in the process that this one was forked from: the threads did not come along, and "
    "SQLite can lose what such a child writes. Open it only after the fork, or start processes by "
    "spawn"
)


class _Open:
    """The databases that are open in this process, and how many stores use each."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._databases: dict[_Key, tuple[Database, int]] = {}
        self._inherited: dict[Path, list[Database]] = {}

    def forked(self) -> None:
        """
        In the child: nothing of it is ours.

        It is never dropped here, since closing a connection would take its locks and its
        log away from the parent. SQLite's own notes of a process's locks came along too, so
        a new connection would lock nothing: the files stay refused.
        """
        self._lock = threading.Lock()  # another thread may have held it
        for (path, _), (database, _) in self._databases.items():
            database.forked = True
            self._inherited.setdefault(path, []).append(database)
        self._databases = {}

    def take(self, key: _Key) -> Database:
        """
        The database of *key*, opened if nobody has.

        Raises:
            StoreClosed: It was open in the process that this one was forked from.
        """
        with self._lock:
            if key[0] in self._inherited:
                raise StoreClosed(_FORKED.format(key[0]))
            database, users = self._databases.get(key, (None, 0))
            database = database or Database(*key)
            self._databases[key] = (database, users + 1)
            return database

    def leave(self, key: _Key, database: Database) -> bool:
        """Whether nobody uses it any more."""
        if database.forked:
            return False
        with self._lock:
            known, users = self._databases[key]
            assert known is database, "whoever leaves a database has taken it"
            if users > 1:
                self._databases[key] = (database, users - 1)
            else:
                del self._databases[key]
            return users == 1


_OPEN: Final = _Open()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_OPEN.forked)


class Share:
    """One store's share of the database at a path; several in a process have one writer."""

    def __init__(self, path: Path, busy_timeout_s: float) -> None:
        self._path = path
        self._busy_timeout_s = busy_timeout_s
        self._key: _Key | None = None
        self._database: Database | None = None

    @property
    def database(self) -> Database:
        """The database; only while it is open."""
        assert self._database is not None, "a store checks that it is open"
        return self._database

    async def open(self) -> None:
        """
        Open the file, or join those who have.

        Raises:
            StoreUnavailable: It cannot be made or opened, or is held by another process.
            CorruptData: It is no database, or a damaged one.
            SettingsError: Its schema is newer than this code.
            StoreClosed: It was open in the process that this one was forked from.
        """
        if self._database is not None:
            return
        key = (self._path.resolve(), self._busy_timeout_s)
        self._database, self._key = _OPEN.take(key), key
        try:
            await self._database.opened()
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Let go; the last one closes the file."""
        database, key = self._database, self._key
        self._database = self._key = None
        if database is not None and key is not None and _OPEN.leave(key, database):
            await database.close()


def _ignore(future: asyncio.Future[T]) -> None:
    if not future.cancelled():
        future.exception()
