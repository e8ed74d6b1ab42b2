"""The migrations lead to the tables as they are described, in both databases."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import typing
from contextlib import closing
from pathlib import Path

import attrs
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, Table, create_engine
from sqlalchemy.pool import NullPool

from pmstore import Balance, LedgerEntry, Order, Trade, open_order_store
from pmstore.backends.sqlite import SqliteOrderStore
from pmstore.errors import SettingsError
from pmstore.models.query import OrderQuery
from pmstore.models.units import FEE_EXACT_MAX
from pmstore.storage import ORDER_COLUMNS, order_row
from pmstore.tables import migrating
from pmstore.tables.catalogue import CATALOGUE
from pmstore.tables.migrating import current_revision, scripts, upgrade
from pmstore.tables.schema import NEWEST, REVISIONS, VERSION_TABLE, needs_migration
from pmstore.testing.samples import order

MIGRATE_AT_ONCE = """
import asyncio, sys
from pmstore.backends.sqlite import SqliteOrderStore
from pmstore.testing.samples import order

async def main():
    sys.stdin.readline()
    async with SqliteOrderStore(sys.argv[1]) as orders:
        await orders.save([order(int(sys.argv[2]))])

import pmstore.tables.migrating
print("ready", flush=True)
asyncio.run(main())
"""


INDEXES = "SELECT name, sql FROM sqlite_master WHERE type = 'index' ORDER BY name"


@pytest.fixture
def engine(tmp_path: Path) -> typing.Iterator[Engine]:
    made = create_engine(f"sqlite:///{tmp_path / 'x.db'}", poolclass=NullPool)
    yield made
    made.dispose()


def test_the_known_revisions_are_those_of_the_scripts() -> None:
    found = [script.revision for script in scripts().walk_revisions()]
    assert tuple(reversed(found)) == REVISIONS
    assert REVISIONS[-1] == NEWEST


def test_a_migrated_database_has_the_described_tables(engine: Engine) -> None:
    with engine.begin() as connection:
        assert current_revision(connection) is None
        assert upgrade(connection, where="x") == (None, NEWEST)
        assert current_revision(connection) == NEWEST
        assert upgrade(connection, where="x") == (NEWEST, NEWEST)
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        assert compare_metadata(context, CATALOGUE) == []


def test_a_migration_that_fails_leaves_nothing(tmp_path: Path) -> None:
    file = tmp_path / "x.db"
    with closing(sqlite3.connect(file)) as connection:
        # In the way of the last table but some.
        connection.execute("CREATE TABLE notes (x)")
    with pytest.raises(Exception, match="already exists"):
        asyncio.run(_opened(file))
    with closing(sqlite3.connect(file)) as connection:
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        assert names.fetchall() == [("notes",)]
        connection.execute("DROP TABLE notes")
    asyncio.run(_opened(file))


def test_exact_fees_of_the_first_tables_are_kept_and_may_grow(
    tmp_path: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as earlier, engine.begin() as connection:
        earlier.setattr(migrating, "NEWEST", "0001")
        assert upgrade(connection, where="x") == (None, "0001")
    file = tmp_path / "x.db"
    at = ORDER_COLUMNS.index("fee_exact")
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        for number in (1, 2):
            row = list(order_row(order(number, fee_exact=number * 2**40)))
            row[at] = int(row[at])
            holders = ", ".join("?" * len(row))
            names = ", ".join(ORDER_COLUMNS)
            connection.execute(f"INSERT INTO orders ({names}) VALUES ({holders})", row)
        indexes = connection.execute(INDEXES).fetchall()
    wanted = [order(1, fee_exact=2**40), order(2, version=2, fee_exact=FEE_EXACT_MAX), order(3)]

    async def migrated() -> list[Order]:
        async with SqliteOrderStore(file) as orders:
            await orders.save(wanted[1:])
            return list((await orders.find(OrderQuery())).items)

    assert asyncio.run(migrated()) == wanted
    with closing(sqlite3.connect(file)) as connection:
        assert set(connection.execute(INDEXES).fetchall()) >= set(indexes)


async def _opened(file: Path) -> None:
    async with SqliteOrderStore(file) as orders:
        await orders.save([order(1)])


def test_processes_that_open_an_empty_file_at_once_migrate_it_once(tmp_path: Path) -> None:
    file = tmp_path / "x.db"
    children = [
        subprocess.Popen(
            [sys.executable, "-c", MIGRATE_AT_ONCE, str(file), str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(4)
    ]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    ends = [child.communicate(timeout=60) for child in children]
    assert [child.returncode for child in children] == [0] * 4, ends
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT count(*) FROM orders").fetchone() == (4,)


def test_opening_a_current_file_imports_no_migrations(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'x.db'}"
    program = (
        "import asyncio, sys, pmstore\n"
        "async def main():\n"
        f"    async with pmstore.open_order_store({url!r}) as orders:\n"
        "        await orders.get(['x'])\n"
        "asyncio.run(main())\n"
        "print(sorted({'alembic', 'sqlalchemy', 'sqlmodel'} & set(sys.modules)))\n"
    )

    def imported() -> str:
        run = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True
        )
        return run.stdout.strip()

    assert "alembic" in imported()
    assert imported() == "[]"


@pytest.mark.parametrize("found", [None, *REVISIONS[:-1]])
def test_what_is_older_is_migrated(found: str | None) -> None:
    assert needs_migration(found, where="x")
    assert not needs_migration(NEWEST, where="x")


def test_what_is_newer_is_refused_with_the_next_step() -> None:
    with pytest.raises(SettingsError, match=r"x\.db.*9999.*Install that version"):
        needs_migration("9999", where="x.db")


FIELDS = {
    "orders": (Order, {"symbol": ["event_id", "market_id", "token_id"], "group": ["order_group"]}),
    "trades": (
        Trade,
        {
            "symbol": ["event_id", "market_id", "token_id"],
            "maker_symbol": ["maker_event_id", "maker_market_id", "maker_token_id"],
        },
    ),
    "balances": (Balance, {}),
    "ledger_entries": (LedgerEntry, {"transaction": ["transaction_line"]}),
}


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_has_its_column_and_integers_have_64_bits(name: str) -> None:
    model, spread = FIELDS[name]
    table: Table = CATALOGUE.tables[name]
    columns: list[str] = []
    for field in attrs.fields(model):
        columns += spread.get(field.name, [field.name])
    assert sorted(columns) == sorted(table.columns.keys())
    hints = typing.get_type_hints(model)
    for field, hint in hints.items():
        if field in spread and field != "group":
            continue
        column = table.columns[spread.get(field, [field])[0]]
        assert column.nullable == (type(None) in typing.get_args(hint)), field
        if field == "fee_exact":
            assert str(column.type) == "TEXT"  # it may have more
        elif hint in (int, int | None):
            assert str(column.type) == "BIGINT", field


async def test_tables_can_be_asked_by_sqlmodel(tmp_path: Path) -> None:
    from sqlmodel import Session, select

    from pmstore.tables.orders import OrderRow

    file = tmp_path / "x.db"
    async with open_order_store(f"sqlite:///{file}") as orders:
        await orders.save([order(1, group="g"), order(2)])
    made = create_engine(f"sqlite:///{file}", poolclass=NullPool)
    with Session(made) as session:
        found = session.exec(select(OrderRow).where(OrderRow.user_id == "user_1")).all()
    assert [(row.id, row.order_group, row.post_only) for row in found] == [("order_1", "g", False)]
    made.dispose()
