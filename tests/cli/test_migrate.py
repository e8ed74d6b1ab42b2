"""`pmstore migrate` brings databases to the newest schema, and says what it did."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

import pmstore
from pmstore.cli.exits import Exit
from pmstore.tables.schema import NEWEST
from pmstore.testing.samples import order
from pmstore.testing.servers import PostgresServer
from tests.cli.running import document, run


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/x.db"
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return server.create_database(f"migrate_{tmp_path.name}".lower())


def set_revision(url: str, revision: str) -> None:
    statement = f"UPDATE pmstore_revision SET version_num = '{revision}'"
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(urlsplit(url).path[1:])) as file, file:
            file.execute(statement)
    else:
        with psycopg.connect(url) as connection:
            connection.execute(statement)


async def keep(url: str) -> dict[str, pmstore.Order]:
    async with pmstore.open_order_store(url) as orders:
        await orders.save([order(1)])
        return await orders.get(["order_1"])


def test_an_empty_database_is_migrated_once(url: str) -> None:
    (looked,) = document("migrate", url, "--check", code=Exit.DAMAGED)
    assert (looked["found"], looked["newest"], looked["migrated"]) == (None, NEWEST, False)
    (migrated,) = document("migrate", url)
    assert (migrated["found"], migrated["newest"], migrated["migrated"]) == (None, NEWEST, True)
    assert asyncio.run(keep(url)) == {"order_1": order(1)}
    for words in (("--check",), ()):
        (again,) = document("migrate", url, *words)
        assert (again["found"], again["migrated"]) == (NEWEST, False)
    assert asyncio.run(keep(url)) == {"order_1": order(1)}


def test_a_newer_schema_is_refused_and_left_alone(url: str) -> None:
    run("migrate", url)
    set_revision(url, "9999")
    for words in (("--check",), ()):
        refused = run("migrate", url, *words, code=Exit.UNUSABLE)
        assert "9999" in refused.stderr
        assert "newer pmstore" in refused.stderr
    set_revision(url, NEWEST)
    run("migrate", url, "--check")


def test_of_a_stack_each_database_is_migrated(tmp_path: Path) -> None:
    stack = f"memory:// > sqlite:///{tmp_path}/a.db | file:{tmp_path}/trades.log"
    (row,) = document("migrate", stack)
    assert row["place"] == f"sqlite:///{tmp_path}/a.db"
    assert "no schema" in run("migrate", "memory://", code=Exit.UNUSABLE).stderr


def test_what_cannot_be_migrated_is_told_apart(tmp_path: Path) -> None:
    file = tmp_path / "x.db"
    file.write_bytes(b"something else, and quite a lot of it" * 100)
    run("migrate", f"sqlite:///{file}", code=Exit.DAMAGED)
    run("migrate", f"sqlite:///{file}?nothing=1", code=Exit.UNUSABLE)
    lost = run("migrate", "postgresql://u:hunter2@127.0.0.1:9/x", code=Exit.UNAVAILABLE)
    assert "hunter2" not in lost.output
