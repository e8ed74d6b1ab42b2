"""Brings a database to the newest revision; imports Alembic."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, Final

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from pmstore.tables.schema import NEWEST, VERSION_TABLE, needs_migration

MIGRATIONS: Final = Path(__file__).parent / "migrations"

_ALONE: Final = threading.Lock()
"""Alembic's `op` speaks to one database at a time in a process."""


def scripts() -> ScriptDirectory:
    """The migrations, as they are shipped beside this module."""
    return ScriptDirectory(str(MIGRATIONS))


def current_revision(connection: Connection) -> str | None:
    """The revision of the database, None if it was never migrated."""
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    return context.get_current_revision()


def upgrade(connection: Connection, *, where: str) -> tuple[str | None, str]:
    """
    Bring the database to the newest revision; answers from which and to which.

    Everything happens in the transaction of *connection*, which the caller has begun under
    a lock that keeps other migrations out, and commits: a migration that fails leaves
    nothing.

    Raises:
        SettingsError: Its schema is newer than this code.
    """
    found = current_revision(connection)
    if not needs_migration(found, where=where):
        return found, NEWEST
    directory = scripts()
    environment = EnvironmentContext(Config(), directory)

    def steps(revision: Any, context: MigrationContext) -> Any:
        return directory._upgrade_revs(NEWEST, revision)

    environment.configure(
        connection=connection,
        fn=steps,
        version_table=VERSION_TABLE,
        # The caller's transaction is the only one, also where Alembic thinks that the
        # database has no transactional DDL (SQLite has).
        transactional_ddl=True,
        transaction_per_migration=False,
    )
    with _ALONE:
        environment.run_migrations()
    return found, NEWEST
