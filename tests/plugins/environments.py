"""Throw-away environments with distributions of this repository, made without an index."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

ROOT = Path(__file__).parents[2]


def build_wheel(source: Path, folder: Path) -> Path:
    """The pure wheel of the distribution in *source*, by the hatchling of this environment."""
    before = set(folder.glob("*.whl"))
    command = ["-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    options = ["--disable-pip-version-check", "--wheel-dir", str(folder), str(source)]
    done = subprocess.run(
        [sys.executable, *command, *options],
        env={**os.environ, "PMENGINE_PURE": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = set(folder.glob("*.whl")) - before
    return wheel


class Environment:
    """
    A virtual environment with nothing but given wheels and, behind them, our dependencies.

    The dependencies are those of the environment that the tests run in; its pmstore and its
    plugins are not there.
    """

    def __init__(self, folder: Path, wheels: list[Path]) -> None:
        """Make it in *folder* and install *wheels*."""
        venv.create(folder, with_pip=False, symlinks=True)
        self._bin = folder / "bin"
        done = subprocess.run(
            [sys.executable, "-m", "pip", "--python", str(self._bin / "python"), "install"]
            + ["--quiet", "--no-deps", "--no-index", "--disable-pip-version-check"]
            + [str(wheel) for wheel in wheels],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        variables = {"base": str(folder), "platbase": str(folder)}
        site = Path(sysconfig.get_path("purelib", scheme="venv", vars=variables))
        behind = folder / "behind"
        behind.mkdir()
        for entry in Path(sysconfig.get_path("purelib")).iterdir():
            if not entry.name.startswith(("pmstore", "_pmstore", "__pycache__")):
                (behind / entry.name).symlink_to(entry)
        # A folder named in a .pth file is searched last.
        (site / "behind.pth").write_text(f"{behind}\n")

    def run(self, *command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        """Run a command of the environment (`python`, `pmstore`, …) in *cwd*."""
        path = self._bin / command[0]
        # Scripts of the dependencies behind are not here; their modules are.
        program = [str(path)] if path.exists() else [str(self._bin / "python"), "-m", command[0]]
        return subprocess.run(
            [*program, *command[1:]],
            cwd=cwd,
            capture_output=True,
            text=True,
            env={"PATH": f"{self._bin}:/usr/bin:/bin", "COLUMNS": "200", "HOME": str(cwd)},
        )
