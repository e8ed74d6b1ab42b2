"""The reference page of the kit says what the kit does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import pytest

from pmstore import testing
from pmstore.testing import Clauses, Rig
from pmstore.testing.documentation import clause_table
from pmstore.testing.fault_proxy import Script
from pmstore.testing.faults import Fault

pytestmark = pytest.mark.docs
PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "conformance-kit.md").read_text(
    encoding="utf-8"
)
ALL_CLAUSES = [getattr(testing, name) for name in testing.__all__ if name.endswith("_clauses")]


@pytest.mark.parametrize("clauses", ALL_CLAUSES, ids=lambda clauses: clauses.contract)
def test_every_clause_is_listed_with_its_law(clauses: Clauses[Any]) -> None:
    table = clause_table(clauses)
    assert f"`{clauses.contract}`" in PAGE
    assert table in PAGE, f"docs/reference/conformance-kit.md: its table is\n\n{table}\n"


def test_no_clause_is_listed_that_does_not_exist() -> None:
    listed = [line for line in PAGE.splitlines() if line.startswith("| `") and line.count("|") == 4]
    wanted = sum(len(clauses) for clauses in ALL_CLAUSES)
    assert len(listed) == wanted


@pytest.mark.parametrize("field", [field.name for field in attrs.fields(Rig)])
def test_every_declaration_is_documented(field: str) -> None:
    assert f"\n- `{field}`" in PAGE


@pytest.mark.parametrize("name", [one for one in testing.__all__ if not one.endswith("_clauses")])
def test_every_public_name_is_mentioned(name: str) -> None:
    assert f"`{name}" in PAGE


@pytest.mark.parametrize("fault", list(Fault), ids=lambda one: one.name)
def test_every_fault_is_documented(fault: Fault) -> None:
    assert f"`{fault.name}`" in PAGE


@pytest.mark.parametrize("field", [field.name for field in attrs.fields(Script)])
def test_every_part_of_a_script_is_documented(field: str) -> None:
    assert f"`{field}`" in PAGE
