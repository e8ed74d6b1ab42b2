"""Continuous integration fails when a part of it fails, and still runs the rest."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / ".ci" / "run"


@pytest.mark.parametrize(
    ("failing", "code", "said"),
    [
        ("none", 0, "passed: web-check test test-wheels test-compiled check"),
        ("web-check", 1, "FAILED: web-check"),
        ("test", 1, "FAILED: test"),
        ("test-compiled", 1, "FAILED: test-compiled"),
        ("check", 1, "FAILED: check"),
        ("all", 1, "FAILED: web-check test test-wheels test-compiled check"),
    ],
)
def test_it_says_what_failed(tmp_path: Path, failing: str, code: int, said: str) -> None:
    make = tmp_path / "make"
    make.write_text(
        "#!/bin/sh\n"
        'case "$*" in web-check|test|test-compiled) name="$*" ;; test*) name=test-wheels ;; '
        "*) name=check ;; esac\n"
        'echo "ran $name on ${PM_SERVERS:-none}"\n'
        f'[ {failing} != all ] && [ {failing} != "$name" ]\n'
    )
    make.chmod(0o755)
    for server in ("redis-server", "postgres", "nats-server", "chromium", "npm", "cc"):
        (tmp_path / server).write_text("")
        (tmp_path / server).chmod(0o755)
    outside = {name: value for name, value in os.environ.items() if not name.startswith("PM_")}
    environ = {**outside, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run([SCRIPT], env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == code
    ran = ["web-check on none", "test on system", "test-wheels on wheels"]
    ran += ["test-compiled on none", "check on none"]
    assert "".join(f"ran {one}\n" for one in ran) in done.stdout
    assert said in done.stdout + done.stderr


def test_it_fails_where_a_server_is_missing_and_cannot_be_installed(tmp_path: Path) -> None:
    for name in ("dirname", "id", "sh"):
        (tmp_path / name).symlink_to(shutil.which(name) or name)
    done = subprocess.run(
        ["/bin/sh", SCRIPT],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "Missing: redis-server" in done.stderr
    assert "apt-get install" in done.stderr
