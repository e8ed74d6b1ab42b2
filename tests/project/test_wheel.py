"""A wheel is compiled where that can be done, pure where not, and tells which it is and why."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

OURS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LEFT_OUT = OURS["tool"]["hatch"]["build"]["targets"]["wheel"]["exclude"]
PROJECT = f"""
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "tiny"
version = "1"
requires-python = ">=3.11"
dependencies = ["attrs"]

[tool.hatch.build]
dev-mode-dirs = ["src"]

[tool.hatch.build.targets.wheel]
packages = ["src/tiny"]
exclude = {LEFT_OUT}

[tool.hatch.build.targets.wheel.hooks.custom]
source = "src"
record = "tiny/built.json"
needs = ["mypy[mypyc]"]
brings = ["librt"]
compiled = ["tiny.sums", "tiny.lots"]
"""
MODULES = {
    "__init__": "",
    "sums": "from tiny.lots import Lots\n\n\ndef total(one: Lots, two: Lots) -> int:\n"
    "    return one.count + two.count\n",
    "lots": "class Lots:\n    def __init__(self, count: int) -> None:\n"
    "        self.count = count\n",
    "plain": "def show() -> str:\n    return 'plain'\n",
}
RUN = (
    "import inspect, tiny.plain, tiny.sums as sums; from tiny.lots import Lots; "
    "print(sums.total(Lots(40), Lots(2)), inspect.isfunction(sums.total))"
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A small project that is built by our hook."""
    folder = tmp_path / "project"
    package = folder / "src" / "tiny"
    package.mkdir(parents=True)
    for name, text in MODULES.items():
        (package / f"{name}.py").write_text(text)
    (folder / "pyproject.toml").write_text(PROJECT)
    shutil.copy(ROOT / "hatch_build.py", folder)
    return folder


