"""Finds the tables as this code knows them, or brings them there."""

from __future__ import annotations

import asyncio
from typing import Final

import psycopg
from psycopg import sql

from pmstore.backends.postgres.config import PostgresConfig
from pmstore.backends.postgres.connection import Connection, connection_info, quoted
from pmstore.errors import SettingsError
from pmstore.tables.schema import CURRENT_REVISION_SQL, NEWEST, needs_migration

_LOCK_S_MAX: Final = 60.0
"""For how long a migration waits for another process's, or for statements under way."""


async def prepare_schema(connection: Connection, config: PostgresConfig) -> None:
    """
    Bring the schema to the newest revision if it is older or missing.

    Any number of processes may do so at once: one migrates, the others wait for it.

    Raises:
        SettingsError: It is newer than this code, or older and not to be migrated.
    """
    found = await current_revision(connection)
    if not needs_migration(found, where=config.place):
        return
    if found is not None and not config.migrate:
        raise SettingsError(
            [
                f"{config.place}: the schema has revision {found}, this pmstore needs {NEWEST}: "
                "run `pmstore migrate`, or open it without migrate=false"
            ]
        )
    await asyncio.to_thread(migrate, config)


async def current_revision(connection: Connection) -> str | None:
    """The revision of the schema, None if it has none of our tables."""
    try:
        cursor = await connection.execute(CURRENT_REVISION_SQL)
        row = await cursor.fetchone()
    except psycopg.errors.UndefinedTable:
        return None
    return None if row is None else str(row[0])


def migrate(config: PostgresConfig) -> tuple[str | None, str]:
    """
    Migrate in one transaction, alone; answers from which revision and to which.

    Raises:
        SettingsError: The schema is newer than this code.
        psycopg.Error: The server refused it; nothing was changed.
    """
    # Alembic and SQLAlchemy take a while to import, and an opening needs them seldom.
    from sqlalchemy import NullPool, create_engine
    from sqlalchemy.exc import DBAPIError

    from pmstore.tables.migrating import upgrade

    def connect() -> psycopg.Connection:
        connection = psycopg.connect(connection_info(config))
        connection.execute(
            sql.SQL("SET statement_timeout = 0; SET lock_timeout = {}").format(
                sql.Literal(round(_LOCK_S_MAX * 1000))
            )
        )
        connection.commit()
        return connection

    engine = create_engine("postgresql+psycopg://", creator=connect, poolclass=NullPool)
    try:
        with engine.begin() as connection:
            # Of this schema alone; held until the commit.
            connection.exec_driver_sql(
                "SELECT pg_advisory_xact_lock(hashtextextended('pmstore ' || %s, 0))",
                (config.schema or "",),
            )
            if config.schema is not None:
                connection.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {quoted(config.schema)}")
            return upgrade(connection, where=config.place)
    except DBAPIError as error:
        if isinstance(error.orig, psycopg.Error):
            raise error.orig from error
        raise
    finally:
        engine.dispose()
