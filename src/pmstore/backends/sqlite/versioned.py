"""A table that keeps the newest version of each record."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import attrs

from pmstore.errors import VersionConflict

Row = tuple[Any, ...]


@attrs.frozen
class Put:
    """What became of a batch: rows that changed something, and rows that were known as they are."""

    fresh: Sequence[Row]
    same: Sequence[Row]


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
        equal: Whether two rows of the same version have the same content.
    """

    upsert: str
    select: str
    keys: Callable[[Iterable[Any]], str]
    key: Callable[[Row], Any]
    version: int
    what: Callable[[Row], str]
    equal: Callable[[Row, Row], bool] = lambda row, other: row == other

    def put(self, connection: sqlite3.Connection, rows: Sequence[Row]) -> Put:
        """
        Keep the newest version of each record, inside a transaction.

        Raises:
            VersionConflict: A version is known with other content; nothing was changed.

        Cost:
            One statement run once per row if every row changes something; else they are
            read and compared first.
        """
        before = connection.total_changes
        connection.execute("SAVEPOINT put")
        connection.executemany(self.upsert, rows)
        if connection.total_changes - before == len(rows):
            connection.execute("RELEASE put")
            return Put(rows, ())
        connection.execute("ROLLBACK TO put")
        connection.execute("RELEASE put")
        return self._put_compared(connection, rows)

    def _put_compared(self, connection: sqlite3.Connection, rows: Sequence[Row]) -> Put:
        at: Final = self.version
        arguments = (self.keys(map(self.key, rows)),)
        known = {self.key(row): row for row in connection.execute(self.select, arguments)}
        fresh: list[Row] = []
        same: list[Row] = []
        for row in rows:
            other = known.get(self.key(row))
            if other is None or row[at] > other[at]:
                fresh.append(row)
            elif row[at] == other[at]:
                if not self.equal(row, other):
                    raise VersionConflict(
                        f"{self.what(row)} is known in version {row[at]} with other content; "
                        "nothing was saved: give every change a version of its own"
                    )
                same.append(row)
        connection.executemany(self.upsert, fresh)
        return Put(fresh, same)