@pytest.fixture
def compiler() -> None:
    """A C compiler, or the reason why a test cannot run."""
    if not (os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc")):
        reason = "there is no C compiler"
        if "compiler" in os.environ.get("PM_REQUIRE", "").split(","):
            pytest.fail(reason)
        pytest.skip(reason)


class Built:
    """A wheel that was built, or what the build said when it failed."""

    def __init__(self, project: Path, call: str = "build_wheel", **environment: str) -> None:
        output = project.parent / "output"
        output.mkdir()
        outside = {name: value for name, value in os.environ.items() if "PMENGINE_" not in name}
        program = f"import hatchling.build as b; b.{call}({str(output)!r})"
        done = subprocess.run(
            [sys.executable, "-c", program],
            cwd=project,
            env={**outside, **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        self.failed = done.returncode != 0
        self.said = done.stdout + done.stderr
        self.name = next((path.name for path in output.iterdir()), "")
        self.unpacked = project.parent / "unpacked"
        self.files: set[str] = set()
        if self.name:
            with zipfile.ZipFile(output / self.name) as wheel:
                wheel.extractall(self.unpacked)
                self.files = set(wheel.namelist())

    @property
    def extensions(self) -> set[str]:
        return {name for name in self.files if name.endswith((".so", ".pyd", ".c"))}

    @property
    def requirements(self) -> list[str]:
        lines = (self.unpacked / "tiny-1.dist-info/METADATA").read_text().splitlines()
        return [line.split(": ")[1] for line in lines if line.startswith("Requires-Dist: ")]

    @property
    def reason(self) -> str:
        return str(json.loads((self.unpacked / "tiny/built.json").read_text())["reason"])

    def run(self) -> str:
        """What the wheel's own code answers, and whether it is a Python function that does."""
        done = subprocess.run(
            [sys.executable, "-c", RUN], cwd=self.unpacked, capture_output=True, text=True
        )
        return done.stdout.strip() or done.stderr


def tree(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


@pytest.mark.usefixtures("compiler")
def test_a_compiled_wheel_runs_compiled_and_leaves_the_sources_as_they_were(project: Path) -> None:
    before = tree(project)
    wheel = Built(project, PMENGINE_COMPILED="1")
    assert not wheel.failed, wheel.said
    assert tree(project) == before
    assert not wheel.name.endswith("-any.whl")
    for module in ("sums", "lots"):
        assert f"tiny/{module}{EXTENSION_SUFFIXES[0]}" in wheel.files
        assert f"tiny/{module}.py" in wheel.files
    assert "Root-Is-Purelib: false" in (wheel.unpacked / "tiny-1.dist-info/WHEEL").read_text()
    assert wheel.requirements == ["attrs", "librt"]
    assert wheel.run() == "42 False"
    record = json.loads((wheel.unpacked / "tiny/built.json").read_text())
    assert record["modules"] == ["tiny.sums", "tiny.lots"]
    assert record["mypyc"]
    assert record["compiler"]
    assert record["reason"] == ""


@pytest.mark.parametrize(
    ("environment", "reason"),
    [
        ({"CC": "/no/such/cc"}, "there is no C compiler (/no/such/cc was not found)"),
        ({"CC": "false"}, "the C compiler cannot be used: exit code 1"),
        ({"PMENGINE_PURE": "1"}, "PMENGINE_PURE is set"),
    ],
)
def test_a_wheel_that_cannot_be_compiled_is_pure_and_says_why(
    project: Path, environment: dict[str, str], reason: str
) -> None:
    wheel = Built(project, **environment)
    assert wheel.name == "tiny-1-py3-none-any.whl"
    assert wheel.extensions == set()
    assert wheel.requirements == ["attrs"]
    assert wheel.run() == "42 True"
    assert wheel.reason == reason
    assert reason in wheel.said


@pytest.mark.usefixtures("compiler")
def test_what_does_not_compile_makes_a_pure_wheel_that_says_so(project: Path) -> None:
    (project / "src/tiny/sums.py").write_text(MODULES["sums"] + "\nWRONG: int = 'text'\n")
    wheel = Built(project)
    assert wheel.name.endswith("-none-any.whl")
    assert wheel.extensions == set()
    assert "tiny/sums.py:7: error: Incompatible types" in wheel.reason
    assert wheel.run() == "42 True"


@pytest.mark.parametrize("environment", [{"CC": "/no/such/cc"}, {"PMENGINE_PURE": "1"}])
def test_a_build_that_must_compile_fails_where_it_cannot(
    project: Path, environment: dict[str, str]
) -> None:
    wheel = Built(project, PMENGINE_COMPILED="1", **environment)
    assert wheel.failed
    assert wheel.name == ""
    assert "PMENGINE_COMPILED is set, but the wheel cannot be compiled" in wheel.said


def test_what_was_compiled_in_place_gets_into_no_wheel(project: Path) -> None:
    for suffix in (EXTENSION_SUFFIXES[0], ".c", ".so"):
        (project / f"src/tiny/plain{suffix}").write_bytes(b"left behind")
    wheel = Built(project, PMENGINE_PURE="1")
    assert wheel.extensions == set()
    assert "tiny/plain.py" in wheel.files


def test_an_editable_install_runs_its_sources(project: Path) -> None:
    wheel = Built(project, "build_editable")
    assert not wheel.failed, wheel.said
    assert wheel.extensions == set()
    assert "tiny/built.json" not in wheel.files


@pytest.mark.usefixtures("compiler")
def test_a_build_asks_for_mypy_only_where_it_compiles(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = "import hatchling.build as b; print(b.get_requires_for_build_wheel())"

    def needed() -> str:
        done = subprocess.run(
            [sys.executable, "-c", program], cwd=project, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    monkeypatch.delenv("PMENGINE_PURE", raising=False)
    assert needed() == "['mypy[mypyc]', 'attrs']"
    monkeypatch.setenv("PMENGINE_PURE", "1")
    assert needed() == "[]"
