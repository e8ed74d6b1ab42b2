"""Notes of what changed, written in the transaction of the change."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, Generic, TypeVar

from pmstore.backends.sqlite.opened_store import SqliteStore
from pmstore.clock import Clock
from pmstore.protocols.outbox import Backlog, Note

K = TypeVar("K")
T = TypeVar("T")

_ANYTHING: Final = -1
"""Through which version all are void in a note about every key: its least version is 0."""


class NoteWriter:
    """Writes the notes of one kind of store; used inside the transaction of the change."""

    def __init__(self, store: str, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def readers(self, connection: sqlite3.Connection) -> list[str]:
        """Who reads the notes; mostly nobody."""
        rows = connection.execute("SELECT reader FROM note_readers WHERE store = ?", (self._store,))
        return [row[0] for row in rows]

    def write(
        self,
        connection: sqlite3.Connection,
        readers: Iterable[str],
        changes: Iterable[tuple[str, int]],
    ) -> None:
        """Write for each reader a note of each key with the highest version that is void now."""
        now_ms = self._clock()
        readers = list(readers)
        connection.executemany(
            "INSERT INTO notes (store, reader, key, void_through, written_ms) "
            "VALUES (?, ?, ?, ?, ?)",
            [
                (self._store, reader, key, void_through, now_ms)
                for key, void_through in changes
                for reader in readers
            ],
        )


class SqliteOutbox(Generic[K]):
    """
    The notes of one store; an `Outbox`.

    Args:
        opened: The store that they are about.
        store: Its kind.
        decode: The key of a note from its text.
        clock: The time now in epoch milliseconds.
    """

    def __init__(
        self, opened: SqliteStore, store: str, decode: Callable[[str], K], clock: Clock
    ) -> None:
        self._opened = opened
        self._store = store
        self._decode = decode
        self._clock = clock

    async def keep(self, reader: str, kept: bool = True, /) -> bool:
        """Write notes for *reader* from now on, or no longer; see `Outbox.keep`."""

        def write(connection: sqlite3.Connection) -> bool:
            # Writes are one after another: none is under way while this is made.
            arguments = (self._store, reader)
            if kept:
                cursor = connection.execute(
                    "INSERT INTO note_readers (store, reader) VALUES (?, ?) ON CONFLICT DO NOTHING",
                    arguments,
                )
            else:
                where = "WHERE store = ? AND reader = ?"
                connection.execute(f"DELETE FROM notes {where}", arguments)
                cursor = connection.execute(f"DELETE FROM note_readers {where}", arguments)
            return cursor.rowcount == 1

        return await self._write(write)

    async def readers(self) -> list[str]:
        """Who is kept; see `Outbox.readers`."""
        found = await self._read(
            lambda connection: connection.execute(
                "SELECT reader FROM note_readers WHERE store = ?", (self._store,)
            ).fetchall()
        )
        return sorted(row[0] for row in found)

    async def notes(self, reader: str, limit: int, /, *, dead: bool = False) -> list[Note[K]]:
        """The notes of *reader*, oldest first; see `Outbox.notes`."""
        condition = "IS NOT NULL" if dead else "IS NULL"
        rows = await self._read(
            lambda connection: connection.execute(
                "SELECT seq, key, void_through, reason FROM notes WHERE store = ? "
                f"AND reader = ? AND reason {condition} ORDER BY seq LIMIT ?",
                (self._store, reader, limit),
            ).fetchall()
        )
        return [
            Note(seq, None if key is None else self._decode(key), void_through + 1, reason or "")
            for seq, key, void_through, reason in rows
        ]

    async def forget(
        self, reader: str, notes: Sequence[Note[K]], /, *, everything: bool = False
    ) -> None:
        """Delete exactly these notes; see `Outbox.forget`."""
        ours = self._ours(reader, notes)
        now_ms = self._clock()

        def write(connection: sqlite3.Connection) -> None:
            connection.executemany(
                "DELETE FROM notes WHERE seq = ? AND store = ? AND reader = ?", ours
            )
            if everything:
                connection.execute(
                    "INSERT INTO notes (store, reader, key, void_through, written_ms) "
                    "VALUES (?, ?, NULL, ?, ?)",
                    (self._store, reader, _ANYTHING, now_ms),
                )

        await self._write(write)

    async def bury(self, reader: str, notes: Sequence[Note[K]], reason: str, /) -> None:
        """Move these to the dead letters; see `Outbox.bury`."""
        ours = self._ours(reader, notes)

        def write(connection: sqlite3.Connection) -> None:
            connection.executemany(
                "UPDATE notes SET reason = ? WHERE seq = ? AND store = ? AND reader = ?",
                [(reason, *one) for one in ours],
            )

        await self._write(write)

    async def backlog(self, reader: str, /) -> Backlog:
        """How many notes *reader* has, and the age of the oldest; see `Outbox.backlog`."""
        depth, oldest_ms = await self._read(
            lambda connection: connection.execute(
                "SELECT count(*), min(written_ms) FROM notes "
                "WHERE store = ? AND reader = ? AND reason IS NULL",
                (self._store, reader),
            ).fetchone()
        )
        lag_s = 0.0 if oldest_ms is None else max(0, self._clock() - oldest_ms) / 1000
        return Backlog(depth=depth, lag_s=lag_s)

    def _ours(self, reader: str, notes: Sequence[Note[K]]) -> list[tuple[Any, ...]]:
        return [(note.seq, self._store, reader) for note in notes]

    async def _write(self, write: Callable[[sqlite3.Connection], T]) -> T:
        return await self._opened.database.write(write)

    async def _read(self, read: Callable[[sqlite3.Connection], T]) -> T:
        return await self._opened.database.read(read)
