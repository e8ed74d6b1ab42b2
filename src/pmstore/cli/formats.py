"""How records are written into files: NDJSON, CSV, Parquet."""

from __future__ import annotations

import csv
import enum
import io
from collections.abc import Mapping, Sequence
from typing import IO, Any, Final, Protocol

from pmstore.cli.records import Records
from pmstore.cli.rows import BOOLEAN, COLUMN_TYPES, INTEGER, TEXT
from pmstore.errors import SettingsError


class Format(enum.StrEnum):
    """The formats of `pmstore export`."""

    NDJSON = "ndjson"
    CSV = "csv"
    PARQUET = "parquet"


class Writer(Protocol):
    """Writes batches of records behind each other into one file."""

    def write(self, batch: Sequence[Any]) -> None:
        """Add some records."""
        ...

    def close(self) -> None:
        """Write what ends the file; the file itself stays open."""
        ...


def open_writer(format: Format, records: Records, file: IO[bytes]) -> Writer:
    """
    A writer of *format* into *file*.

    Raises:
        SettingsError: The format needs an extra that is not installed; names it.
    """
    match format:
        case Format.NDJSON:
            return _Ndjson(records, file)
        case Format.CSV:
            return _Csv(records, file)
        case Format.PARQUET:
            return _Parquet(records, file)


class _Ndjson:
    def __init__(self, records: Records, file: IO[bytes]) -> None:
        self._encode = records.encode
        self._file = file

    def write(self, batch: Sequence[Any]) -> None:
        encode = self._encode
        self._file.write(b"".join([encode(one) + b"\n" for one in batch]))

    def close(self) -> None:
        """A line ends itself."""


class _Csv:
    """RFC 4180 with a header; an unset value is an empty field, a boolean `true` or `false`."""

    def __init__(self, records: Records, file: IO[bytes]) -> None:
        self._row = records.row
        self._file = file
        self._text = io.StringIO(newline="")
        self._rows = csv.writer(self._text)
        self._rows.writerow(records.all_columns)

    def write(self, batch: Sequence[Any]) -> None:
        self._rows.writerows(list(map(_csv_cell, self._row(one).values())) for one in batch)
        self.close()

    def close(self) -> None:
        self._file.write(self._text.getvalue().encode())
        self._text.seek(0)
        self._text.truncate()


def _csv_cell(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value


_ROW_GROUP: Final = 50_000
"""Rows of a Parquet row group: small enough for little memory, large enough to scan fast."""


class _Parquet:
    """64-bit integers, booleans and text; row groups of `_ROW_GROUP`."""

    def __init__(self, records: Records, file: IO[bytes]) -> None:
        try:
            import pyarrow
            from pyarrow import parquet
        except ModuleNotFoundError:
            raise SettingsError(
                ["Parquet needs an extra: pip install 'pmstore[export]' (or --format ndjson, csv)"]
            ) from None
        self._arrow = pyarrow
        self._row = records.row
        types: Mapping[str, Any] = {
            TEXT: pyarrow.string(),
            INTEGER: pyarrow.int64(),
            BOOLEAN: pyarrow.bool_(),
        }
        self._schema = pyarrow.schema(
            [(name, types[COLUMN_TYPES.get(name, TEXT)]) for name in records.all_columns]
        )
        self._writer = parquet.ParquetWriter(file, self._schema, compression="zstd")
        self._waiting: list[Any] = []
        self._count = 0

    def write(self, batch: Sequence[Any]) -> None:
        # Arrow's columns are several times smaller than rows in Python.
        rows = [self._row(one) for one in batch]
        self._waiting.append(self._arrow.RecordBatch.from_pylist(rows, schema=self._schema))
        self._count += len(rows)
        if self._count >= _ROW_GROUP:
            self._flush()

    def _flush(self) -> None:
        if self._waiting:
            table = self._arrow.Table.from_batches(self._waiting, schema=self._schema)
            self._writer.write_table(table, row_group_size=_ROW_GROUP)
            self._waiting, self._count = [], 0

    def close(self) -> None:
        self._flush()
        self._writer.close()
