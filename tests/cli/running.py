"""Runs commands of `pmstore`: in this process, or as a program of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from typer.testing import CliRunner, Result

from pmstore.cli.application import application
from pmstore.cli.exits import Exit

MAIN = "from pmstore.cli import main; main()"


def run(*words: str, code: Exit | None = Exit.FINE) -> Result:
    """Run a command here; it must end with *code*, None for any."""
    result = CliRunner().invoke(application, list(words))
    assert code is None or result.exit_code == code, (
        result.output,
        result.stderr,
        result.exception,
    )
    return result


def document(*words: str, code: Exit = Exit.FINE) -> Any:
    """The JSON document that a command prints."""
    return json.loads(run(*words, "--json", code=code).stdout)


def lines(*words: str, code: Exit | None = Exit.FINE) -> list[Any]:
    """The JSON documents that a command prints, one a line."""
    return [json.loads(line) for line in run(*words, "--json", code=code).stdout.splitlines()]


def program(*words: str, **options: Any) -> subprocess.Popen[str]:
    """The command as a process."""
    return subprocess.Popen(
        [sys.executable, "-c", MAIN, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )
