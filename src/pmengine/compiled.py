"""Says whether the engine's hot modules run compiled, and how this pmengine was built."""

from __future__ import annotations

import json
import platform
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES
from importlib.metadata import version as version_of
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import attrs

__all__ = ["Build", "build", "describe", "is_compiled"]

_RECORD: Final = Path(__file__).with_name("built.json")
"""Written into every wheel by the build hook; a source tree has none."""


@attrs.frozen(kw_only=True)
class Build:
    """
    What the build of the running pmengine recorded.

    `modules` are the compiled ones, with `mypyc` and `compiler` that made them; without any,
    `reason` says why.
    """

    modules: tuple[str, ...] = attrs.field(converter=tuple)
    mypyc: str
    compiler: str
    reason: str


_SOURCES: Final = Build(modules=(), mypyc="", compiler="", reason="it runs from its sources")


def build() -> Build:
    """How the running pmengine was built; an editable install was not."""
    if not _RECORD.exists():
        return _SOURCES
    return Build(**json.loads(_RECORD.read_text(encoding="utf-8")))


@cache
def is_compiled() -> bool:
    """
    Whether the hot modules run compiled in this process, all of them.

    Judged by the files that Python imports, and not by what the build recorded alone.
    """
    modules = build().modules
    return bool(modules) and all(map(_is_extension, modules))


def describe() -> str:
    """One line for people: the version, `compiled` or `interpreted`, and by what or why."""
    of = build()
    if is_compiled():
        how = f"compiled by mypyc {of.mypyc} and {of.compiler}"
    else:
        how = f"interpreted: {of.reason or 'its compiled modules are not the ones that run'}"
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"pmengine {version_of('pmstore')}, {how}; {python}"


def _is_extension(module: str) -> bool:
    found = find_spec(module)
    return bool(found and found.origin and found.origin.endswith(tuple(EXTENSION_SUFFIXES)))
