"""The tables of the outbox: what changed, for the readers that want to know."""

from __future__ import annotations

from typing import Any, ClassVar

from sqlalchemy import Index

from pmstore.tables.columns import integer, serial, text
from pmstore.tables.table import Table


class NoteReaderRow(Table, table=True):
    """A reader for whom every change of one kind of store writes notes."""

    __tablename__: ClassVar[Any] = "note_readers"

    store: str = text(key=True)
    reader: str = text(key=True)


class NoteRow(Table, table=True):
    """
    One note for one reader.

    `key` is the record's key as the store writes it, NULL for any record. `void_through` is
    the highest version that no cache may hold any more: v - 1 for a save of version v, v
    for a remove through v (so that 2^63-1 needs no larger number); for trades one less than
    the lowest timestamp. `reason` is not NULL for the dead letters.
    """

    __tablename__: ClassVar[Any] = "notes"
    __table_args__ = (
        Index("notes_by_reader", "store", "reader", "seq"),
        {"sqlite_autoincrement": True},
    )

    seq: int = serial()
    store: str = text()
    reader: str = text()
    key: str | None = text(optional=True)
    void_through: int = integer()
    written_ms: int = integer()
    reason: str | None = text(optional=True)


class MessageRow(Table, table=True):
    """A message of the channel between processes; on SQLite alone (PostgreSQL has NOTIFY)."""

    __tablename__: ClassVar[Any] = "messages"
    __table_args__ = {"sqlite_autoincrement": True, "info": {"dialect": "sqlite"}}  # noqa: RUF012

    seq: int = serial()
    payload: str = text()
    sent_ms: int = integer()
