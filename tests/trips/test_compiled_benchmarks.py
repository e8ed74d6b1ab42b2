"""Benchmarks of the engine are run on the compiled wheel too, and on nothing that is not one."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import main
from benchmarks.compiled import CompiledEnvironment, measure_compiled
from pmengine.compiled import is_compiled


@pytest.mark.skipif(is_compiled(), reason="needs an interpreter without compiled code: this one")
def test_interpreted_code_is_never_shown_as_compiled(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["ladder", "--compiled", sys.executable])
    said = capsys.readouterr().err
    assert "interpreted: " in said
    assert "`make compiled` makes what is needed" in said


def test_an_interpreter_that_does_not_have_pmengine_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n')
    python.chmod(0o755)
    with pytest.raises(SystemExit):
        main(["ladder", "--compiled", str(python)])
    assert "cannot run pmengine: " in capsys.readouterr().err


@pytest.mark.slow
def test_the_figures_of_another_interpreter_are_those_that_it_measured() -> None:
    environment = CompiledEnvironment(Path(sys.executable), "this one", ())
    figures = measure_compiled("memory", environment, quick=True)
    assert [one.name for one in figures] == [
        "memory, ladder",
        "memory, engine",
        "memory, ids",
        "memory, engine beyond ids",
    ]
    assert all(one.value > 0 for one in figures)
