"""A plugin is a third party: it imports what pmstore offers to authors, and nothing beneath."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

PLUGINS = Path(__file__).parents[2] / "plugins"
DISTRIBUTIONS = sorted(path.parent for path in PLUGINS.glob("*/pyproject.toml"))
FACE = {
    "pmstore",
    "pmstore.codec",
    "pmstore.errors",
    "pmstore.plugin",
    "pmstore.storage",
    "pmstore.testing",
    "pmstore.testing.servers",
    "pmstore.testing.servers.process",
}


def imported(source: str) -> Iterator[tuple[int, str]]:
    """The modules that *source* imports, each with its line."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, "." * node.level + (node.module or "")
            if node.module == "pmstore":
                # `from pmstore import codec` imports a module too.
                yield from (
                    (node.lineno, f"pmstore.{alias.name}")
                    for alias in node.names
                    if alias.name.islower()
                    and (PLUGINS.parent / "src/pmstore" / alias.name).exists()
                )


def beneath_the_face(source: str) -> list[str]:
    """The imports of *source* that no author may rely on."""
    return [
        f"line {line}: {module}"
        for line, module in imported(source)
        if module.partition(".")[0] in ("pmstore", "pmengine") and module not in FACE
    ]


@pytest.mark.parametrize("folder", DISTRIBUTIONS, ids=lambda folder: folder.name)
def test_a_plugin_imports_the_public_face_alone(folder: Path) -> None:
    files = sorted(folder.rglob("*.py"))
    assert files
    found = {
        str(path.relative_to(folder)): problems
        for path in files
        if (problems := beneath_the_face(path.read_text(encoding="utf-8")))
    }
    assert found == {}


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("import pmstore.backends.memory", "line 1: pmstore.backends.memory"),
        ("x = 1\nfrom pmstore.models.order import Order", "line 2: pmstore.models.order"),
        ("from pmstore import backends", "line 1: pmstore.backends"),
        ("import pmengine", "line 1: pmengine"),
    ],
)
def test_an_import_beneath_the_face_is_found(source: str, problem: str) -> None:
    assert beneath_the_face(source) == [problem]


def test_imports_of_the_face_are_fine() -> None:
    source = (
        "import pmstore\nfrom pmstore import Order, codec\nfrom pmstore.storage import Lifetime"
    )
    assert beneath_the_face(source) == []


@pytest.mark.parametrize("folder", DISTRIBUTIONS, ids=lambda folder: folder.name)
def test_a_plugin_is_a_distribution_of_its_own(folder: Path) -> None:
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["name"] == folder.name
    assert any(one.startswith("pmstore") for one in project["dependencies"])
    assert project["entry-points"]["pmstore.backends"]
    assert (folder / "README.md").is_file()
    package = folder / "src" / folder.name.replace("-", "_")
    assert (package / "py.typed").is_file()
    assert (folder / "tests" / "test_conformance.py").is_file()


@pytest.mark.parametrize("folder", DISTRIBUTIONS, ids=lambda folder: folder.name)
def test_every_module_of_a_plugin_says_what_it_is_for(folder: Path) -> None:
    for path in folder.rglob("*.py"):
        assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), path
