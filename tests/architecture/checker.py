"""Reads the source of both packages and names what breaks the floor plan."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.architecture import rooms

_TODO = re.compile(r"#.*\b(TODO|FIXME|XXX)\b(?!\(#\d+\))")


def violations(source: Path) -> list[str]:
    """Everything in the packages under *source* that breaks a rule, each with its place."""
    found: list[str] = []
    for path in sorted(source.rglob("*.py")):
        module = ".".join(path.relative_to(source).with_suffix("").parts)
        module = module.removesuffix(".__init__")
        where = path.relative_to(source).as_posix()
        found += [f"{where}:{line}: {text}" for line, text in _check(source, path, module)]
    return found


def _check(source: Path, path: Path, module: str) -> Iterator[tuple[int, str]]:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    for part in module.split(".")[1:]:
        if part in rooms.FORBIDDEN_NAMES:
            yield 1, f"a module named {part} says nothing; name it by what it is for"
    if not ast.get_docstring(tree):
        yield 1, "the module does not say what it is for"
    for number, line in enumerate(text.splitlines(), start=1):
        if _TODO.search(line):
            yield number, "a TODO names its issue: TODO(#12)"
    planned = _is_planned(module)
    if not planned:
        yield 1, f"the room of {module} is not in the floor plan (tests/architecture/rooms.py)"
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 1)
        for target in dict.fromkeys(_imported(source, path, module, node)) if planned else ():
            problem = _import_problem(module, target)
            if problem:
                yield line, problem
        if _is_pure(module):
            yield from _impurities(node, line)
        if module.split(".")[0] == "pmengine" and _names_a_backend(node):
            yield line, "pmengine names stores by URL, never a module of pmstore.backends"


def _imported(source: Path, path: Path, module: str, node: ast.AST) -> Iterator[str]:
    """The modules that *node* imports."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            package = module if path.name == "__init__.py" else module.rpartition(".")[0]
            up = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join([*up, base] if base else up)
        for alias in node.names:
            inner = source.joinpath(*base.split("."), alias.name)
            is_module = inner.with_suffix(".py").exists() or inner.is_dir()
            yield f"{base}.{alias.name}" if is_module else base


def _room(module: str) -> tuple[str, str]:
    """The package of *module*, and its room there ("" is the package's own `__init__`)."""
    package, _, rest = module.partition(".")
    parts = rest.split(".")
    if package == "pmstore" and parts[0] == "backends" and len(parts) > 1:
        return package, f"backends.{parts[1]}"
    return package, parts[0]


def _import_problem(module: str, target: str) -> str | None:
    package, room = _room(module)
    root = target.partition(".")[0]
    if root not in ("pmstore", "pmengine"):
        return _foreign_problem(module, root)
    to_package, to_room = _room(target)
    if (package, room) == (to_package, to_room):
        return None
    if package == "pmstore":
        sees = rooms.pmstore_sees(room) or frozenset()
        allowed = to_package == "pmstore" and to_room in sees
    elif to_package == "pmstore":
        allowed = to_room in rooms.PMENGINE_SEES_OF_PMSTORE
    else:
        allowed = _floor(to_room) < _floor(room)
    return None if allowed else f"{module} does not see {target}"


def _is_planned(module: str) -> bool:
    package, room = _room(module)
    if package == "pmstore":
        return rooms.pmstore_sees(room) is not None
    return _floor(room) < len(rooms.PMENGINE)


def _floor(room: str) -> int:
    """The number of the floor of a room of pmengine; above the roof if it is unknown."""
    return next(
        (number for number, floor in enumerate(rooms.PMENGINE) if room in floor),
        len(rooms.PMENGINE),
    )


def _foreign_problem(module: str, root: str) -> str | None:
    if root in sys.stdlib_module_names or root in rooms.CORE or root == "attr":
        return None
    needing = rooms.OPTIONAL.get(root)
    if needing is None:
        return f"{root} is no dependency of ours"
    if any(module == one or module.startswith(f"{one}.") for one in needing):
        return None
    return f"{root} is optional and imported in {', '.join(needing)} alone"


def _is_pure(module: str) -> bool:
    return ".".join(module.split(".")[:2]) in rooms.PURE


def _impurities(node: ast.AST, line: int) -> Iterator[tuple[int, str]]:
    names: list[str] = []
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom) and not node.level:
        names = [node.module or ""]
    for name in names:
        if name.partition(".")[0] in rooms.IMPURE_MODULES:
            yield line, f"a pure room imports {name}"
    if isinstance(node, ast.Call):
        called = node.func
        if isinstance(called, ast.Name) and called.id in rooms.IMPURE_CALLS:
            yield line, f"a pure room calls {called.id}()"
        if isinstance(called, ast.Attribute) and called.attr in rooms.IMPURE_METHODS:
            yield line, f"a pure room asks the clock: .{called.attr}()"


def _names_a_backend(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and str(node.value).startswith("pmstore.backends")
