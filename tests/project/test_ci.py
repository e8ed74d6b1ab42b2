"""Continuous integration fails when a part of it fails, and still runs the rest."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / ".ci" / "run"


@pytest.mark.parametrize(
    ("failing", "code", "said"),
    [
        ("none", 0, "passed: test check"),
        ("test", 1, "FAILED: test"),
        ("check", 1, "FAILED: check"),
        ("all", 1, "FAILED: test check"),
    ],
)
def test_it_says_what_failed(tmp_path: Path, failing: str, code: int, said: str) -> None:
    make = tmp_path / "make"
    make.write_text(
        '#!/bin/sh\nfor last in "$@"; do :; done\necho ran $last\n'
        f'[ {failing} != all ] && [ {failing} != "$last" ]\n'
    )
    make.chmod(0o755)
    environ = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run([SCRIPT], env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert "ran test\nran check\n" in done.stdout
    assert said in done.stdout + done.stderr
