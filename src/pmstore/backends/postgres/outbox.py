"""The notes of a store for its readers; the stores' own statements write them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Generic, LiteralString, TypeVar

from pmstore.backends.postgres.arrays import bigints
from pmstore.backends.postgres.client import PostgresClient
from pmstore.errors import InvalidQuery
from pmstore.protocols.outbox import Backlog, Note

K = TypeVar("K")

_READERS: Final[LiteralString] = "SELECT reader FROM note_readers WHERE store = %s"
_NOTES: Final[LiteralString] = (
    "SELECT seq, key, void_through, coalesce(reason, '') FROM notes "
    "WHERE store = %s AND reader = %s AND (reason IS NOT NULL) = %s ORDER BY seq LIMIT %s"
)
_FORGET: Final[LiteralString] = (
    "DELETE FROM notes WHERE store = %s AND reader = %s AND seq = ANY(%s)"
)
_FORGET_FOR_EVERYTHING: Final[LiteralString] = (
    f"WITH gone AS ({_FORGET}) "
    "INSERT INTO notes (store, reader, key, void_through, written_ms) "
    "VALUES (%s, %s, NULL, -1, (extract(epoch FROM clock_timestamp()) * 1000)::bigint)"
)
_BURY: Final[LiteralString] = (
    "UPDATE notes SET reason = %s WHERE store = %s AND reader = %s AND seq = ANY(%s)"
)
_BACKLOG: Final[LiteralString] = (
    "SELECT count(*), coalesce(extract(epoch FROM clock_timestamp()) * 1000 "
    "- min(written_ms), 0)::bigint FROM notes WHERE store = %s AND reader = %s AND reason IS NULL"
)


class PostgresOutbox(Generic[K]):
    """
    An `Outbox` in the table `notes`, for one kind of store.

    Args:
        client: Open while the store is.
        store: The kind of store.
        key: Reads a record's key as it is written in a note.
    """

    def __init__(self, client: PostgresClient, store: str, key: Callable[[str], K]) -> None:
        self._client = client
        self._store = store
        self._key = key

    async def keep(self, reader: str, kept: bool = True, /) -> bool:
        """Write notes for *reader* from now on, or no longer; see `Outbox.keep`."""
        values = [self._store, reader, kept]
        rows = await self._client.write("SELECT keep_notes(%s, %s, %s)", values)
        changed: bool = rows[0][0]
        return changed

    async def readers(self) -> list[str]:
        """Who is kept; see `Outbox.readers`."""
        return sorted(row[0] for row in await self._client.read(_READERS, [self._store]))

    async def notes(self, reader: str, limit: int, /, *, dead: bool = False) -> list[Note[K]]:
        """The notes of *reader*, oldest first; see `Outbox.notes`."""
        if limit < 1:
            raise InvalidQuery(f"limit is {limit}; at least one note is read")
        rows = await self._client.read(_NOTES, [self._store, reader, dead, limit])
        return [
            Note(seq, None if key is None else self._key(key), void_through + 1, reason)
            for seq, key, void_through, reason in rows
        ]

    async def forget(
        self, reader: str, notes: Sequence[Note[K]], /, *, everything: bool = False
    ) -> None:
        """Delete these notes, for one about every key if asked; see `Outbox.forget`."""
        gone = [self._store, reader, bigints([note.seq for note in notes])]
        if everything:
            await self._client.write(_FORGET_FOR_EVERYTHING, [*gone, self._store, reader])
        elif notes:
            await self._client.write(_FORGET, gone)

    async def bury(self, reader: str, notes: Sequence[Note[K]], reason: str, /) -> None:
        """Move these to the dead letters, where they stay with *reason*; see `Outbox.bury`."""
        # An error's text becomes a reason, and may hold what the server does not take.
        said = reason.replace("\x00", " ").encode(errors="replace").decode()
        seqs = bigints([note.seq for note in notes])
        await self._client.write(_BURY, [said, self._store, reader, seqs])

    async def backlog(self, reader: str, /) -> Backlog:
        """How many notes *reader* has, and the age of the oldest by the server's clock."""
        rows = await self._client.read(_BACKLOG, [self._store, reader])
        depth, lag_ms = rows[0]
        return Backlog(depth=depth, lag_s=max(0, lag_ms) / 1000)
