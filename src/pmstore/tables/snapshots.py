"""The tables of snapshot generations."""

from __future__ import annotations

from typing import Any, ClassVar

from pmstore.tables.columns import binary, integer, serial, text
from pmstore.tables.table import Table


class SnapshotRow(Table, table=True):
    """A generation: how long its document is, and the SHA-256 of it in hex."""

    __tablename__: ClassVar[Any] = "snapshots"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012 - the form that it has

    generation: int = serial()
    size_bytes: int = integer()
    sha256: str = text()


class SnapshotPartRow(Table, table=True):
    """A piece of a generation's document (`codec.encode_snapshot`), counted from 0."""

    __tablename__: ClassVar[Any] = "snapshot_parts"

    generation: int = integer(key=True)
    part: int = integer(key=True)
    content: bytes = binary()
