"""A faulty store fails at the calls that its script names, in the way that it names."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from pmstore.backends.memory import MemoryOrderStore, MemoryTradeStore
from pmstore.errors import StoreUnavailable, WriteOutcome
from pmstore.testing import Fault, Faults, Rig, conformance, faulty, order_store_clauses
from pmstore.testing.samples import order

test_a_faulty_store_without_faults_keeps_every_law = conformance(
    order_store_clauses,
    Rig(open=lambda place: faulty(MemoryOrderStore(), Faults()), positioned=True),
)


@pytest.mark.parametrize(
    ("fault", "outcome", "there"),
    [
        (Fault.BEFORE, WriteOutcome.NOT_APPLIED, False),
        (Fault.AFTER, WriteOutcome.UNKNOWN, True),
    ],
)
async def test_a_call_fails_before_or_after_its_work(
    fault: Fault, outcome: WriteOutcome, there: bool
) -> None:
    faults = Faults()
    faults.at(2, fault)
    async with faulty(MemoryOrderStore(), faults) as orders:
        await orders.save([order(1)])
        with pytest.raises(StoreUnavailable) as failed:
            await orders.save([order(2)])
        assert failed.value.outcome is outcome
        assert failed.value.retryable
        assert ("order_2" in await orders.get(["order_2"])) is there
    assert faults.calls == ["save", "save", "get"]


@pytest.mark.parametrize(("fault", "there"), [(Fault.NEVER, False), (Fault.NEVER_AFTER, True)])
async def test_a_call_is_never_answered_until_it_is_released(fault: Fault, there: bool) -> None:
    faults = Faults()
    async with faulty(MemoryOrderStore(), faults) as orders:
        faults.next(fault, verb="save")
        saving = asyncio.ensure_future(orders.save([order(1)]))
        await asyncio.sleep(0)
        assert ("order_1" in await orders.get(["order_1"])) is there
        assert not saving.done()
        faults.release()
        with pytest.raises(StoreUnavailable) as failed:
            await saving
        assert failed.value.outcome is WriteOutcome.UNKNOWN


async def test_a_verb_can_fail_at_its_own_number() -> None:
    faults = Faults()
    faults.at(2, Fault.BEFORE, verb="get")
    async with faulty(MemoryOrderStore(), faults) as orders:
        await orders.get(["a"])
        await orders.save([order(1)])
        with pytest.raises(StoreUnavailable):
            await orders.get(["a"])
        await orders.get(["a"])


async def test_a_store_that_is_down_fails_until_it_is_healed() -> None:
    faults = Faults()
    async with faulty(MemoryOrderStore(), faults) as orders:
        faults.down = Fault.BEFORE
        for _ in range(3):
            with pytest.raises(StoreUnavailable):
                await orders.get(["a"])
        faults.heal()
        assert await orders.get(["a"]) == {}


def test_a_faulty_store_has_the_verbs_of_its_store_and_no_others(tmp_path: Path) -> None:
    trades = faulty(MemoryTradeStore(recent=5), Faults())
    assert hasattr(trades, "apply")
    assert not hasattr(trades, "save")
    assert trades.coverage.newest == 5
