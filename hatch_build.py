"""
Compiles the hot modules into the wheel where there is a C compiler: the build hook of hatchling.

The modules that `pyproject.toml` lists become one group of mypyc, which lands in the wheel beside
their sources; nothing is written into the source tree. Where that cannot be done the wheel is pure.
Either way it has a record of what was done and why, because pip hides what a build prints.

`PMENGINE_COMPILED=1` makes a build fail that cannot compile, `PMENGINE_PURE=1` never compiles.
"""

from __future__ import annotations

import json
import os
import platform
import shlex
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from importlib.machinery import EXTENSION_SUFFIXES
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_PROBE = "#include <Python.h>\n#include <stdio.h>\nint main(void) { return 0; }\n"


class CannotCompile(Exception):
    """Why a wheel cannot be a compiled one."""


class CompiledGroup(BuildHookInterface[Any]):
    """
    The hook; its options are those of `[tool.hatch.build.targets.wheel.hooks.custom]`.

    `compiled` lists the modules, `source` is the folder that they are in, `record` the path in
    the wheel of what is known about the build, `needs` what compiling needs beyond the
    dependencies of the project (their types are looked at), and `brings` what compiled modules
    need where they run.
    """

    def dependencies(self) -> list[str]:
        """What the build needs: nothing where it is not going to compile."""
        try:
            _check_wanted()
            _find_compiler()
        except CannotCompile:
            return []
        return [*self.config["needs"], *self.metadata.core.dependencies]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Put the compiled modules and the record into the wheel that is going to be made."""
        if version == "editable":
            return  # runs its sources
        # Removed with this object, which the builder keeps until the wheel is written.
        self._work = tempfile.TemporaryDirectory(prefix="compiled-group-")
        folder = Path(self._work.name)
        modules: list[str] = self.config["compiled"]
        record: dict[str, Any] = {"modules": [], "mypyc": "", "compiler": "", "reason": ""}
        try:
            _check_wanted()
            compiler = _find_compiler()
            made = _compile(Path(self.root, self.config["source"]), folder, modules)
        except CannotCompile as reason:
            if _is_set("PMENGINE_COMPILED"):
                sys.exit(f"PMENGINE_COMPILED is set, but the wheel cannot be compiled: {reason}")
            record["reason"] = str(reason)
            self.app.display_warning(f"A pure wheel, nothing is compiled: {reason}")
        else:
            record |= {"modules": modules, "mypyc": version_of("mypy"), "compiler": compiler}
            build_data["pure_python"] = False
            build_data["infer_tag"] = True
            build_data["force_include"] |= made
            build_data["dependencies"] += self.config["brings"]
            self.app.display_info(f"Compiled {len(modules)} modules with {compiler}")
        written = folder / "record.json"
        written.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
        build_data["force_include"][str(written)] = self.config["record"]


def _is_set(name: str) -> bool:
    return os.environ.get(name, "") not in ("", "0")


def _check_wanted() -> None:
    if _is_set("PMENGINE_PURE"):
        raise CannotCompile("PMENGINE_PURE is set")
    if platform.python_implementation() != "CPython":
        raise CannotCompile(f"mypyc compiles for CPython, not {platform.python_implementation()}")


def _find_compiler() -> str:
    """What the C compiler says it is, once it has compiled something with Python's headers."""
    given = os.environ.get("CC") or sysconfig.get_config_var("CC")
    if not given:
        return "the C compiler of setuptools"  # Windows: setuptools alone knows where it is
    command = shlex.split(given)
    try:
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder, "probe.c")
            source.write_text(_PROBE, encoding="ascii")
            include = f"-I{sysconfig.get_path('include')}"
            _run([*command, include, "-c", str(source), "-o", str(source.with_suffix(".o"))])
        return _run([*command, "--version"]).partition("\n")[0].strip()
    except FileNotFoundError:
        raise CannotCompile(f"there is no C compiler ({command[0]} was not found)") from None
    except CannotCompile as reason:
        raise CannotCompile(f"the C compiler cannot be used: {reason}") from None


def _compile(source: Path, folder: Path, modules: Sequence[str]) -> dict[str, str]:
    """Compile *modules*; what was made, and its path in the wheel."""
    # As a program: mypyc ends its process when it fails, and names files by the current folder.
    _run([sys.executable, str(Path(__file__).resolve()), str(folder), *modules], source)
    output = folder / "made"
    files = [path for path in output.rglob("*") if path.is_file()]
    made = {str(path): str(path.relative_to(output)) for path in files}
    suffix = EXTENSION_SUFFIXES[0]
    expected = {module.replace(".", os.sep) + suffix for module in modules}
    if missing := expected - set(made.values()):
        raise CannotCompile(f"mypyc did not make {', '.join(sorted(missing))}")
    return made


def _run(command: Sequence[str], folder: Path | None = None) -> str:
    """The output of *command*; all of it is shown, and its first error raised, if it fails."""
    together: Any = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    done = subprocess.run(command, cwd=folder, check=False, **together)
    if done.returncode != 0:
        print(done.stdout, file=sys.stderr)
        lines = done.stdout.strip().splitlines() or [f"exit code {done.returncode}"]
        raise CannotCompile(next((line for line in lines if "rror: " in line), lines[-1]).strip())
    return done.stdout


def main(folder: str, modules: Sequence[str]) -> None:
    """Compile *modules*, which lie below the current folder, into *folder*/made."""
    from mypyc.build import mypycify
    from setuptools import Distribution

    # mypyc sees the modules alone, without the project's own strictness.
    options = ["--config-file=", f"--cache-dir={os.devnull}", "--follow-imports=silent"]
    extensions = mypycify(
        [*options, *(module.replace(".", "/") + ".py" for module in modules)],
        target_dir=os.path.join(folder, "c"),
        group_name=modules[0].partition(".")[0],
        debug_level="0",
    )
    for extension in extensions:
        # A newer compiler warns of more than was tried; that is no reason to go without.
        extension.extra_compile_args = [
            flag for flag in extension.extra_compile_args if flag != "-Werror"
        ]
    command = Distribution({"ext_modules": extensions}).get_command_obj("build_ext")
    command.build_lib = os.path.join(folder, "made")
    command.build_temp = os.path.join(folder, "objects")
    command.ensure_finalized()
    command.run()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
