"""The kinds of columns that the tables are made of."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, Text
from sqlalchemy import text as sql
from sqlalchemy.types import TypeEngine
from sqlmodel import Field

INTEGER: Final[TypeEngine[Any]] = BigInteger()
"""0..2^63-1 exactly; quantities are never NUMERIC or 32 bits wide."""

SERIAL: Final[TypeEngine[Any]] = BigInteger().with_variant(Integer(), "sqlite")
"""A 64-bit primary key; only the word INTEGER makes it SQLite's own row number."""

TEXT: Final[TypeEngine[Any]] = Text().with_variant(Text(collation="C"), "postgresql")
"""Text ordered by its code points, as Python and SQLite order it."""

BINARY: Final[TypeEngine[Any]] = LargeBinary()
FLAG: Final[TypeEngine[Any]] = Boolean(create_constraint=False)


def integer(*, key: bool = False, optional: bool = False) -> Any:
    """A column of 64-bit integers."""
    column: Column[Any] = Column(
        INTEGER, primary_key=key, nullable=optional, autoincrement=False if key else "auto"
    )
    return Field(sa_column=column)


def serial() -> Any:
    """A primary key that the database counts up; a number is never given twice."""
    return Field(default=None, sa_column=Column(SERIAL, primary_key=True, autoincrement=True))


def text(*, key: bool = False, optional: bool = False) -> Any:
    """A column of text in the order of code points."""
    return Field(sa_column=Column(TEXT, primary_key=key, nullable=optional))


def flag() -> Any:
    """A column of yes and no."""
    return Field(sa_column=Column(FLAG, nullable=False))


def binary() -> Any:
    """A column of bytes."""
    return Field(sa_column=Column(BINARY, nullable=False))


def partial_index(name: str, *columns: str, where: str) -> Index:
    """An index over the rows for which *where* holds, in both databases."""
    condition = sql(where)
    return Index(name, *columns, sqlite_where=condition, postgresql_where=condition)
