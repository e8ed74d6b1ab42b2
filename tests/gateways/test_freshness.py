"""Nobody is shown less than what was told, here or by another gateway."""

from __future__ import annotations

import asyncio

import attrs
import pytest

from pmengine.gateways.http.freshness import Freshness
from pmengine.gateways.http.problems import Problem
from pmengine.services.log import Place
from pmstore import START, AccountStore, EventStore, OrderStore, TradeStore
from pmstore.backends.memory import (
    MemoryAccountStore,
    MemoryEventStore,
    MemoryOrderStore,
    MemoryTradeStore,
)


@attrs.define
class Shown:
    """Stores that are as far as the test says."""

    number: int = 0
    orders: OrderStore = attrs.Factory(MemoryOrderStore)
    trades: TradeStore = attrs.Factory(MemoryTradeStore)
    accounts: AccountStore = attrs.Factory(MemoryAccountStore)
    events: EventStore = attrs.Factory(MemoryEventStore)

    @property
    def place(self) -> Place:
        return Place(START, self.number, "")

    async def reached(self, number: int) -> None:
        while self.number < number:
            await asyncio.sleep(0)


async def test_a_question_waits_for_what_another_gateway_told() -> None:
    shown, elsewhere = Shown(5), 5
    freshness = Freshness(shown, 30.0, 0, lambda: elsewhere)
    await freshness.reached()
    elsewhere = 7
    waiting = asyncio.create_task(freshness.reached())
    for _ in range(10):  # turns of the loop, in which it would go on
        await asyncio.sleep(0)
    assert not waiting.done()
    shown.number = 7
    await waiting


async def test_stores_that_stay_behind_are_said() -> None:
    freshness = Freshness(Shown(5), 0.01, 0)
    freshness.told(6)
    with pytest.raises(Problem, match="did not catch up"):
        await freshness.reached()


async def test_what_a_log_lost_is_not_waited_for() -> None:
    shown, elsewhere = Shown(9), 9
    freshness = Freshness(shown, 0.01, 0, lambda: elsewhere)
    freshness.told(9)
    await freshness.reached()
    elsewhere = shown.number = 4
    await freshness.reached()
    freshness.told(5)
    with pytest.raises(Problem):
        await freshness.reached()
