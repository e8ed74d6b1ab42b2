"""A table that keeps the newest version of each record."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import attrs

from pmstore.backends.sqlite.outbox import NoteWriter
from pmstore.storage.batches import version_conflict

Row = tuple[Any, ...]


@attrs.frozen(kw_only=True)
class VersionedTable:
    """
    How the records of one table are written.

    Attributes:
        upsert: Writes one row unless the version that is there is as high.
        select: Rows with the same columns, by a list of keys in JSON.
        keys: That list.
        key: A row's key.
        version: The place of the version in a row.
        what: What messages call a row.
        note_key: A row's key as a note has it.
        equal: Whether two rows of the same version have the same content.
    """

    upsert: str
    select: str
    keys: Callable[[Iterable[Any]], str]
    key: Callable[[Row], Any]
    version: int
    what: Callable[[Row], str]
    note_key: Callable[[Row], str]
    equal: Callable[[Row, Row], bool] = lambda row, other: row == other

    def put(
        self, connection: sqlite3.Connection, rows: Sequence[Row], notes: NoteWriter
    ) -> Sequence[Row]:
        """
        Keep the newest version of each record, and note which records changed.

        Answers the rows that are stored as given: all but those of which a newer version is
        known.

        Raises:
            VersionConflict: A version is known with other content; what was changed until
                then is undone with the transaction.

        Cost:
            One statement run once per row; if not every row changed something, or anybody
            reads the notes, they are also read.
        """
        readers = notes.readers(connection)
        known = self._stored(connection, rows) if readers else {}
        kept = self._upsert(connection, rows)
        if readers:
            at = self.version
            changes = []
            for row in kept:
                other = known.get(self.key(row))
                if other is None or other[at] < row[at]:
                    changes.append((self.note_key(row), row[at] - 1))
            notes.write(connection, readers, changes)
        return kept

    def _upsert(self, connection: sqlite3.Connection, rows: Sequence[Row]) -> Sequence[Row]:
        before = connection.total_changes
        connection.executemany(self.upsert, rows)
        if connection.total_changes - before == len(rows):
            return rows
        stored = self._stored(connection, rows)
        kept: list[Row] = []
        for row in rows:
            other = stored[self.key(row)]
            if other[self.version] != row[self.version]:
                continue
            if not self.equal(row, other):
                raise version_conflict(self.what(row), row[self.version])
            kept.append(row)
        return kept

    def _stored(self, connection: sqlite3.Connection, rows: Sequence[Row]) -> dict[Any, Row]:
        arguments = (self.keys(map(self.key, rows)),)
        return {self.key(row): row for row in connection.execute(self.select, arguments)}
