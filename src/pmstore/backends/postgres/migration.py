"""The schema of a database, for `pmstore migrate`."""

from __future__ import annotations

import asyncio

import attrs
import psycopg

from pmstore.backends.postgres.config import PostgresConfig
from pmstore.backends.postgres.connection import Connection
from pmstore.backends.postgres.failures import failed, not_let_in
from pmstore.backends.postgres.schema import current_revision, migrate
from pmstore.protocols import Revisions
from pmstore.tables.schema import NEWEST, needs_migration


class PostgresSchema:
    """A `Schema`; opening a store does the same unless its URL says `migrate=false`."""

    async def look(self, config: PostgresConfig, /) -> Revisions:
        """Which revision is there; changes nothing."""
        try:
            connection = await Connection.open(attrs.evolve(config, migrate=False))
        except (psycopg.Error, OSError) as error:
            raise not_let_in(error, config) from error
        try:
            found = await current_revision(connection)
        except psycopg.Error as error:
            raise failed(error, config, writes=False) from error
        finally:
            await connection.close()
        needs_migration(found, where=config.place)
        return Revisions(found, NEWEST)

    async def migrate(self, config: PostgresConfig, /) -> Revisions:
        """Bring the schema to the newest revision, in one transaction."""
        found = await self.look(config)
        if found.is_current:
            return found
        try:
            was, newest = await asyncio.to_thread(migrate, config)
        except psycopg.Error as error:
            raise failed(error, config, writes=True) from error
        return Revisions(was, newest)
