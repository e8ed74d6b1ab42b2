"""Random calls of two processes, faults between them, and a look at what is left."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import attrs

from pmstore.errors import PmstoreError
from pmstore.models.query import OrderQuery
from pmstore.testing.samples import order
from tests.layers.schedules.history import Stale
from tests.layers.schedules.loop import StepLoop
from tests.layers.schedules.world import OPTIONS, Process, World

KEYS = 3


@attrs.frozen(kw_only=True)
class Load:
    """How much of what happens in one run."""

    clients: int = 3
    calls: int = 8
    restarts: int = 2
    deaths: int = 1
    lists: bool = False


Start = Callable[[World], Process]


async def run(world: World, load: Load, start: Start) -> None:
    """
    Let two processes work, then let everything come to rest and look at it.

    Raises:
        Stale: A read or an end state that the law forbids.
    """
    await world.open()
    fault, world.fault = world.fault, 0.0
    run = _Run(world, start)
    run.living = [await run.opened(), await run.opened()]
    world.fault = fault
    clients = [
        asyncio.ensure_future(run.client(number % 2, load)) for number in range(load.clients)
    ]
    troubles = asyncio.ensure_future(run.trouble(load))
    results = await asyncio.gather(*clients, troubles, return_exceptions=True)
    for result in results:
        if isinstance(result, Stale):
            raise result
        if isinstance(result, BaseException):
            raise result
    world.fault = 0.0
    loop = asyncio.get_running_loop()
    assert isinstance(loop, StepLoop)
    loop.hurrying = False
    await asyncio.sleep(12 * OPTIONS.cache_max_age_s)
    await run.check_rest(load)


class _Run:
    def __init__(self, world: World, start: Start) -> None:
        self._world = world
        self._start = start
        self._versions = 0
        self.living: list[Process] = []

    async def opened(self) -> Process:
        process = self._start(self._world)
        await process.store.__aenter__()
        return process

    async def client(self, at: int, load: Load) -> None:
        chance = self._world.chance
        for _ in range(load.calls):
            await asyncio.sleep(chance.choice([0, 0, 0.05, 0.4]))
            process = self.living[at]
            key = chance.randrange(KEYS)
            kind = chance.random()
            call = (
                self._write(process, key, kind)
                if kind < 0.45
                else self._list(process)
                if load.lists and kind < 0.7
                else self._read(process, key)
            )
            work = asyncio.ensure_future(call)
            while not work.done() and not process.dead:
                await asyncio.sleep(0)
            if work.done():
                await work
            else:
                work.cancel()

    async def _write(self, process: Process, number: int, kind: float) -> None:
        self._versions += 1
        # Some writers are late: what they send was overtaken.
        version = max(1, self._versions - self._world.chance.choice([0, 0, 0, 2]))
        key = f"order_{number}"
        try:
            if kind < 0.1:
                await process.store.remove([(key, version)])
            else:
                sent = order(number, version=version, price=version)
                await process.store.save([sent])
        except PmstoreError:
            return
        told = process.committed.get((key, version), 0)
        process.acked[key] = max(told, process.acked.get(key, 0))

    async def _read(self, process: Process, number: int) -> None:
        key = f"order_{number}"
        history = self._world.history
        own, began_s = process.acked.get(key, 0), self._world.time()
        began_at = history.position(key)
        try:
            found = await process.store.get([key])
        except PmstoreError:
            return
        answer = found[key].version if key in found else 0
        history.check("a read", key, answer, own=own, began_s=began_s, began_at=began_at)

    async def _list(self, process: Process) -> None:
        history = self._world.history
        keys = [f"order_{number}" for number in range(KEYS)]
        own, began_s = dict(process.acked), self._world.time()
        began_at = {key: history.position(key) for key in keys}
        try:
            page = await process.store.find(OrderQuery())
        except PmstoreError:
            return
        found = {one.id: one.version for one in page.items}
        for key in keys:
            history.check(
                "a list",
                key,
                found.get(key, 0),
                own=own.get(key, 0),
                began_s=began_s,
                began_at=began_at[key],
            )

    async def trouble(self, load: Load) -> None:
        chance = self._world.chance
        todo = ["restart"] * load.restarts + ["death"] * load.deaths
        chance.shuffle(todo)
        for what in todo:
            await asyncio.sleep(chance.random())
            if what == "restart":
                await self._world.restart_shared()
            else:
                at = chance.randrange(2)
                self.living[at].die()
                fault, self._world.fault = self._world.fault, 0.0
                self.living[at] = await self.opened()
                self._world.fault = fault

    async def check_rest(self, load: Load) -> None:
        """Every living process, and every cache, says what the truth says."""
        keys = [f"order_{number}" for number in range(KEYS)]
        truth = await self._world.truth.get(keys)
        held = {"shared": (await self._world.shared.lookup(keys)).found}
        for at, process in enumerate(self.living):
            held[f"memory {at}"] = (await process.memory.lookup(keys)).found
        for where, found in held.items():
            for key, one in found.items():
                if truth.get(key) != one:
                    raise Stale(f"at rest {where} holds {one.version} of {key}, not the truth's")
        for process in self.living:
            if await process.store.get(keys) != truth:
                raise Stale("at rest a process reads something else than the truth")
            if load.lists:
                page = await process.store.find(OrderQuery())
                if {one.id: one for one in page.items} != truth:
                    raise Stale("at rest a process lists something else than the truth")
