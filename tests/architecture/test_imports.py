"""The house keeps its floor plan, and the check of it can fail."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture import rooms
from tests.architecture.checker import violations

SOURCE = Path(__file__).parents[2] / "src"


def test_the_source_keeps_the_floor_plan() -> None:
    found = violations(SOURCE)
    assert not found, "\n".join(["", *found])


PLANTED = [
    ("pmstore/models/order.py", "import pmstore.protocols.stream", "does not see"),
    ("pmstore/models/order.py", "from pmstore import codec", "does not see pmstore.codec"),
    ("pmstore/models/order.py", "from ..codec import orders", "does not see pmstore.codec.orders"),
    ("pmstore/codec/orders.py", "from pmstore.plugin import Backend", "does not see"),
    ("pmstore/backends/file/x.py", "import pmstore.backends.memory", "does not see"),
    ("pmstore/layers/x.py", "from pmstore.backends.memory import X", "does not see"),
    ("pmstore/testing/x.py", "from pmstore.backends.file import X", "does not see"),
    ("pmstore/registry/x.py", "from pmstore.cli import main", "does not see"),
    ("pmstore/cli/x.py", "from pmstore.backends.file import X", "does not see"),
    ("pmstore/errors.py", "import pmengine", "does not see pmengine"),
    ("pmstore/attic/x.py", "import pmstore.errors", "not in the floor plan"),
    ("pmengine/attic/x.py", "import pmstore", "not in the floor plan"),
    ("pmstore/state.py", "import asyncio", "pure room imports asyncio"),
    ("pmstore/state.py", "from time import monotonic", "pure room imports time"),
    ("pmstore/queries.py", "import random", "pure room imports random"),
    ("pmstore/codec/x.py", "import logging.handlers", "pure room imports logging"),
    ("pmstore/codec/x.py", "from datetime import datetime\ndatetime.now()", "asks the clock"),
    ("pmstore/registry/x.py", "import typer", "typer is optional"),
    ("pmstore/models/x.py", "import numpy", "numpy is no dependency"),
    ("pmstore/backends/memory/helpers.py", "", "says nothing"),
    ("pmstore/codec/utils/x.py", "", "says nothing"),
    ("pmstore/models/x.py", "# TODO later", "names its issue"),
    ("pmengine/engine.py", "import pmengine.services.store", "does not see"),
    ("pmengine/matching/ladder.py", "from pmengine.ledger import Ledger", "does not see"),
    ("pmengine/services/x.py", "from pmengine.assembly import up", "does not see"),
    ("pmengine/services/x.py", "from pmstore.backends.file import X", "does not see"),
    ("pmengine/assembly.py", "import pmstore.registry", "does not see"),
    ("pmengine/assembly.py", "X = 'pmstore.backends.file'", "names stores by URL"),
    ("pmengine/engine.py", "print('x')", "pure room calls print"),
    ("pmengine/ledger.py", "import uuid", "pure room imports uuid"),
]


@pytest.mark.parametrize(("path", "line", "expected"), PLANTED)
def test_a_planted_violation_is_found(tmp_path: Path, path: str, line: str, expected: str) -> None:
    for room in ("codec", "protocols", "models"):
        package = tmp_path / "pmstore" / room
        package.mkdir(parents=True)
        (package / "__init__.py").write_text('"""A room."""\n')
    (tmp_path / "pmstore/codec/orders.py").write_text('"""Orders."""\n')
    file = tmp_path / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f'"""A planted module."""\n{line}\n')
    found = violations(tmp_path)
    assert len(found) == 1, found
    assert expected in found[0]
    assert found[0].startswith(path)


def test_a_module_without_a_docstring_is_found(tmp_path: Path) -> None:
    (tmp_path / "pmstore").mkdir()
    (tmp_path / "pmstore" / "errors.py").write_text("X = 1\n")
    assert violations(tmp_path) == ["pmstore/errors.py:1: the module does not say what it is for"]


def test_what_the_plan_allows_is_no_violation(tmp_path: Path) -> None:
    for path, line in [
        ("pmstore/state.py", "from pmstore.models.order import Order\n# TODO(#12) later"),
        ("pmstore/backends/file/x.py", "import aiofiles\nimport pmstore.backends.file.y"),
        ("pmstore/testing/x.py", "import pytest\nimport pmstore.backends.memory"),
        ("pmstore/cli/x.py", "import typer\nimport pmstore.registry"),
        ("pmengine/engine.py", "import pmengine.ledger\nfrom pmstore import Order, codec"),
    ]:
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f'"""A module."""\n{line}\n')
    assert violations(tmp_path) == []


def test_a_plain_import_loads_neither_an_optional_dependency_nor_a_backend() -> None:
    program = "import sys, pmstore; print('\\n'.join(sys.modules))"
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    loaded = set(run.stdout.split())
    assert "pmstore.registry" in loaded
    assert not {name.partition(".")[0] for name in loaded} & set(rooms.OPTIONAL)
    assert not [name for name in loaded if name.startswith("pmstore.backends")]
