"""`pmengine` as a program: its help, its page, wrong settings, and a port that is taken."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main

from pmengine.cli import NEEDED
from pmengine.cli.application import application
from pmengine.cli.exits import Exit
from tests.architecture.rooms import OPTIONAL

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "engine-cli.md"


MAIN = "from pmengine.cli import main; main()"


def pmengine(
    *words: str, cwd: Path, program: str = MAIN, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program, *words],
        cwd=cwd,
        env=os.environ | {"COLUMNS": "200"} | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def commands() -> list[str]:
    group = typer.main.get_command(application)
    return sorted(getattr(group, "commands", {}))


def test_every_command_and_exit_code_is_on_the_page() -> None:
    text = PAGE.read_text()
    assert sorted(re.findall(r"^## `pmengine (\w+)", text, re.MULTILINE)) == commands()
    for code in Exit:
        assert f"| {code.value} | {code.name} |" in text


@pytest.mark.parametrize("command", commands())
def test_help_shows_an_example(command: str, tmp_path: Path) -> None:
    shown = pmengine(command, "--help", cwd=tmp_path)
    assert shown.returncode == 0
    assert f"pmengine {command}" in shown.stdout.split("Examples")[-1]


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        ("typer", ["--help"]),
        ("structlog", ["demo", "--exit"]),
        ("starlette", ["up"]),
        ("cryptography", ["key", "list"]),
    ],
)
def test_where_a_part_of_its_extra_is_missing_a_command_says_what_to_install(
    missing: str, words: list[str], tmp_path: Path
) -> None:
    program = f"import sys; sys.modules[{missing!r}] = None; {MAIN}"
    ran = pmengine(*words, cwd=tmp_path, program=program)
    assert ran.returncode == Exit.MISSING, ran.stderr
    assert ran.stderr == "The command pmengine needs an extra: pip install 'pmstore[engine]'\n"


def test_every_package_that_only_the_extra_brings_is_known_as_such() -> None:
    of_the_command = {
        name
        for name, users in OPTIONAL.items()
        if any(room.startswith("pmengine") and room != "pmengine.client" for room in users)
    }
    assert of_the_command == NEEDED


def test_wrong_settings_are_all_named_and_nothing_is_made(tmp_path: Path) -> None:
    ran = pmengine(
        "up", cwd=tmp_path, ENGINE_TIK_MS="5", API_PORT="99999", DATA_DIR=str(tmp_path / "data")
    )
    assert ran.returncode == Exit.USAGE
    assert "ENGINE_TIK_MS" in ran.stderr
    assert "ENGINE_TICK_MS" in ran.stderr
    assert "API_PORT" in ran.stderr
    assert not (tmp_path / "data").exists()


def test_an_address_that_others_reach_is_refused_without_auth(tmp_path: Path) -> None:
    ran = pmengine("up", cwd=tmp_path, API_HOST="0.0.0.0", DATA_DIR=str(tmp_path / "data"))
    assert ran.returncode == Exit.USAGE
    assert "127.0.0.1" in ran.stderr


def test_a_port_that_is_taken_is_said_in_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ran = pmengine("up", "--port", str(port), cwd=tmp_path, DATA_DIR=str(tmp_path / "data"))
    assert ran.returncode == Exit.STOPPED
    assert f"127.0.0.1 port {port}" in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize("command", ["up", "run engine", "demo"])
def test_a_port_that_is_none_is_said_before_anything_is_made(command: str, tmp_path: Path) -> None:
    ran = pmengine(*command.split(), "--port", "65536", cwd=tmp_path)
    assert ran.returncode == Exit.USAGE
    assert "--port" in ran.stderr
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where the folder should be")
    ran = pmengine("up", "--port", "0", cwd=tmp_path, DATA_DIR=str(tmp_path / "data"))
    assert ran.returncode == Exit.STOPPED
    assert "data" in ran.stderr
    assert "Traceback" not in ran.stderr
