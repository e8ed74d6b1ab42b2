"""Everything that is there to be read, or to be called, stands in its list."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.architecture import rooms

pytestmark = pytest.mark.docs
ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def test_every_page_stands_in_the_index() -> None:
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    pages = [
        path.relative_to(DOCS).as_posix()
        for path in DOCS.glob("*/*.md")
        if path.parent.name != "adr"
    ]
    assert [page for page in sorted(pages) if f"]({page})" not in index] == []


def test_the_floor_plan_names_the_public_face_that_pmengine_uses() -> None:
    plan = (DOCS / "explanation" / "floor-plan.md").read_text(encoding="utf-8")
    face = plan[plan.index("**The public face**") :]
    named = re.findall(r"`pmstore\.(\w+)`", face)
    assert named[-4:] == ["plugin", "storage", "sync", "testing"]
    assert set(named[:-4]) == rooms.PMENGINE_SEES_OF_PMSTORE - {""}
