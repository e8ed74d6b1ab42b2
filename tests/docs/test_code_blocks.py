"""The Python code of the documentation runs."""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path) -> list[tuple[int, str]]:
    """The Python blocks of *page*, each with the number of its first line."""
    text = page.read_text(encoding="utf-8")
    return [(text.count("\n", 0, one.start(1)) + 1, one[1]) for one in BLOCK.finditer(text)]


# These speak to an exchange that runs: `tests/client` starts one for them.
OF_AN_EXCHANGE = {ROOT / "docs" / "how-to" / "use-the-client.md"}
WITH_CODE = [page for page in PAGES if blocks(page) and page not in OF_AN_EXCHANGE]


def run(page: Path) -> None:
    """
    Run the blocks of *page* one after another in one namespace.

    `await` may stand anywhere, and a block may call `asyncio.run` itself.
    """
    namespace: dict[str, object] = {"__name__": page.stem}
    for line, code in blocks(page):
        compiled = compile(
            "\n" * (line - 1) + code, str(page), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        )
        result = eval(compiled, namespace)
        if inspect.iscoroutine(result):
            asyncio.run(result)


@pytest.mark.docs
@pytest.mark.parametrize("page", WITH_CODE, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_code_of_a_page_runs_and_runs_again(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run(page)
    run(page)


@pytest.mark.docs
def test_a_page_whose_code_is_wrong_fails(tmp_path: Path) -> None:
    page = tmp_path / "wrong.md"
    page.write_text("```python\nx = 1\n```\ntext\n```python\nassert x == 2\n```\n")
    with pytest.raises(AssertionError) as caught:
        run(page)
    assert caught.traceback[-1].lineno == 5


@pytest.mark.docs
def test_links_between_pages_lead_somewhere() -> None:
    lost = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in PAGES
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8"))
        if "://" not in target and not (page.parent / target).exists()
    ]
    assert not lost
