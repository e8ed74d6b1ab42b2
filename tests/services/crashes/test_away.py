"""A standby that heard nothing of the log for long does not take it for what it was."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from pmengine.engine import ID_MEMORY_S
from pmengine.processes.engine import AWAY_LEASES_MAX, EngineProcess
from pmengine.services.log import STORE_STREAM, Log
from pmengine.services.recovery import recover
from pmstore.testing import ManualClock
from tests.layers.schedules.loop import StepLoop, run_in_order
from tests.services.crashes.at_once import HERE
from tests.services.crashes.servers import LEASE_S, Chances, Reach, ReachedDeployment, Servers
from tests.services.rig import engine_on, flow, recover_on, store_on

QUIET = Chances(unanswered=0.0, killed=0.0)
LONG_S = 1_000.0
STEPS_MAX = 100_000


async def until(is_so: Callable[[], bool]) -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, StepLoop)
    while not is_so():
        await asyncio.sleep(0.01)
        assert loop.steps < STEPS_MAX


async def snapshot_found_by_one_who_was_away() -> tuple[str, str]:
    """The digest that was answered and lost but for a snapshot, and that of the next leader."""
    asyncio.get_running_loop().set_default_executor(HERE)
    async with Servers(QUIET, 0) as servers:
        epoch = await servers.leases.acquire("engine-0", LONG_S)
        assert epoch is not None
        reach = Reach(servers)
        process, stopping = EngineProcess(ReachedDeployment(reach)), asyncio.Event()
        running = asyncio.create_task(process.run(stopping))
        await until(lambda: process.note().role == "standby")
        reach.freeze()
        await asyncio.sleep(LEASE_S)  # what it waited for is answered, and not heard

        log = await servers.stream(STORE_STREAM)
        clock = ManualClock(servers.now_ms())
        # From an input of its own: nobody can take these commands again.
        async with engine_on(log, servers.snapshots, clock=clock) as engine:
            await engine.take(flow(0, 20))
            answered = engine.state.digest()
            found = await recover_on(log, servers.snapshots, clock=clock)
            await store_on(log, servers.snapshots, found, clock=clock).save()
        # Now the log is again as the standby knows it.
        await log.lose(len(log.history))

        await asyncio.sleep(LEASE_S * AWAY_LEASES_MAX * 2)
        reach.thaw()
        await servers.leases.release("engine-0", epoch)
        await until(lambda: process.note().role == "leader" and bool(log.history))
        stopping.set()
        await running
        now_ms = servers.now_ms() + 1
        led = await recover(Log(log), servers.snapshots, id_memory_s=ID_MEMORY_S, now_ms=now_ms)
        return answered, led.state.digest()


def test_who_was_away_while_the_log_lost_its_tail_goes_on_from_the_snapshot() -> None:
    answered, led = run_in_order(snapshot_found_by_one_who_was_away(), lambda ready: 0)
    assert led == answered
