"""What SQLite raises, turned into what pmstore raises."""

from __future__ import annotations

import sqlite3
from typing import Final

from pmstore.errors import CorruptData, PmstoreError, StoreUnavailable, WriteOutcome

_PRIMARY_CODE: Final = 0xFF
_DAMAGED: Final = frozenset(
    {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT, sqlite3.SQLITE_MISMATCH}
)
_REMEDIES: Final = {
    sqlite3.SQLITE_BUSY: "another process has been writing for longer than busy_timeout_s",
    sqlite3.SQLITE_FULL: "the disk is full; free some space",
    sqlite3.SQLITE_READONLY: "the file may not be written; give this user the right to",
    sqlite3.SQLITE_CANTOPEN: "the file or its folder may not be opened or made",
}


def primary_code(error: sqlite3.Error) -> int:
    """SQLite's code of *error* without its details; SQLITE_ERROR if the module raised it."""
    code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    return code & _PRIMARY_CODE


def translated(error: sqlite3.Error, where: str, outcome: WriteOutcome) -> PmstoreError:
    """
    The error to raise for *error*.

    Args:
        error: What the database module raised.
        where: The database file.
        outcome: Whether the failed transaction took effect.
    """
    code = primary_code(error)
    lost_table = code == sqlite3.SQLITE_ERROR and str(error).startswith("no such ")
    if code in _DAMAGED or lost_table:
        return CorruptData(str(error), where=where)
    remedy = _REMEDIES.get(code)
    return StoreUnavailable(
        f"{where}: {error}" + (f" ({remedy})" if remedy else ""), outcome=outcome
    )
