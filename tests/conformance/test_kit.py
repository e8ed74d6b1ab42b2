"""The kit catches every planted bug by name, and nobody can switch a clause off."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs
import pytest

from pmstore import Page, Trade, TradeQuery
from pmstore.backends.memory import MemoryOrderStore, MemoryTradeStore
from pmstore.testing import (
    Clause,
    ClauseBroken,
    Clauses,
    DeclaredAbsent,
    ManualClock,
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
    assert "missing   order_1 (" in text
    assert "wanted [order_1, order_2]" in text


def test_a_store_with_another_clock_than_its_rig_is_hinted_at(tmp_path: Path) -> None:
    rig = Rig(open=lambda place: MemoryOrderStore(), clock=ManualClock(), tombstone_s=60)
    with pytest.raises(ClauseBroken, match="given the same clock, and the same `tombstone_s`"):
        named(order_store_clauses, "tombstones-are-purged-in-time").check(rig, tmp_path)


def test_a_lossy_crash_is_told_with_what_was_wanted(tmp_path: Path) -> None:
    async def crash(store: MemoryOrderStore) -> None:
        await store.__aexit__(None, None, None)

    rig = Rig(open=lambda place: MemoryOrderStore(), durable=True, crash=crash)
    with pytest.raises(ClauseBroken, match="holds records .*; it had acknowledged") as broken:
        named(order_store_clauses, "a-crash-in-a-write-leaves-all-or-nothing").check(rig, tmp_path)
    assert "hint: `crash` must leave the place" in str(broken.value)


class ClosesItsWindows(MemoryTradeStore):
    """`end_ms` is taken to be inside."""

    async def find(self, query: TradeQuery, /) -> Page[Trade]:
        if query.end_ms is not None:
            query = attrs.evolve(query, end_ms=query.end_ms + 1)
        return await super().find(query)


class DropsTheLastSlowly(MemoryTradeStore):
    """So slow that its histories are hardly made small in time."""

    async def append(self, trades: Sequence[Trade], /) -> None:
        await asyncio.sleep(0.05)
        await super().append(trades[:-1])


def random_trades_broken_by(store: type[MemoryTradeStore], folder: Path, deadline_s: float) -> str:
    rig = Rig(open=lambda place: store(), deadline_s=deadline_s)
    with pytest.raises(ClauseBroken) as broken:
        named(trade_store_clauses, "random-appends-equal-a-dictionary").check(rig, folder)
    return str(broken.value)


def test_a_random_history_is_shown_readably(tmp_path: Path) -> None:
    text = random_trades_broken_by(ClosesItsWindows, tmp_path, 60)
    seen, _, steps = text.partition("after these steps")
    assert "unwanted  trade " in seen
    assert ". append [trade " in steps
    assert "end_ms=" in steps.rpartition(". find ")[2]
    assert "lost " not in text, "this rig has no server"


def test_making_a_history_small_ends_with_the_deadline(tmp_path: Path) -> None:
    began = time.monotonic()
    text = random_trades_broken_by(DropsTheLastSlowly, tmp_path, 5)
    assert time.monotonic() - began < 60, "without one it takes minutes"
    assert "append [trade " in text.partition("after these steps")[2]


def test_a_slow_machine_runs_fewer_histories(tmp_path: Path) -> None:
    begun: list[Path] = []

    def open_trades(place: Path) -> MemoryTradeStore:
        begun.append(place)
        return MemoryTradeStore()

    rig = Rig(open=open_trades, examples=100_000, deadline_s=2)
    named(trade_store_clauses, "random-appends-equal-a-dictionary").check(rig, tmp_path)
    assert 0 < len(begun) < 100_000


def test_a_random_history_that_hangs_is_shown(tmp_path: Path) -> None:
    class Hangs(MemoryTradeStore):
        async def append(self, trades: Sequence[Trade], /) -> None:
            await asyncio.get_running_loop().create_future()

    text = random_trades_broken_by(Hangs, tmp_path, 2)
    assert "the last one had not ended; its steps" in text
    assert "append [" in text


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
