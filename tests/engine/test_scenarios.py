"""The rules of the exchange, each as a table that reads like a ledger; see `scenario.py`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pmengine.facts import Refusal
from tests.engine.scenario import Scenario

FOLDER = Path(__file__).parents[1] / "matching" / "scenarios"
TABLES = {
    path.relative_to(FOLDER).with_suffix("").as_posix(): path for path in FOLDER.rglob("*.txt")
}


@pytest.mark.parametrize("name", sorted(TABLES))
def test_what_happens_is_what_the_table_says(name: str) -> None:
    wrong = [
        f"{name}:{number}: {text}\n    expected: {expected}\n    found:    {found}"
        for number, text, expected, found in Scenario(TABLES[name].read_text()).play()
        if expected != found
    ]
    assert wrong == [], "\n" + "\n".join(wrong)


def test_every_refusal_has_a_table_of_its_name() -> None:
    missing = {reason.name for reason in Refusal if f"refusals/{reason.name.lower()}" not in TABLES}
    assert missing == set()


def test_every_table_begins_with_its_rule_in_one_sentence() -> None:
    for name, path in TABLES.items():
        first = path.read_text().splitlines()[0]
        assert re.fullmatch(r"# [A-Z].*\.", first), name


@pytest.mark.parametrize(
    "said",
    ["a1 rests 10@4000", "a1 rests 10@5000, a1 filled", "done", "", "a1 rests 10@5000 | nothing"],
)
def test_a_table_that_says_otherwise_is_found(said: str) -> None:
    table = f"""
admin list 1/1 yes no     => done
ann deposit d 1000000     => done
ann buy a1 yes 10 @5000   => {said}
"""
    lines = list(Scenario(table).play())
    assert [line.number for line in lines if line.expected != line.found] == [4]
