"""The rules of the exchange, each as a table that reads like a ledger; see `scenario.py`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.scenario import Scenario

TABLES = sorted((Path(__file__).parent / "scenarios").glob("*.txt"))


@pytest.mark.parametrize("table", TABLES, ids=lambda path: path.stem)
def test_what_happens_is_what_the_table_says(table: Path) -> None:
    wrong = [
        f"{table.name}:{number}: {line}\n    expected: {expected}\n    found:    {found}"
        for number, line, expected, found in Scenario(table.read_text()).play()
        if expected != found
    ]
    assert wrong == [], "\n" + "\n".join(wrong)


def test_there_are_tables() -> None:
    assert len(TABLES) >= 15
