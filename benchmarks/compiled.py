"""Measures the same in the environment that has the compiled wheel, as a program of its own."""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path
from typing import Final

import attrs

import pmengine
from benchmarks.measuring import Figure

_WHERE: Final = (
    "import pmengine; from pmengine.compiled import describe, is_compiled; "
    "print(pmengine.__file__, is_compiled(), describe(), sep='\\n')"
)


class NotCompiled(Exception):
    """An interpreter was named for compiled code, and has none."""


@attrs.frozen
class CompiledEnvironment:
    """An interpreter beside which the compiled wheel is installed."""

    python: Path
    described: str
    """What `pmengine --version` says there."""
    outdated: tuple[str, ...]
    """Modules of pmengine that the wheel was built from and that are others by now."""


def compiled_environment(python: Path) -> CompiledEnvironment:
    """
    What *python* runs.

    Raises:
        NotCompiled: It runs no compiled engine, or none at all.
    """
    done = subprocess.run([python, "-c", _WHERE], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise NotCompiled(f"{python} cannot run pmengine: {done.stderr.strip()}")
    place, is_compiled, described = done.stdout.splitlines()
    if is_compiled != "True":
        raise NotCompiled(f"{python} runs {described}; `make compiled` makes what is needed")
    ours, theirs = Path(pmengine.__file__).parent, Path(place).parent
    outdated = tuple(
        str(path.relative_to(ours))
        for path in sorted(ours.rglob("*.py"))
        if not _are_same(path, theirs / path.relative_to(ours))
    )
    return CompiledEnvironment(python, described, outdated)


def measure_compiled(name: str, environment: CompiledEnvironment, *, quick: bool) -> list[Figure]:
    """The figures of the benchmark *name* on the compiled engine."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "figures.json")
        options = ["--quick"] if quick else []
        subprocess.run(
            [environment.python, "-m", "benchmarks", name, "--json", path, *options],
            cwd=Path(__file__).parents[1],
            stdout=subprocess.DEVNULL,
            check=True,
        )
        written = json.loads(path.read_text(encoding="utf-8"))["figures"]
    fields = [field.name for field in attrs.fields(Figure)]
    return [Figure(**{field: one[field] for field in fields}) for one in written]


def _are_same(one: Path, other: Path) -> bool:
    return other.exists() and one.read_bytes() == other.read_bytes()
