"""The reference pages and the code say the same."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest
import typer

from pmengine.settings import Settings
from pmstore import errors
from pmstore.cli.application import application
from pmstore.cli.exits import Exit
from pmstore.settings import Setting, StorageSettings, markdown_table, settings_of

pytestmark = pytest.mark.docs
REFERENCE = Path(__file__).parents[2] / "docs" / "reference"


def page(name: str) -> str:
    return (REFERENCE / name).read_text(encoding="utf-8")


STORAGE = settings_of(StorageSettings)
ENGINE = [one for one in settings_of(Settings) if one not in STORAGE]


@pytest.mark.parametrize(
    ("name", "settings"), [("settings.md", STORAGE), ("engine-settings.md", ENGINE)]
)
def test_every_setting_is_documented_as_it_is_declared(name: str, settings: list[Setting]) -> None:
    table = markdown_table(settings)
    assert table in page(name), f"docs/reference/{name}: its table is\n\n{table}\n"


def test_every_error_is_documented() -> None:
    raised = {
        name
        for name, one in inspect.getmembers(errors, inspect.isclass)
        if issubclass(one, (errors.PmstoreError, Warning))
    }
    assert {name for name in raised if f"`{name}`" not in page("errors.md")} == set()
    drawn = errors.__doc__ or ""
    assert {name for name in raised if name not in drawn and "Warning" not in name} == set()


def commands() -> list[tuple[str, list[str]]]:
    """Every command as it is typed, with its arguments and options."""
    found: list[tuple[str, list[str]]] = []

    def walk(command: object, words: str) -> None:
        inner = getattr(command, "commands", None)
        if inner:
            for name, one in inner.items():
                walk(one, f"{words} {name}")
            return
        params = [
            next((text for text in one.opts if text.startswith("--")), (one.name or "").upper())
            for one in command.params  # type: ignore[attr-defined]
        ]
        found.append((words, [one for one in params if one != "--help"]))

    walk(typer.main.get_command(application), "pmstore")
    return found


@pytest.mark.parametrize(("words", "params"), commands())
def test_every_command_is_documented_with_its_options(words: str, params: list[str]) -> None:
    headings = [
        line
        for line in page("cli.md").splitlines()
        if line.startswith((f"## `{words} ", f"## `{words}`"))
    ]
    assert len(headings) == 1, f"docs/reference/cli.md: there is no heading for {words}"
    where = "AS_JSON"
    assert [one for one in params if one not in headings[0] and one != where] == []
    assert "--json" in headings[0]


def test_every_documented_command_exists() -> None:
    headings = [line for line in page("cli.md").splitlines() if line.startswith("## `")]
    assert len(headings) == len(commands())


@pytest.mark.parametrize("code", list(Exit))
def test_every_exit_code_is_documented(code: Exit) -> None:
    assert f"| {code.value} | {code.name} |" in page("cli.md")


@pytest.mark.parametrize(
    ("name", "settings"), [("settings.md", STORAGE), ("engine-settings.md", ENGINE)]
)
def test_settings_that_are_not_declared_are_not_documented(
    name: str, settings: list[Setting]
) -> None:
    rows = [line for line in page(name).splitlines() if line.startswith("| `")]
    assert len(rows) == len(settings)
