"""The doctor finds what is wrong with real servers, each trouble provoked."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from redis import Redis

import pmstore
from pmstore.cli.checkup import examine_urls
from pmstore.cli.exits import Exit
from pmstore.clock import system_clock
from pmstore.tables.schema import VERSION_TABLE
from pmstore.testing import samples
from pmstore.testing.servers import PostgresServer, RedisServer
from tests.cli.running import run
from tests.cli.test_doctor import as_ordinary_user, findings, one_of


def without_password(url: str, password: str | None = None) -> str:
    """*url* with another password, or with none."""
    parts = urlsplit(url)
    secret = "" if password is None else f":{password}"
    return urlunsplit(
        parts._replace(netloc=f"{parts.username or ''}{secret}@{parts.hostname}:{parts.port}")
    )


async def save(url: str, number: int = 1) -> None:
    async with pmstore.open_order_store(url) as orders:
        await orders.save([samples.order(number)])


def levels(found: list[dict[str, Any]], kind: str) -> list[str]:
    return [one["level"] for one in found if one["kind"] == kind]


@pytest.fixture
def database(postgres_server: PostgresServer, request: pytest.FixtureRequest) -> str:
    """The URL of an empty schema in the common server."""
    return f"{postgres_server.url}?schema=doctor_{abs(hash(request.node.name)) % 10**8}"


def execute(server: PostgresServer, *statements: str) -> None:
    with psycopg.connect(server.url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)  # type: ignore[call-overload]


def schema_of(url: str) -> str:
    return url.rpartition("schema=")[2]


def test_a_postgres_that_is_well_says_its_version(database: str) -> None:
    found = findings(database)
    assert "PostgreSQL" in one_of(found, "reachable", "fine")["what"]
    one_of(found, "schema-missing", "warning")
    one_of(found, "clock-skew", "fine")
    asyncio.run(save(database))
    assert levels(findings(database), "schema-missing") == []


def test_a_stopped_postgres_is_unreachable(tmp_path: Path) -> None:
    with PostgresServer(tmp_path / "pg") as server:
        url = server.url
    one = one_of(findings(url, code=Exit.DAMAGED), "unreachable", "error")
    assert str(urlsplit(url).port) in one["what"] + one["where"]
    assert "DATABASE_HOST" in one["what"] + one["remedy"]


def test_a_refused_postgres_password_is_told_from_an_outage(
    postgres_server: PostgresServer,
) -> None:
    url = without_password(postgres_server.url, "hunter2")
    result = run("doctor", url, code=Exit.DAMAGED)
    assert "hunter2" not in result.output
    one = one_of(findings(url, code=Exit.DAMAGED), "password", "error")
    assert "DATABASE_PASSWORD" in one["what"] + one["remedy"]


def test_a_schema_from_the_future_is_an_error(
    postgres_server: PostgresServer, database: str
) -> None:
    asyncio.run(save(database))
    schema = schema_of(database)
    execute(postgres_server, f"UPDATE {schema}.{VERSION_TABLE} SET version_num = '9999'")
    one = one_of(findings(database, code=Exit.DAMAGED), "schema-newer", "error")
    assert "9999" in one["what"]
    assert "pgrade" in one["remedy"]


def test_a_database_that_only_reads_is_an_error(
    postgres_server: PostgresServer, database: str
) -> None:
    asyncio.run(save(database))
    name = urlsplit(postgres_server.url).path.removeprefix("/")
    execute(postgres_server, f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    try:
        one_of(findings(database, code=Exit.DAMAGED), "read-only", "error")
    finally:
        with psycopg.connect(
            postgres_server.url, autocommit=True, options="-c default_transaction_read_only=off"
        ) as connection:
            connection.execute(f'ALTER DATABASE "{name}" RESET default_transaction_read_only')  # type: ignore[call-overload]


async def test_a_clock_that_is_wrong_is_found(database: str, redis_server: RedisServer) -> None:
    for url, name in ((database, "postgresql"), (f"{redis_server.url}?prefix=skew", "redis")):
        found = await examine_urls([url], clock=lambda: system_clock() - 5000)
        one = next(one for one in found if one.kind == "clock-skew")
        assert one.level.value == "warning"
        assert one.where.startswith(name)
        assert "ahead of" in one.what
        assert "NTP" in one.remedy


async def test_notes_that_nobody_relays_are_a_backlog(
    postgres_server: PostgresServer, database: str
) -> None:
    async with pmstore.open_order_store(database) as orders:
        await orders.outbox.keep("caches")  # type: ignore[attr-defined]
        await orders.save([samples.order(1)])
    found = await asyncio.to_thread(findings, database)
    assert levels(found, "outbox-backlog") == []
    execute(postgres_server, f"UPDATE {schema_of(database)}.notes SET written_ms = 1")
    found = await asyncio.to_thread(findings, database)
    assert "caches" in one_of(found, "outbox-backlog", "warning")["what"]


def test_a_frozen_server_ends_the_check_up_in_time(tmp_path: Path) -> None:
    with RedisServer(tmp_path / "redis") as redis, PostgresServer(tmp_path / "pg") as postgres:
        redis.pause()
        postgres.pause()
        try:
            found = findings(redis.url, postgres.url, code=Exit.DAMAGED)
        finally:
            redis.resume()
            postgres.resume()
        assert levels(found, "unreachable") == ["error", "error"]


@pytest.fixture
def locked_redis(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path / "redis", options=("--requirepass", "right")) as server:
        yield server


def test_a_stopped_redis_is_unreachable(tmp_path: Path) -> None:
    with RedisServer(tmp_path / "redis") as server:
        url = server.url
    one = one_of(findings(url, code=Exit.DAMAGED), "unreachable", "error")
    assert str(urlsplit(url).port) in one["what"] + one["where"]


@pytest.mark.parametrize("password", [None, "wrong"])
def test_a_refused_redis_password_is_told_from_an_outage(
    locked_redis: RedisServer, password: str | None
) -> None:
    url = f"redis://{'' if password is None else f':{password}@'}127.0.0.1:{locked_redis.port}/0"
    one = one_of(findings(url, code=Exit.DAMAGED), "password", "error")
    assert "REDIS_PASSWORD" in one["what"] + one["remedy"]
    assert levels(findings(f"redis://:right@127.0.0.1:{locked_redis.port}/0"), "password") == []


def test_a_redis_that_may_evict_is_no_truth(tmp_path: Path) -> None:
    with RedisServer(tmp_path / "redis") as server:
        assert "error" not in levels(findings(server.url), "eviction")
        with Redis.from_url(server.url) as client:
            client.config_set("maxmemory-policy", "allkeys-lru")
        one = one_of(findings(server.url, code=Exit.DAMAGED), "eviction", "error")
        assert "allkeys-lru" in one["what"]
        assert "noeviction" in one["remedy"]
        # As a cache it may: what it forgets, the truth has.
        found = findings(f"{server.url}?ttl_s=60 > sqlite:///{tmp_path}/truth.db")
        assert "error" not in levels(found, "eviction")


def test_a_redis_that_cannot_write_its_disk_or_has_no_memory_left_is_full(tmp_path: Path) -> None:
    with RedisServer(tmp_path / "redis") as server:
        with Redis.from_url(server.url) as client:
            client.set("filling", "x" * 10_000)
            client.config_set("maxmemory-policy", "noeviction")
            client.config_set("maxmemory", "1000")
        assert "error" in levels(findings(server.url, code=Exit.DAMAGED), "disk-full")


def test_a_redis_replica_is_read_only(tmp_path: Path) -> None:
    with RedisServer(tmp_path / "one") as master, RedisServer(tmp_path / "two") as replica:
        with Redis.from_url(replica.url) as client:
            client.replicaof(master.host, master.port)
        one_of(findings(replica.url, code=Exit.DAMAGED), "read-only", "error")


def test_a_sqlite_file_is_examined_before_and_after_its_first_start(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/one.db"
    one_of(findings(url), "schema-missing", "warning")
    assert list(tmp_path.iterdir()) == []
    asyncio.run(save(url))
    found = findings(url)
    assert "SQLite" in one_of(found, "reachable", "fine")["what"]
    assert levels(found, "schema-missing") == []


def test_a_sqlite_schema_from_the_future_is_an_error(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/one.db"
    asyncio.run(save(url))
    with closing(sqlite3.connect(tmp_path / "one.db", isolation_level=None)) as connection:
        connection.execute(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
    one = one_of(findings(url, code=Exit.DAMAGED), "schema-newer", "error")
    assert "9999" in one["what"]
    assert "pgrade" in one["remedy"]


def test_a_damaged_sqlite_file_is_an_error(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/one.db"
    asyncio.run(save(url))
    path = tmp_path / "one.db"
    path.write_bytes(b"x" * 100 + path.read_bytes()[100:])
    one_of(findings(url, code=Exit.DAMAGED), "damaged", "error")


async def test_sqlite_notes_that_nobody_relays_are_a_backlog(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/one.db"
    async with pmstore.open_order_store(url) as orders:
        await orders.outbox.keep("caches")  # type: ignore[attr-defined]
        await orders.save([samples.order(1)])
    found = await examine_urls([url], clock=system_clock)
    assert [one for one in found if one.kind == "outbox-backlog"] == []
    found = await examine_urls([url], clock=lambda: system_clock() + 11_000)
    one = next(one for one in found if one.kind == "outbox-backlog")
    assert one.level.value == "warning"
    assert "the oldest for 11 s" in one.what


def test_a_sqlite_file_that_cannot_be_written_or_whose_disk_is_full_is_an_error(
    open_folder: Path,
) -> None:
    url = f"sqlite:///{open_folder}/one.db"
    asyncio.run(save(url))
    path = open_folder / "one.db"
    path.chmod(0o644)
    assert levels(as_ordinary_user("full", url), "disk-full") == ["error"]
    if os.geteuid() == 0:
        # Root owns it, the ordinary user only reads it.
        assert levels(as_ordinary_user("free", url), "read-only") == ["error"]
