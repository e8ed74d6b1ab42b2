"""Statements on one connection: a single one, or several that are one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, LiteralString

import psycopg

from pmstore.backends.postgres.config import PostgresConfig
from pmstore.backends.postgres.connection import Connection
from pmstore.backends.postgres.failures import failed, too_late

Row = tuple[Any, ...]


class Transaction:
    """Runs statements of one transaction, each within the deadline of a call."""

    def __init__(self, connection: Connection, config: PostgresConfig) -> None:
        self._connection = connection
        self._config = config

    async def run(self, statement: LiteralString, values: Sequence[object] = ()) -> list[Row]:
        """The rows that a statement answers; only a failed `COMMIT` has an unknown outcome."""
        commits = statement == "COMMIT"
        try:
            async with asyncio.timeout(self._config.statement_timeout_s):
                return await answer(self._connection, statement, values)
        except psycopg.Error as error:
            raise failed(error, self._config, writes=commits) from error
        except TimeoutError as error:
            raise too_late(self._config, sent=True, certain=not commits) from error


async def answer(
    connection: Connection, statement: LiteralString, values: Sequence[object]
) -> list[Row]:
    """The rows that a statement answers, in the server's binary form on the way."""
    cursor = connection.cursor(binary=True)
    await cursor.execute(statement, values)
    return await cursor.fetchall() if cursor.description is not None else []
