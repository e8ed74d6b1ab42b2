"""Keeps the newest version of each row of a batch in one statement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import LiteralString

import attrs

from pmstore.backends.postgres.client import PostgresClient
from pmstore.backends.postgres.columns import Column, names, unnested
from pmstore.backends.postgres.consumed import MOVED
from pmstore.backends.postgres.noting import NOTE_GATE, noted
from pmstore.backends.postgres.transaction import Row
from pmstore.errors import VersionConflict


async def write_versions(
    client: PostgresClient, statement: LiteralString, values: Sequence[object], *, what: str
) -> list[Row]:
    """
    What a statement of `Versioned` answers.

    Raises:
        VersionConflict: The server raised it; *what* stands before the key in the message.
    """
    try:
        return await client.write(statement, values)
    except VersionConflict as conflict:
        raise VersionConflict(
            f"{what} {str(conflict)!r} is known in this version with other content; nothing was "
            f"saved: give every change a version of its own"
        ) from conflict


@attrs.frozen
class Versioned:
    """
    Makes the statements of a table whose rows have versions.

    A row's lock decides between writers at the same time, on the row as it then is: a lower
    version is left alone, the same version with other content raises and undoes everything.
    Rows are taken in the order of their keys, so that two batches never wait for each other.

    Attributes:
        store: The kind of store, as `sources` and `notes` name it.
        table: The table.
        columns: All of its columns.
        key: The names of those that are its key.
        condition: What else a row of `given` needs; its parameters come last.
        before: Parts that *condition* names, each with a comma behind it.
    """

    store: str
    table: str
    columns: Sequence[Column]
    key: Sequence[str]
    condition: str = "true"
    before: str = ""

    def save(self) -> LiteralString:
        """Parameters: the packed columns, those of the condition. Answers nothing."""
        return self._statement("", self.condition, "SELECT")

    def save_noted(self) -> LiteralString:
        """Parameters as of `save`. Answers the keys of the rows that hold what was given."""
        keys = ", ".join(self.key)
        known = f"SELECT {keys} FROM {self.table} JOIN given USING ({keys}, version)"
        return self._statement("", self.condition, f"SELECT {keys} FROM saved UNION {known}")

    def apply(self) -> LiteralString:
        """Parameters: those of `moving`, then as of `save`. Answers 1 if the source moved."""
        condition = f"EXISTS (SELECT FROM moved) AND {self.condition}"
        return self._statement(f"{MOVED}, ", condition, "SELECT count(*) FROM moved")

    def _statement(self, before: str, condition: str, answer: str) -> LiteralString:
        table = self.table
        rest = [column for column in self.columns if column.name not in self.key]
        content = [column for column in rest if column.name != "version"]
        keys = ", ".join(self.key)
        shown = " || ' ' || ".join(f"{table}.{name}::text" for name in self.key)
        return (
            f"WITH {NOTE_GATE}, {self.before}{before}"
            f"given AS (SELECT {names(self.columns)} FROM {unnested(self.columns)}), "
            f"saved AS (INSERT INTO {table} ({names(self.columns)}) "
            f"SELECT {names(self.columns)} FROM given WHERE {condition} ORDER BY {keys} "
            f"ON CONFLICT ({keys}) DO UPDATE "
            f"SET {', '.join(f'{column.name} = excluded.{column.name}' for column in rest)} "
            # CASE, because AND says nothing about which side is evaluated.
            f"WHERE CASE WHEN excluded.version = {table}.version "
            f"AND ({names(content, 'excluded.')}) IS DISTINCT FROM ({names(content, f'{table}.')}) "
            f"THEN version_conflict({shown}) ELSE excluded.version > {table}.version END "
            f"RETURNING {', '.join(f'{table}.{name}' for name in self.key)}, {table}.version), "
            f"{noted(self.store)} {answer}"
        )
