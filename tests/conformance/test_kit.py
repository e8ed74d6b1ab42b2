"""The kit catches every planted bug by name, and nobody can switch a clause off."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pmstore.backends.memory import MemoryOrderStore
from pmstore.testing import (
    Clause,
    ClauseBroken,
    Clauses,
    DeclaredAbsent,
    Rig,
    account_store_clauses,
    consumers_clauses,
    event_store_clauses,
    lease_clauses,
    order_store_clauses,
    snapshot_store_clauses,
    stream_clauses,
    trade_store_clauses,
)
from pmstore.testing.planted import (
    SOUND,
    PlantedBug,
    nothing_rig,
    order_bugs,
    other_bugs,
    shared_bugs,
    stream_bugs,
)

ALL_CLAUSES: tuple[Clauses[Any], ...] = (
    account_store_clauses,
    consumers_clauses,
    event_store_clauses,
    lease_clauses,
    order_store_clauses,
    snapshot_store_clauses,
    stream_clauses,
    trade_store_clauses,
)


def named(clauses: Clauses[Any], name: str) -> Clause[Any]:
    (clause,) = [clause for clause in clauses if clause.name == name]
    return clause


@pytest.mark.parametrize("bug", [*order_bugs, *other_bugs, *stream_bugs, *shared_bugs], ids=str)
def test_every_planted_bug_is_caught_by_its_clause(bug: PlantedBug[Any], tmp_path: Path) -> None:
    with pytest.raises(ClauseBroken, match=bug.caught_by):
        named(bug.clauses, bug.caught_by).check(bug.rig, tmp_path)


def of_two_clients() -> Iterator[Any]:
    for clauses, rig in SOUND:
        for clause in clauses:
            if clause.need is not None and "shared" in clause.need:
                yield pytest.param(clause, rig, id=f"{clauses.contract}-{clause.name}")


@pytest.mark.parametrize(("clause", "rig"), list(of_two_clients()))
def test_sound_clients_keep_every_law_of_several(
    clause: Clause[Any], rig: Rig[Any], tmp_path: Path
) -> None:
    if not rig.declares(clause.need or ""):
        with pytest.raises(DeclaredAbsent):
            clause.check(rig, tmp_path)
    else:
        clause.check(rig, tmp_path)


# What a store that does nothing keeps by doing nothing: there is no bug to see.
KEPT_BY_DOING_NOTHING = {
    "empty-calls-do-nothing",
    "an-empty-stream-is-empty",
}


@pytest.mark.parametrize(
    "clause",
    [clause for clauses in ALL_CLAUSES for clause in clauses],
    ids=lambda clause: f"{clause.contract}-{clause.name}",
)
def test_a_store_that_does_nothing_fails_every_clause(clause: Clause[Any], tmp_path: Path) -> None:
    rig = nothing_rig(clause.contract)
    if clause.name in KEPT_BY_DOING_NOTHING:
        clause.check(rig, tmp_path)
    elif clause.need is not None and not rig.declares(clause.need):
        assert clause.need == "window", "all else is declared"
    else:
        with pytest.raises(ClauseBroken, match=clause.name):
            clause.check(rig, tmp_path)


def test_a_broken_clause_says_its_law_and_what_was_seen(tmp_path: Path) -> None:
    rig = nothing_rig("order_store")
    with pytest.raises(ClauseBroken) as broken:
        named(order_store_clauses, "what-is-saved-can-be-got").check(rig, tmp_path)
    text = str(broken.value)
    assert "law: What `save` was given, `get` answers, and `find` too." in text
    assert "wanted [Order(id='order_1'" in text


def test_a_rig_that_hangs_breaks_its_clause(tmp_path: Path) -> None:
    class Hangs(MemoryOrderStore):
        async def get(self, ids: Any, /) -> Any:
            await asyncio.get_running_loop().create_future()

    rig = Rig(open=lambda place: Hangs(), deadline_s=0.05)
    with pytest.raises(ClauseBroken, match="TimeoutError"):
        named(order_store_clauses, "what-is-saved-can-be-got").check(rig, tmp_path)


def test_clauses_cannot_be_changed_or_chosen() -> None:
    clauses: Any = order_store_clauses
    clause: Any = next(iter(order_store_clauses))
    with pytest.raises(TypeError):
        clauses[0]
    with pytest.raises(TypeError):
        clauses[1:]
    with pytest.raises(AttributeError):
        clauses.contract = "other"
    with pytest.raises(AttributeError):
        clause.law = "anything goes"
    with pytest.raises(AttributeError):
        clause._body = None


@pytest.mark.parametrize("clauses", ALL_CLAUSES, ids=lambda clauses: clauses.contract)
def test_every_clause_is_one_named_sentence(clauses: Clauses[Any]) -> None:
    names = [clause.name for clause in clauses]
    assert len(set(names)) == len(names)
    for clause in clauses:
        assert clause.law.endswith("."), clause.name
        assert clause.law[0].isupper() or clause.law.startswith(("`", "0")), clause.name
        assert clause.contract == clauses.contract
