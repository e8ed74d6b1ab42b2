"""Makes a pytest test out of clauses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from pmstore.protocols.store import Store
from pmstore.testing.clause import Clause, Clauses, DeclaredAbsent
from pmstore.testing.rig import Rig

S = TypeVar("S", bound=Store)


def conformance(clauses: Clauses[S], rig: Rig[S] | str) -> Callable[..., None]:
    """
    A test that runs every clause, one item each, named after its law.

    Args:
        clauses: All clauses of a contract.
        rig: How to open the store, or the name of a pytest fixture that answers the rig
            (for stores that need a server).

    Returns:
        A test function; bind it to a name that pytest collects, such as `test_orders`.
    """

    def test(clause: Clause[Any], tmp_path: Path, request: pytest.FixtureRequest) -> None:
        used = request.getfixturevalue(rig) if isinstance(rig, str) else rig
        try:
            clause.check(used, tmp_path)
        except DeclaredAbsent as absent:
            pytest.skip(str(absent))

    items = [pytest.param(clause, id=clause.name) for clause in clauses]
    parametrized: Callable[..., None] = pytest.mark.parametrize("clause", items)(test)
    return parametrized
