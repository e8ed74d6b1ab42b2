"""`pmengine --version` says which code runs."""

from __future__ import annotations

import re

from typer.testing import CliRunner

from pmengine.cli.application import application
from pmengine.compiled import is_compiled


def test_the_version_says_whether_compiled_code_runs() -> None:
    shown = CliRunner().invoke(application, ["--version"])
    assert shown.exit_code == 0
    how = "compiled by mypyc [0-9.]+ and .+" if is_compiled() else "interpreted: .+"
    assert re.fullmatch(rf"pmengine [0-9.]+, {how}; CPython 3[0-9.]+\n", shown.stdout)
