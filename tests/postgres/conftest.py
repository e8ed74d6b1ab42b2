"""A schema of its own for every test, and a plain connection to look at it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import attrs
import psycopg
import pytest

from pmstore.backends.postgres import PostgresConfig
from pmstore.plugin import config_from
from pmstore.testing.servers import PostgresServer
from pmstore.url import parse_url


@pytest.fixture
def config(postgres_server: PostgresServer) -> PostgresConfig:
    """An empty schema on the shared server."""
    server = config_from(PostgresConfig, parse_url(postgres_server.url))
    return attrs.evolve(server, schema=f"test {uuid.uuid4().hex[:12]}")


@pytest.fixture
def plain(
    postgres_server: PostgresServer, config: PostgresConfig
) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """A connection that is not ours, in autocommit mode, with the test's schema."""
    with psycopg.connect(postgres_server.url, autocommit=True) as connection:
        connection.execute(
            psycopg.sql.SQL("SET search_path = {}").format(psycopg.sql.Identifier(config.schema))
        )
        yield connection
