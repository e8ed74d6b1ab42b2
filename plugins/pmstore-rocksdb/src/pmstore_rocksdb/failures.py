"""What rocksdict raises, as pmstore's errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pmstore.errors import CorruptData, PmstoreError, StoreUnavailable, WriteOutcome, WriterLocked

_NOT_FOUND = "key not found"


def is_absence(error: Exception) -> bool:
    """Whether rocksdict says by *error* that a snapshot has no such key."""
    return str(error) == _NOT_FOUND


@contextmanager
def translated(path: str, outcome: WriteOutcome) -> Iterator[None]:
    """
    Turn what RocksDB says of the database at *path* into pmstore's errors.

    rocksdict raises plain exceptions; RocksDB's own status is the beginning of their text.
    """
    try:
        yield
    except PmstoreError:
        raise
    except Exception as error:
        said = str(error)
        if said.startswith("Corruption:") or "while reading property" in said:
            raise CorruptData(said, where=path) from error
        if "LOCK" in said and "lock" in said.lower().replace("/lock", ""):
            raise WriterLocked(
                f"{path} is open in another process ({said}); stop that one: RocksDB has one "
                f"writer, and any number of stores inside of one process share it"
            ) from error
        raise StoreUnavailable(f"{path}: {said}", outcome=outcome) from error
