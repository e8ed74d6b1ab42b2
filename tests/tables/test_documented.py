"""The page about the tables says what the tables are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pmstore.tables.catalogue import CATALOGUE
from pmstore.tables.schema import REVISIONS

PAGE = (Path(__file__).parents[2] / "docs/reference/sql-tables.md").read_text(encoding="utf-8")
pytestmark = pytest.mark.docs


def rows(heading: str) -> list[list[str]]:
    """The cells of the table under *heading*."""
    section = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def words(cell: str) -> list[str]:
    return re.findall(r"`(\w+)`", cell)


def test_every_table_is_documented_with_its_columns() -> None:
    documented = {
        words(row[0])[0]: (sorted(words(row[1])), sorted(words(row[2]))) for row in rows("Tables")
    }
    assert documented == {
        table.name: (
            sorted(column.name for column in table.primary_key),
            sorted(column.name for column in table.columns if not column.primary_key),
        )
        for table in CATALOGUE.tables.values()
    }


def test_every_index_is_documented_with_its_columns() -> None:
    documented = {words(row[0])[0]: words(row[1]) for row in rows("Indexes")}
    assert documented == {
        str(index.name): [column.name for column in index.columns]
        for table in CATALOGUE.tables.values()
        for index in table.indexes
    }


def test_every_revision_is_documented() -> None:
    assert tuple(row[0] for row in rows("Revisions")) == REVISIONS
