"""What is said to run compiled is what the tests of the core run on."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from pmengine.compiled import build, describe, is_compiled
from pmengine.matching.ladder import Ladder

ROOT = Path(__file__).parents[2]


def test_a_method_is_a_python_function_only_where_the_ladder_is_interpreted() -> None:
    assert inspect.isfunction(Ladder.add) is not is_compiled()


def test_every_module_that_was_compiled_is_the_one_that_runs() -> None:
    for name in build().modules:
        source = import_module(name).__file__ or ""
        assert not source.endswith(".py"), f"{name} runs from {source}"


def test_what_runs_is_told_with_its_compiler_or_the_reason() -> None:
    if is_compiled():
        assert f"compiled by mypyc {build().mypyc} and {build().compiler}" in describe()
    else:
        assert f"interpreted: {build().reason}" in describe()


@pytest.mark.parametrize("asked", ["compiled", "interpreted"])
def test_tests_refuse_to_run_on_other_code_than_was_asked_for(asked: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "-n", "0", __file__],
        cwd=ROOT,
        env={**os.environ, "PM_CODE": asked},
        capture_output=True,
        text=True,
        check=False,
    )
    if is_compiled() is (asked == "compiled"):
        assert done.returncode == pytest.ExitCode.OK, done.stdout + done.stderr
    else:
        assert done.returncode == pytest.ExitCode.USAGE_ERROR
        assert f"PM_CODE={asked}, but what is installed is pmengine" in done.stderr
