"""Which schema a database has, and whether this code can use it; imports no library."""

from __future__ import annotations

from typing import Final

from pmstore.errors import SettingsError

VERSION_TABLE: Final = "pmstore_revision"
"""Alembic's table of the current revision, named so that an application's own stays apart."""

CURRENT_REVISION_SQL: Final = f"SELECT version_num FROM {VERSION_TABLE}"
"""Answers one row in a database that was migrated; the table is missing in an empty one."""

REVISIONS: Final = ("0001", "0002", "0003")
"""All revisions that this code knows, oldest first; the last one is what it works with."""

NEWEST: Final = REVISIONS[-1]


def needs_migration(found: str | None, *, where: str) -> bool:
    """
    Whether a database must be migrated before it is used.

    Args:
        found: Its current revision, None for an empty database.
        where: Its URL without secrets, for the message.

    Raises:
        SettingsError: Its schema is newer than this code.
    """
    if found == NEWEST:
        return False
    if found is not None and found not in REVISIONS:
        raise SettingsError(
            [
                f"{where}: the schema has revision {found}, this pmstore knows none after "
                f"{NEWEST}: a newer pmstore has migrated it. Install that version, or restore "
                "a backup from before the migration"
            ]
        )
    return True
