"""What the author of a store writes, and sees when pytest runs it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pmstore.protocols import Lease
from pmstore.testing import ManualClock, Rig, lease_clauses

pytest_plugins = ["pytester"]

OPTIONS = ("-p", "no:cacheprovider", "-p", "no:asyncio", "-q", "-rs")

A_DOZEN_LINES = """
from pathlib import Path

from pmstore.backends.memory import MemoryLease
from pmstore.testing import ManualClock, Rig, conformance, lease_clauses

clock = ManualClock()

def open_lease(place: Path) -> MemoryLease:
    return MemoryLease(clock=clock)

test_lease = conformance(lease_clauses, Rig(open=open_lease, clock=clock))
"""

A_FIXTURE = """
import pytest
from pmstore.backends.memory import MemoryLease
from pmstore.testing import Rig, conformance, lease_clauses

@pytest.fixture
def server():
    return Rig(open=lambda place: MemoryLease())

test_lease = conformance(lease_clauses, "server")
"""

A_STORE_THAT_SKIPS = """
import pytest
from pmstore.backends.memory import MemoryLease
from pmstore.testing import Rig, conformance, lease_clauses

def open_lease(place):
    pytest.skip("no server today")

test_lease = conformance(lease_clauses, Rig(open=open_lease))
"""


def open_nowhere(place: Path) -> Lease:
    raise NotImplementedError


def undeclared(rig: Rig[Lease]) -> int:
    """How many clauses of a lease are about what *rig* does not declare."""
    needs = [clause.need for clause in lease_clauses if clause.need is not None]
    return sum(not rig.declares(need) for need in needs)


def outcomes(pytester: pytest.Pytester, text: str) -> dict[str, int]:
    pytester.makepyfile(test_store=text)
    return pytester.runpytest_inprocess(*OPTIONS).parseoutcomes()


def test_a_dozen_lines_prove_a_store(pytester: pytest.Pytester) -> None:
    found = outcomes(pytester, A_DOZEN_LINES)
    assert found.keys() == {"passed", "skipped"}
    assert found["skipped"] == undeclared(Rig(open=open_nowhere, clock=ManualClock()))
    assert found["passed"] >= 10


def test_a_rig_can_be_a_fixture(pytester: pytest.Pytester) -> None:
    found = outcomes(pytester, A_FIXTURE)
    assert found["skipped"] == undeclared(Rig(open=open_nowhere))
    assert "failed" not in found


def test_a_store_cannot_skip_what_it_did_not_declare(pytester: pytest.Pytester) -> None:
    found = outcomes(pytester, A_STORE_THAT_SKIPS)
    assert "passed" not in found
    assert found["skipped"] == undeclared(Rig(open=open_nowhere))
    assert found["failed"] >= 10


def test_an_item_is_named_after_its_law(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_store=A_DOZEN_LINES)
    listed = pytester.runpytest_inprocess("--collect-only", *OPTIONS)
    listed.stdout.fnmatch_lines(["test_store.py::test_lease?epochs-only-grow?"])
