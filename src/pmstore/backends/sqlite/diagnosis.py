"""What is wrong, or will be, with the database file that a `sqlite:` URL names."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from pmstore.backends.sqlite.config import SqliteConfig
from pmstore.backends.sqlite.connection import connect_file, revision
from pmstore.backends.sqlite.failures import primary_code, translated
from pmstore.errors import CorruptData, SettingsError, WriteOutcome
from pmstore.protocols.diagnosis import Examination, Finding, Level
from pmstore.storage.room import existing_folder, room_finding
from pmstore.tables.schema import NEWEST, needs_migration

_CHECKED_BYTES_MAX: Final = 256 * 1024 * 1024
"""A larger file is not read whole by a check-up."""
_BACKLOG_MS_MAX: Final = 10_000
_BACKLOG_MAX: Final = 10_000


async def diagnose(config: SqliteConfig, examination: Examination) -> Sequence[Finding]:
    """Look at the file, its folder, its schema and its outbox; leaves no trace."""
    return await asyncio.to_thread(lambda: list(_findings(config, examination)))


def _findings(config: SqliteConfig, examination: Examination) -> Iterator[Finding]:
    path = config.path
    trouble = room_finding(existing_folder(path.parent), str(path), file=path)
    if trouble is not None:
        yield trouble
    if not path.exists():
        if trouble is None or trouble.level is not Level.ERROR:
            yield _finding(path, Level.WARNING, "schema-missing", "not there yet", _FIRST_START)
        return
    try:
        # Read only in its mode, so that a file that is no database of ours stays as it is.
        with closing(connect_file(path, examination.timeout_s, mode="ro")) as connection:
            yield from _content(connection, config, examination)
    except sqlite3.Error as error:
        yield _refused(path, error)


_FIRST_START: Final = "Nothing to do: the first start makes it"


def _content(
    connection: sqlite3.Connection, config: SqliteConfig, examination: Examination
) -> Iterator[Finding]:
    path = config.path
    found = revision(connection)
    what = f"SQLite {sqlite3.sqlite_version}, {path.stat().st_size / 1024**2:.1f} MiB"
    yield Finding(level=Level.FINE, kind="reachable", what=what, where=str(path))
    if path.stat().st_size <= _CHECKED_BYTES_MAX:
        problem = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if problem != "ok":
            yield _finding(path, Level.ERROR, "damaged", str(problem), _RESTORE)
            return
    if found is None:
        yield _finding(path, Level.WARNING, "schema-missing", "no tables yet", _FIRST_START)
        return
    try:
        if needs_migration(found, where=str(path)):
            what = f"the schema has revision {found}, this pmstore works with {NEWEST}"
            remedy = f"pmstore migrate sqlite:///{path}; the next start does it too"
            yield _finding(path, Level.WARNING, "schema-older", what, remedy)
            return
    except SettingsError as error:
        remedy = "Upgrade pmstore, or restore a backup from before the migration"
        yield _finding(path, Level.ERROR, "schema-newer", error.problems[0], remedy)
        return
    rows = connection.execute(
        "SELECT store, reader, count(*), min(written_ms) FROM notes WHERE reason IS NULL "
        "GROUP BY store, reader ORDER BY store, reader"
    )
    for store, reader, depth, written_ms in rows:
        lag_ms = examination.clock() - written_ms
        if depth > _BACKLOG_MAX or lag_ms > _BACKLOG_MS_MAX:
            what = f"{depth} notes of {store} wait for {reader}, the oldest for {lag_ms // 1000} s"
            remedy = "Run a process with this stack, or else pmstore outbox URL --forget READER"
            yield _finding(path, Level.WARNING, "outbox-backlog", what, remedy)


_RESTORE: Final = "Restore a backup; what can still be read: sqlite3 FILE .recover"


def _refused(path: Path, error: sqlite3.Error) -> Finding:
    failure = translated(error, str(path), WriteOutcome.NOT_APPLIED)
    if isinstance(failure, CorruptData):
        return _finding(path, Level.ERROR, "damaged", str(error), _RESTORE)
    if primary_code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        remedy = "Wait until it has ended, or see which process has the file open (fuser)"
        return _finding(path, Level.WARNING, "locked", str(error), remedy)
    remedy = "Let this user read and write the file and its folder"
    return _finding(path, Level.ERROR, "permission", str(error), remedy)


def _finding(path: Path, level: Level, kind: str, what: str, remedy: str) -> Finding:
    return Finding(level=level, kind=kind, what=what, where=str(path), remedy=remedy)
