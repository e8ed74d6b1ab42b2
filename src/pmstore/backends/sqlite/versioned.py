"""A table that keeps the newest version of each record."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import attrs

from pmstore.errors import VersionConflict

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
        equal: Whether two rows of the same version have the same content.
    """

    upsert: str
    select: str
    keys: Callable[[Iterable[Any]], str]
    key: Callable[[Row], Any]
    version: int
    what: Callable[[Row], str]
    equal: Callable[[Row, Row], bool] = lambda row, other: row == other

    def put(self, connection: sqlite3.Connection, rows: Sequence[Row]) -> Sequence[Row]:
        """
        Keep the newest version of each record; answers the rows that are stored as given.

        Those are all but the rows of which a newer version is known.

        Raises:
            VersionConflict: A version is known with other content; what was changed until
                then is undone with the transaction.

        Cost:
            One statement run once per row; if not every row changed something, all are read
            and compared.
        """
        before = connection.total_changes
        connection.executemany(self.upsert, rows)
        if connection.total_changes - before == len(rows):
            return rows
        arguments = (self.keys(map(self.key, rows)),)
        stored = {self.key(row): row for row in connection.execute(self.select, arguments)}
        kept: list[Row] = []
        for row in rows:
            other = stored[self.key(row)]
            if other[self.version] != row[self.version]:
                continue
            if not self.equal(row, other):
                raise VersionConflict(
                    f"{self.what(row)} is known in version {row[self.version]} with other "
                    "content; nothing was saved: give every change a version of its own"
                )
            kept.append(row)
        return kept
