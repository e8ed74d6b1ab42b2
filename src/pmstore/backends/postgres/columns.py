"""The columns of a table: where their values come from, and how they are packed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any

import attrs

from pmstore.backends.postgres.arrays import (
    bigints,
    bigints_or_null,
    booleans,
    texts,
    texts_or_null,
    words,
)


@attrs.frozen
class Column:
    """
    One column.

    Attributes:
        name: As in the table.
        type: As PostgreSQL calls it, without brackets.
        value: The value in a record.
        pack: Makes an array of all values of a batch.
    """

    name: str
    type: str
    value: Callable[[Any], Any]
    pack: Callable[[list[Any]], bytes]


def bigint(name: str, path: str | None = None) -> Column:
    """A column of integers; *path* leads to the value where it is not the column's name."""
    return Column(name, "bigint", attrgetter(path or name), bigints)


def optional_bigint(name: str) -> Column:
    """A column of integers or nulls."""
    return Column(name, "bigint", attrgetter(name), bigints_or_null)


def text(name: str, path: str | None = None) -> Column:
    """A column of text."""
    return Column(name, "text", attrgetter(path or name), texts)


def word(name: str) -> Column:
    """A column of the words of an enumeration."""
    return Column(name, "text", attrgetter(f"{name}._value_"), words)


def optional_text(name: str, path: str | None = None) -> Column:
    """A column of text or nulls."""
    return Column(name, "text", attrgetter(path or name), texts_or_null)


def digits(name: str) -> Column:
    """A column of integers of any size, as text."""
    value = attrgetter(name)
    return Column(name, "text", lambda record: str(value(record)), words)


def boolean(name: str) -> Column:
    """A column of truth values."""
    return Column(name, "boolean", attrgetter(name), booleans)


def packed(columns: Sequence[Column], records: Sequence[object]) -> list[bytes]:
    """The columns of *records*, each as one array."""
    return [column.pack(list(map(column.value, records))) for column in columns]


def names(columns: Sequence[Column], prefix: str = "") -> str:
    """The columns' names, as a list of SQL."""
    return ", ".join(f"{prefix}{column.name}" for column in columns)


def unnested(columns: Sequence[Column]) -> str:
    """The rows of a batch as a table called `given`, from one parameter for each column."""
    arrays = ", ".join(f"%s::{column.type}[]" for column in columns)
    return f"unnest({arrays}) AS given({names(columns)})"
