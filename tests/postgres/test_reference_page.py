"""docs/reference/postgres.md and the code say the same."""

from __future__ import annotations

import re
from pathlib import Path

import attrs
import psycopg
import pytest

from pmstore.backends.postgres import PostgresConfig, PostgresOrderStore

pytestmark = pytest.mark.docs
PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "postgres.md").read_text("utf-8")


def test_every_parameter_is_documented_with_its_default() -> None:
    parts = {"user", "password", "host", "port", "path"}
    wanted = {
        field.name: field.default
        for field in attrs.fields(PostgresConfig)
        if field.name not in parts
    }
    section = PAGE.partition("## Parameters")[2].partition("\n## ")[0]
    found = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", section, re.MULTILINE))
    assert found.keys() == wanted.keys()
    for name, default in wanted.items():
        if isinstance(default, bool):
            assert found[name] == str(default).lower()
        elif isinstance(default, float | int):
            assert float(found[name]) == default
        elif default is not None:
            assert found[name] == default


async def test_every_table_is_documented(
    config: PostgresConfig, plain: psycopg.Connection[tuple[object, ...]]
) -> None:
    async with PostgresOrderStore(config):
        pass
    rows = plain.execute(
        "SELECT relname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace "
        "WHERE nspname = current_schema() AND relkind IN ('r', 'p')"
    ).fetchall()
    assert {str(row[0]) for row in rows if f"`{row[0]}`" not in PAGE} == set()
