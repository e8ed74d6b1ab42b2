"""What a URL of the embedded backends can say stands on their pages, with its default."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import attrs
import pytest

from pmstore.backends.file.config import FileConfig
from pmstore.backends.memory.config import MemoryConfig
from pmstore.backends.sqlite.config import SqliteConfig

pytestmark = pytest.mark.docs
REFERENCE = Path(__file__).parents[2] / "docs" / "reference"


@pytest.mark.parametrize(
    ("page", "config"),
    [("memory.md", MemoryConfig), ("file-format.md", FileConfig), ("sql-tables.md", SqliteConfig)],
)
def test_every_parameter_stands_on_the_page_with_its_default(page: str, config: type[Any]) -> None:
    text = (REFERENCE / page).read_text(encoding="utf-8")
    tables = re.findall(r"^\| parameter \|.*\n\|[- |]+\|\n((?:\|.*\n)+)", text, re.MULTILINE)
    [table] = tables
    told = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", table, re.MULTILINE))
    wanted = {one.name: one.default for one in attrs.fields(config) if one.name != "path"}
    assert told.keys() == wanted.keys()
    for name, default in wanted.items():
        if isinstance(default, bool):
            assert told[name] == str(default).lower()
        elif isinstance(default, int | float):
            assert float(told[name]) == default
        else:
            assert told[name] == ("all" if default is None else default)
