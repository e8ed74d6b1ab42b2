"""The schema of a database file, for `pmstore migrate`."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing

from pmstore.backends.sqlite.config import SqliteConfig
from pmstore.backends.sqlite.connection import connect_file, connect_writer, revision
from pmstore.backends.sqlite.failures import translated
from pmstore.errors import WriteOutcome
from pmstore.protocols import Revisions
from pmstore.tables.schema import NEWEST, needs_migration


class SqliteSchema:
    """A `Schema`; opening a store does the same by itself."""

    async def look(self, config: SqliteConfig, /) -> Revisions:
        """Which revision is there; a file that is missing is an empty database."""
        return await asyncio.to_thread(_look, config)

    async def migrate(self, config: SqliteConfig, /) -> Revisions:
        """Bring the schema to the newest revision, in one transaction."""
        found = await self.look(config)
        if not found.is_current:
            await asyncio.to_thread(_open, config)
        return found


def _look(config: SqliteConfig) -> Revisions:
    if not config.path.exists():
        return Revisions(None, NEWEST)
    try:
        with closing(connect_file(config.path, config.busy_timeout_s, mode="rw")) as connection:
            found = revision(connection)
    except sqlite3.Error as error:
        raise translated(error, str(config.path), WriteOutcome.NOT_APPLIED) from error
    needs_migration(found, where=str(config.path))
    return Revisions(found, NEWEST)


def _open(config: SqliteConfig) -> None:
    try:
        connect_writer(config.path, config.busy_timeout_s).close()
    except sqlite3.Error as error:
        raise translated(error, str(config.path), WriteOutcome.UNKNOWN) from error
