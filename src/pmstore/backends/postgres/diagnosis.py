"""What `pmstore doctor` finds out about a PostgreSQL server."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final, LiteralString

import attrs
import psycopg

from pmstore.backends.postgres.config import PostgresConfig
from pmstore.backends.postgres.connection import Connection
from pmstore.backends.postgres.failures import (
    failed,
    refusal_of,
    state_of,
    without_password,
)
from pmstore.backends.postgres.schema import current_revision
from pmstore.errors import SettingsError
from pmstore.protocols.diagnosis import Examination, Finding, Level
from pmstore.storage.skew import skew_finding
from pmstore.tables.schema import NEWEST, needs_migration

_BACKLOG_S_MAX: Final = 10
_BACKLOG_MAX: Final = 10_000

_STATE: Final[LiteralString] = (
    "SELECT current_setting('server_version'), pg_is_in_recovery(), "
    "current_setting('transaction_read_only') = 'on', "
    "(extract(epoch FROM clock_timestamp()) * 1000)::bigint, "
    "coalesce(has_schema_privilege(current_schema(), 'CREATE'), "
    "has_database_privilege(current_database(), 'CREATE'))"
)
_RIGHTS: Final[LiteralString] = (
    "SELECT table_name FROM unnest(ARRAY['orders', 'trades', 'balances', 'events', 'snapshots', "
    "'sources', 'notes', 'note_readers', 'trade_ids', 'order_tombstones']) AS table_name "
    "WHERE NOT (has_table_privilege(table_name, 'SELECT') "
    "AND has_table_privilege(table_name, 'INSERT'))"
)
_BACKLOG: Final[LiteralString] = (
    "SELECT store, reader, count(*), "
    "(extract(epoch FROM clock_timestamp()) - min(written_ms) / 1000.0)::float8 "
    "FROM notes WHERE reason IS NULL GROUP BY store, reader ORDER BY store, reader"
)
_WRITING: Final[LiteralString] = (
    "CREATE TEMPORARY TABLE pmstore_doctor ON COMMIT DROP AS "
    "SELECT repeat('x', 1000) AS filling FROM generate_series(1, 1000)"
)
"""About a mebibyte, of which nothing stays."""


async def diagnose(config: PostgresConfig, examination: Examination) -> Sequence[Finding]:
    """Find what is wrong with the server and the schema that *config* names; changes nothing."""
    hasty = attrs.evolve(
        config,
        connect_timeout_s=examination.timeout_s,
        statement_timeout_s=examination.timeout_s,
    )
    try:
        connection = await Connection.open(hasty)
    except (psycopg.Error, OSError) as error:
        refusal = refusal_of(error)
        said = without_password(str(error), config) or (
            f"no answer within {examination.timeout_s:g} s"
        )
        advice = refusal.advice.format(database=config.database)
        return [_error(config, refusal.kind, said, advice)]
    findings: list[Finding] = []
    try:
        async for finding in _findings(connection, hasty, examination):
            findings.append(finding)
    except (psycopg.Error, OSError) as error:
        what = f"no answer within {examination.timeout_s:g} s"
        if isinstance(error, psycopg.Error):
            what = str(failed(error, config, writes=False)).removeprefix(f"{config.place}: ")
        findings.append(_error(config, "unreachable", what, "Look into the server's log"))
    finally:
        await connection.close()
    return findings


async def _findings(
    connection: Connection, config: PostgresConfig, examination: Examination
) -> AsyncIterator[Finding]:
    begun, asked_ms = time.perf_counter(), examination.clock()
    version, replica, reading, server_ms, creates = (await _rows(connection, _STATE))[0]
    answered_ms, took_ms = examination.clock(), (time.perf_counter() - begun) * 1000
    yield Finding(
        level=Level.FINE,
        kind="reachable",
        what=f"PostgreSQL {version} answers in {took_ms:.1f} ms",
        where=config.place,
    )
    yield skew_finding(
        config.place, asked_ms=asked_ms, server_ms=server_ms, answered_ms=answered_ms
    )
    if replica or reading:
        what = "it is a read replica" if replica else "its transactions only read"
        remedy = "Name the primary (DATABASE_HOST), or end default_transaction_read_only"
        yield _error(config, "read-only", what, remedy)
    revision = await current_revision(connection)
    if revision is None:
        what = "there are no tables yet"
        remedy = "Nothing to do: the first start makes them"
        yield _warning(config, "schema-missing", what, remedy)
        if not creates:
            remedy = f"GRANT CREATE ON DATABASE {config.database} TO {config.user or 'the user'}"
            yield _error(config, "permission", "the user must not create the tables", remedy)
    else:
        async for finding in _of_the_tables(connection, config, revision):
            yield finding
    if not replica and not reading:
        full = await _room_to_write(connection, config)
        if full is not None:
            yield full


async def _of_the_tables(
    connection: Connection, config: PostgresConfig, revision: str
) -> AsyncIterator[Finding]:
    try:
        if needs_migration(revision, where=config.place):
            what = f"the schema has revision {revision}, this pmstore works with {NEWEST}"
            yield _warning(config, "schema-older", what, "pmstore migrate URL")
            return
    except SettingsError as error:
        remedy = "Upgrade pmstore, or restore a backup from before the migration"
        yield _error(config, "schema-newer", error.problems[0], remedy)
        return
    withheld = [row[0] for row in await _rows(connection, _RIGHTS)]
    if withheld:
        what = f"the user must not read or write {', '.join(withheld)}"
        remedy = f"GRANT ALL ON ALL TABLES IN SCHEMA … TO {config.user or 'the user'}"
        yield _error(config, "permission", what, remedy)
        return
    for store, reader, depth, lag_s in await _rows(connection, _BACKLOG):
        if depth > _BACKLOG_MAX or lag_s > _BACKLOG_S_MAX:
            what = f"{depth} notes of {store} wait for {reader}, the oldest for {lag_s:.0f} s"
            remedy = "Run a process with this stack, or else pmstore outbox URL --forget READER"
            yield _warning(config, "outbox-backlog", what, remedy)


async def _room_to_write(connection: Connection, config: PostgresConfig) -> Finding | None:
    """Whether the server's disk takes a little more."""
    try:
        await _rows(connection, _WRITING)
    except psycopg.Error as error:
        match state_of(error):
            case "53100":
                remedy = "Free space on the server's disk"
                return _error(config, "disk-full", "the server's disk is full", remedy)
            case "42501":
                # It may write its own tables all the same.
                return None
        raise
    return None


async def _rows(connection: Connection, statement: LiteralString) -> list[tuple[Any, ...]]:
    cursor = await connection.execute(statement, binary=True)
    return await cursor.fetchall() if cursor.description is not None else []


def _error(config: PostgresConfig, kind: str, what: str, remedy: str) -> Finding:
    return Finding(level=Level.ERROR, kind=kind, what=what, where=config.place, remedy=remedy)


def _warning(config: PostgresConfig, kind: str, what: str, remedy: str) -> Finding:
    return Finding(level=Level.WARNING, kind=kind, what=what, where=config.place, remedy=remedy)
