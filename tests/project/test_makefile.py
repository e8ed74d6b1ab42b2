"""`make` says what is missing on a machine, and keeps its list of commands."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with what `make` reads, and no environment."""
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def make(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    # The make that runs these tests would hand its own flags on.
    environ = {name: value for name, value in os.environ.items() if "MAKE" not in name}
    return subprocess.run(
        ["make", *words], cwd=folder, env=environ, capture_output=True, text=True, check=False
    )


def script(folder: Path, body: str) -> str:
    path = folder / "fake-python"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return str(path)


def test_a_missing_python_is_named(checkout: Path) -> None:
    done = make(checkout, "test", "PYTHON=/no/such/python3")
    assert done.returncode != 0
    assert "There is no /no/such/python3" in done.stderr


def test_an_old_python_is_refused(checkout: Path) -> None:
    old = script(checkout, 'if [ "$1" = --version ]; then echo Python 3.10.1; else exit 1; fi')
    done = make(checkout, "test", f"PYTHON={old}")
    assert done.returncode != 0
    assert "Python 3.10.1 is too old: Python 3.11 or newer is needed" in done.stderr


def test_a_missing_venv_module_is_named_with_its_remedy(checkout: Path) -> None:
    bare = script(checkout, 'case "$2" in *ensurepip*) exit 1;; *) exit 0;; esac')
    done = make(checkout, "run", f"PYTHON={bare}")
    assert done.returncode != 0
    assert "apt install python3-venv" in done.stderr


def test_the_list_of_commands_names_each_one(checkout: Path) -> None:
    shown = make(checkout).stdout
    text = (checkout / "Makefile").read_text()
    plumbing = re.compile("venv|with-.*")
    phony = re.findall(r"^\.PHONY: (.*)$", text, re.MULTILINE)
    commands = [one for line in phony for one in line.split() if not plumbing.fullmatch(one)]
    assert "run" in commands
    assert [one for one in commands if f"make {one} " not in shown] == []


def test_an_interrupted_environment_is_made_anew(checkout: Path) -> None:
    broken = checkout / ".venv" / "bin"
    broken.mkdir(parents=True)
    (broken / "python").symlink_to("/no/such/python3")
    done = make(checkout, "venv")
    assert done.returncode == 0, done.stderr
    assert "Making the environment" in done.stdout
    assert make(checkout, "venv").stdout.strip() in ("", "make: Nothing to be done for 'venv'.")
