"""Opens the database file: its folder, its journal, its schema."""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path
from typing import Final

from pmstore.backends.sqlite.failures import primary_code
from pmstore.errors import SettingsError, StoreUnavailable, WriteOutcome
from pmstore.tables.schema import CURRENT_REVISION_SQL, NEWEST, VERSION_TABLE, needs_migration

_WRITER_CACHE_KB: Final = 32_768
_READER_CACHE_KB: Final = 8_192
_CHECKPOINT_PAGES: Final = 4_000
"""Pages of the write-ahead log (16 MB) after which a commit moves them into the file."""
_RETRY_S: Final = 0.01


def connect_writer(path: Path, busy_timeout_s: float) -> sqlite3.Connection:
    """
    A connection that writes, to a file that has the newest schema.

    Makes the folder and the file if they are missing.

    Raises:
        sqlite3.Error: The file cannot be used.
        StoreUnavailable: The folder cannot be made.
        SettingsError: The schema is newer than this code.
    """
    try:
        _make_folder(path.parent)
    except OSError as error:
        raise StoreUnavailable(
            f"{path}: its folder cannot be made: {error}", outcome=WriteOutcome.NOT_APPLIED
        ) from error
    while True:
        before = _identity(path)
        connection = connect_file(path, busy_timeout_s)
        try:
            # Before anything is changed: a schema that is too new is left exactly as it is.
            outdated = needs_migration(revision(connection), where=str(path))
            _use_write_ahead_log(connection, busy_timeout_s)
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute(f"PRAGMA cache_size = -{_WRITER_CACHE_KB}")
            connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
            # From here on its lock keeps it from being wiped; until then it may have been.
            after = _identity(path)
            if after is not None and before in (None, after):
                if outdated:
                    migrate(connection, where=str(path))
                return connection
        except BaseException:
            connection.close()
            raise
        connection.close()


def connect_reader(path: Path, busy_timeout_s: float) -> sqlite3.Connection:
    """A connection that only reads, to a file that a writer has opened."""
    connection = connect_file(path, busy_timeout_s, mode="rw")
    try:
        connection.execute("PRAGMA query_only = ON")
        connection.execute(f"PRAGMA cache_size = -{_READER_CACHE_KB}")
    except BaseException:
        connection.close()
        raise
    return connection


def revision(connection: sqlite3.Connection) -> str | None:
    """The revision of the schema, None in a database that was never migrated."""
    known = connection.execute(
        "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (VERSION_TABLE,)
    ).fetchone()
    row = connection.execute(CURRENT_REVISION_SQL).fetchone() if known else None
    return None if row is None else str(row[0])


def migrate(connection: sqlite3.Connection, *, where: str) -> tuple[str | None, str]:
    """
    Bring the schema to the newest revision; answers from which and to which.

    One transaction; of several processes that do it at the same time one does, and the
    others find it done.

    Raises:
        SettingsError: The schema is newer than this code, or the extra is not installed.
    """
    # Alembic takes half a second to import: only whoever migrates pays for it.
    try:
        from sqlalchemy import create_engine
        from sqlalchemy.pool import StaticPool

        from pmstore.tables.migrating import upgrade
    except ModuleNotFoundError as error:
        raise SettingsError(
            [f"{where}: its tables are made by an extra: pip install 'pmstore[sqlite]' ({error})"]
        ) from error

    engine = create_engine("sqlite://", creator=lambda: connection, poolclass=StaticPool)
    # Its pool is never disposed of, which would close the connection: it stays ours. Taking
    # it begins and rolls back a transaction, so ours begins behind that.
    with engine.connect() as borrowed:
        connection.execute("BEGIN IMMEDIATE")
        found = revision(connection)
        if needs_migration(found, where=where):
            upgrade(borrowed, where=where)
        # Else it is rolled back when the engine takes the connection back.
        connection.execute("COMMIT")
    return found, NEWEST


def connect_file(path: Path, busy_timeout_s: float, mode: str = "rwc") -> sqlite3.Connection:
    """A plain connection in one of the modes of SQLite's URIs; every statement commits alone."""
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=busy_timeout_s,
        isolation_level=None,
        # Each is used by one thread at a time, and closed by whoever ends its thread.
        check_same_thread=False,
    )


def _make_folder(folder: Path) -> None:
    """Make *folder* and those above it, each of them durably named."""
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for folder in reversed(missing):
        folder.mkdir(exist_ok=True)
        above = os.open(folder.parent, os.O_RDONLY)
        try:
            os.fsync(above)
        finally:
            os.close(above)


def _identity(path: Path) -> tuple[int, int] | None:
    """Tells the file from another one of the same name; None if there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _use_write_ahead_log(connection: sqlite3.Connection, timeout_s: float) -> None:
    """Switch the journal; SQLite does not wait by itself for others who do the same."""
    until = time.monotonic() + timeout_s
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if primary_code(error) != sqlite3.SQLITE_BUSY or time.monotonic() >= until:
                raise
            time.sleep(_RETRY_S)
        else:
            return
