"""Continuous integration fails when a part of it fails, and still runs the rest."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / ".ci" / "run"


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
        'case "$*" in *types) name=check ;; *) name="$*" ;; esac\n'
        'echo "ran $name on ${PM_SERVERS:-none}"\n'
        f'[ {failing} != all ] && [ {failing} != "$name" ] && exit 0\n'
        'echo "why $name" >>"$PM_FAILED"\n'
        "exit 1\n"
    )
    make.chmod(0o755)
    for server in ("redis-server", "postgres", "nats-server", "chromium", "npm", "cc"):
        (tmp_path / server).write_text("")
        (tmp_path / server).chmod(0o755)
    outside = {name: value for name, value in os.environ.items() if not name.startswith("PM_")}
    environ = {**outside, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run([SCRIPT], env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == code
    ran = ["web-check on none", "test on system", "test-wheels on none"]
    ran += ["test-compiled on none", "check on none"]
    assert "".join(f"ran {one}\n" for one in ran) in done.stdout
    assert said in done.stdout + done.stderr
    assert code == 0 or done.stderr.endswith(f"why {said.split()[-1]}\n{said}\n")


OF_EACH_KIND = """
import pytest

def test_right():
    pass

def test_wrong():
    assert 1 + 1 == 3

@pytest.fixture
def server():
    raise RuntimeError("no server")

def test_without(server):
    pass
"""


def test_what_failed_is_written_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "test_kinds.py").write_text(OF_EACH_KIND)
    told = tmp_path / "failed.txt"
    outside = {name: value for name, value in os.environ.items() if "PYTEST_" not in name}
    subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-c", "/dev/null", tmp_path],
        cwd=ROOT,
        env={**outside, "PM_FAILED": str(told)},
        capture_output=True,
        check=False,
    )
    assert told.read_text().split("\n") == [
        "test_kinds.py::test_wrong",
        "    assert (1 + 1) == 3",
        "test_kinds.py::test_without",
        "    RuntimeError: no server",
        "",
    ]


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
