"""How an empty, an older and a newer schema is opened."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import attrs
import psycopg
import pytest

from pmstore.backends.postgres import PostgresConfig, PostgresOrderStore
from pmstore.backends.postgres.schema import migrate
from pmstore.errors import SettingsError
from pmstore.models.query import OrderQuery
from pmstore.models.units import FEE_EXACT_MAX
from pmstore.storage import ORDER_COLUMNS, order_row
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
    config: PostgresConfig, plain: Plain
) -> None:
    """With migrate=false an older schema is refused with the next step."""
    async with PostgresOrderStore(config) as orders:
        await orders.save([order(1)])
    plain.execute("UPDATE pmstore_revision SET version_num = '0001'")
    with pytest.raises(SettingsError, match="pmstore migrate"):
        async with PostgresOrderStore(attrs.evolve(config, migrate=False)):
            pass


def as_it_was(row: tuple[object, ...]) -> list[object]:
    """A row of the first tables: its exact fee is a number."""
    at = ORDER_COLUMNS.index("fee_exact")
    return [*row[:at], int(str(row[at])), *row[at + 1 :]]


async def test_exact_fees_of_the_first_tables_are_kept_and_may_grow(
    config: PostgresConfig, plain: Plain, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Numbers that were written as 64 bits are read, and larger ones can be saved."""
    with monkeypatch.context() as earlier:
        earlier.setattr("pmstore.tables.migrating.NEWEST", "0001")
        migrate(config)
    names = ", ".join(ORDER_COLUMNS)
    for number in (1, 2):
        row = order_row(order(number, fee_exact=number * 2**40))
        holders = ", ".join(["%s"] * len(row))
        plain.execute(f"INSERT INTO orders ({names}) VALUES ({holders})", as_it_was(row))
    async with PostgresOrderStore(config) as orders:
        await orders.save([order(2, version=2, fee_exact=FEE_EXACT_MAX), order(3)])
        wanted = [order(1, fee_exact=2**40), order(2, version=2, fee_exact=FEE_EXACT_MAX), order(3)]
        assert list((await orders.find(OrderQuery())).items) == wanted
    assert plain.execute("SELECT pg_typeof(fee_exact)::text FROM orders").fetchone() == ("text",)


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
