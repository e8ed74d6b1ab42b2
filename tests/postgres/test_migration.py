"""How an empty, an older and a newer schema is opened."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import attrs
import psycopg
import pytest

from pmstore.backends.postgres import PostgresConfig, PostgresOrderStore
from pmstore.errors import SettingsError
from pmstore.models.query import OrderQuery
from pmstore.testing.samples import order
from pmstore.testing.servers import PostgresServer

Plain = psycopg.Connection[tuple[object, ...]]

_OPENING = """
import asyncio, sys, pmstore
from pmstore.testing.samples import order

async def main(url, number):
    async with pmstore.open_order_store(url) as orders:
        await orders.save([order(number)])

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""


async def test_several_processes_open_an_empty_database_at_once(
    postgres_server: PostgresServer, config: PostgresConfig
) -> None:
    """Each of them finds the tables, whoever made them, and saves its order."""
    url = f"{postgres_server.url}?schema={config.schema}"
    children = [
        subprocess.Popen([sys.executable, "-c", _OPENING, url, str(number)]) for number in range(3)
    ]
    codes = await asyncio.gather(*(asyncio.to_thread(child.wait) for child in children))
    assert codes == [0, 0, 0]
    async with PostgresOrderStore(config) as orders:
        assert len((await orders.find(OrderQuery())).items) == 3


async def test_a_newer_schema_is_refused(config: PostgresConfig, plain: Plain) -> None:
    """Opening a schema of the future says which version is needed, and changes nothing."""
    async with PostgresOrderStore(config) as orders:
        await orders.save([order(1)])
    plain.execute("UPDATE pmstore_revision SET version_num = '9999'")
    with pytest.raises(SettingsError, match="9999.*newer pmstore"):
        async with PostgresOrderStore(config):
            pass
    assert plain.execute("SELECT version_num FROM pmstore_revision").fetchone() == ("9999",)


async def test_an_older_schema_is_refused_where_migrating_is_forbidden(
    config: PostgresConfig, plain: Plain, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With migrate=false an older schema is refused with the next step."""
    async with PostgresOrderStore(config) as orders:
        await orders.save([order(1)])
    # A future in which there is one revision more than the schema has.
    monkeypatch.setattr("pmstore.tables.schema.NEWEST", "0002")
    with pytest.raises(SettingsError, match="pmstore migrate"):
        async with PostgresOrderStore(attrs.evolve(config, migrate=False)):
            pass


async def test_a_migration_that_fails_leaves_nothing(config: PostgresConfig, plain: Plain) -> None:
    """A half-made schema never stays: the next opening finds what was there before."""
    plain.execute(f'CREATE SCHEMA "{config.schema}"')
    plain.execute("CREATE TABLE notes ()")
    for _ in range(2):
        with pytest.raises(Exception, match="already exists"):
            async with PostgresOrderStore(config):
                pass
        assert plain.execute("SELECT to_regclass('orders')").fetchone() == (None,)
    plain.execute("DROP TABLE notes")
    async with PostgresOrderStore(config) as orders:
        await orders.save([order(1)])
