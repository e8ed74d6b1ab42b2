"""What DuckDB raises, as pmstore's errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from pmstore.errors import CorruptData, StoreUnavailable, WriteOutcome, WriterLocked

_DAMAGE = ("not a valid duckdb", "corrupt", "checksum", "failed to deserialize", "wal file")


@contextmanager
def translated(path: Path, outcome: WriteOutcome) -> Iterator[None]:
    """Turn what DuckDB says of the file at *path* into pmstore's errors."""
    try:
        yield
    except duckdb.Error as error:
        said = str(error)
        if "lock" in said.lower() and isinstance(error, duckdb.IOException):
            raise WriterLocked(
                f"{path} is open in another process: {said.splitlines()[0]}; stop that one, "
                f"DuckDB has one writing process"
            ) from error
        if isinstance(error, duckdb.SerializationException) or any(
            word in said.lower() for word in _DAMAGE
        ):
            raise CorruptData(said.splitlines()[0], where=str(path)) from error
        raise StoreUnavailable(f"{path}: {said}", outcome=outcome) from error
    except OSError as error:
        raise StoreUnavailable(f"{path}: {error}", outcome=outcome) from error
