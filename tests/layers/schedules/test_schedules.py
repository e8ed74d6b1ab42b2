"""The real layers keep the law in every order of steps that is tried; each rule is needed."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator

import attrs
import pytest

from pmstore.layers.versioned import Versioned
from pmstore.models.order import Order
from pmstore.testing.samples import order
from tests.layers.schedules.history import Stale
from tests.layers.schedules.loop import run_at_random, run_in_order
from tests.layers.schedules.plants import BUSY, PLANTS, PUBLISHES_FIRST, EvictsFloors, Plant
from tests.layers.schedules.workload import Load, run
from tests.layers.schedules.world import OPTIONS, Process, World

RIGHT: dict[str, Plant] = {
    "quiet": Plant(fault=0.0),
    "restarts": Plant(load=Load(restarts=4)),
    "busy": Plant(load=BUSY),
    "many faults": Plant(load=BUSY, fault=0.1),
    "floors evicted at once": Plant(world={"cache": EvictsFloors}, load=BUSY, fault=0.1),
    "lists": Plant(process={"complete": True}, load=attrs.evolve(BUSY, lists=True)),
}
RUNS = 60
RUNS_OF_SOAK = 4_000
"""About 20 runs a second: some minutes for each case."""
RUNS_MAX = 1500
"""Runs within which a plant must show."""


async def trial(plant: Plant, seed: int) -> None:
    world = World(seed, fault=plant.fault, **plant.world)
    await run(world, plant.load, plant.start)


@pytest.mark.parametrize("name", RIGHT)
def test_no_order_of_steps_gives_a_stale_read(name: str) -> None:
    for seed in range(RUNS):
        try:
            run_at_random(trial(RIGHT[name], seed), seed)
        except Stale as error:
            pytest.fail(f"seed {seed}: {error}")


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", RIGHT)
def test_no_order_of_very_many_gives_a_stale_read(name: str) -> None:
    for seed in range(RUNS, RUNS_OF_SOAK):
        try:
            run_at_random(trial(RIGHT[name], seed), seed)
        except Stale as error:
            pytest.fail(f"seed {seed}: {error}")


@pytest.mark.parametrize("name", PLANTS)
def test_without_this_rule_some_order_gives_a_stale_read(name: str) -> None:
    for seed in range(RUNS_MAX):
        try:
            run_at_random(trial(PLANTS[name], seed), seed)
        except Stale as error:
            print(f"{name}: seed {seed}: {error}")
            return
    pytest.fail(f"{name}: nothing was wrong in {RUNS_MAX} runs")


async def read_while_floors_wait(versioned: type[Versioned[str, Order]]) -> list[int]:
    """
    The versions that a process holds at rest which read while a relay was at work.

    A writer died behind its commit; the other's relay cannot reach the shared cache yet.
    """
    world = World(0, cache=EvictsFloors)
    await world.open()
    quick = attrs.evolve(OPTIONS, cache_call_s=60.0)
    relaying, reading = (Process(world, versioned=versioned, options=quick) for _ in range(2))
    async with reading.store, relaying.store:
        await relaying.store.save([order(1)])
        await reading.store.get(["order_1"])
        reading.floors_may_go.clear()
        relaying.floors_may_go.clear()
        await world.truth.save([order(1, version=2)])
        await asyncio.sleep(0.3)
        await reading.store.get(["order_1"])
        relaying.floors_may_go.set()
        await asyncio.sleep(0.05)
        return [one.version for one in (await reading.memory.lookup(["order_1"])).found.values()]


def test_what_is_published_is_floored_before() -> None:
    assert run_in_order(read_while_floors_wait(Versioned), lambda ready: 0) == []
    assert run_in_order(read_while_floors_wait(PUBLISHES_FIRST), lambda ready: 0) == [1]


def deviations(length: int, most: int) -> Iterator[dict[int, int]]:
    """Each way to take up to *most* steps out of turn, by the number of the step."""
    yield {}
    for count in range(1, most + 1):
        for places in itertools.combinations(range(length), count):
            for picks in itertools.product((1, 2), repeat=count):
                yield dict(zip(places, picks, strict=True))


def test_every_order_with_one_step_out_of_turn_is_right() -> None:
    length = 150
    for deviation in deviations(length, 1):
        step = itertools.count()

        def choose(ready: int, step: Iterator[int] = step, turn: dict[int, int] = deviation) -> int:
            return min(turn.get(next(step), 0), ready - 1)

        try:
            run_in_order(trial(Plant(fault=0.0, load=Load(calls=3, restarts=0)), 7), choose)
        except Stale as error:
            pytest.fail(f"steps out of turn {deviation}: {error}")
