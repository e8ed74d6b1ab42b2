"""Real services on servers in memory, started again when they die, with traders that ask again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec

from pmengine.command_answers import Answered
from pmengine.commands import ORDER_INPUT, Command, Deposit, Split, SubmitOrder, encode_command
from pmengine.processes.deployment import Deployment
from pmengine.processes.engine import EngineProcess
from pmengine.processes.store import recovered_rows
from pmengine.projections import PROCESSOR_STREAM, WEBSOCKET_STREAM, decode_processor_entry
from pmengine.services.log import STORE_STREAM, LogGap
from pmengine.services.relay import Relay
from pmengine.services.store import StoreService
from pmengine.services.taking import TakesHere
from pmstore import START, Position
from pmstore.codec import decode_batch
from tests.layers.schedules.loop import StepLoop
from tests.services.crashes.servers import Reach, ReachedDeployment, Servers
from tests.services.rig import flow

ASKS_AGAIN_S = 1.0
STARTS_AGAIN_S = 0.2
STEPS_MAX = 100_000
"""Some ten times what a run takes."""
Work = Callable[[Deployment], Coroutine[Any, Any, None]]


class NoRest(Exception):
    """Not everything is answered after so many steps that it never will be."""


class Exchange:
    """
    Two engines, two relays and a store service, each a process of its own.

    Attributes:
        asked: The commands, by their correlation ids.
        answers: What each command was answered, by its correlation id.
        differing: Those that were answered in two ways.
        told: The numbers of the log that the answers tell of, in their order.
        ends: Why processes ended that were not killed.
    """

    def __init__(self, servers: Servers) -> None:
        self.servers = servers
        self.asked: set[str] = set()
        self.answers: dict[str, str] = {}
        self.differing: list[str] = []
        self.told: list[int] = []
        self.ends: list[str] = []
        self.engines: list[EngineProcess] = []
        self._told = START
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Exchange:
        works: list[Work] = [self._lead, self._lead, self._relay, self._relay, self._store]
        self._tasks = [asyncio.create_task(self._keep_up(work)) for work in works]
        self._tasks.append(asyncio.create_task(self._listen()))
        return self

    async def __aexit__(self, *exc: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def ask(self, start: int, end: int) -> None:
        """Send commands of the sample flow, and again with the same ids, until all are answered."""
        orders = await self.servers.stream(ORDER_INPUT)
        commands = {f"asked-{start + at}": command for at, command in enumerate(flow(start, end))}
        self.asked |= commands.keys()
        waiting = list(commands)
        while waiting:
            for name in waiting:
                if name not in self.answers:
                    await orders.append([_asked(commands[name], name)])
                    await asyncio.sleep(self.servers.chance.choice((0.0, 0.01, 0.05)))
            await asyncio.sleep(ASKS_AGAIN_S)
            self._check_steps()
            waiting = [
                name
                for name in waiting
                if name not in self.answers and isinstance(commands[name], WITH_ID)
            ]

    async def at_rest(self) -> None:
        """Wait until a leader has taken all that was sent, and every projection tells of it."""
        while not await self._is_at_rest():
            await asyncio.sleep(0.05)
            self._check_steps()

    def _check_steps(self) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, StepLoop)
        if loop.steps > STEPS_MAX:
            raise NoRest(f"after {loop.steps} steps: {len(self.answers)} answers; {self.ends}")

    async def _is_at_rest(self) -> bool:
        log, orders = [
            await (await self.servers.stream(name)).bounds() for name in (STORE_STREAM, ORDER_INPUT)
        ]
        if log is None or orders is None:
            return False
        last = decode_batch(log.last.payload, STORE_STREAM)
        leads = any(
            engine.note().role == "leader" and engine.place == (log.last.id, last.number, last.hash)
            for engine in self.engines
        )
        return leads and last.input[ORDER_INPUT] >= orders.last.id and self._told == log.last.id

    async def _keep_up(self, work: Work) -> None:
        """Run *work* as a process, and again when that was killed or could not go on."""
        while True:
            reach = Reach(self.servers)
            process = asyncio.create_task(work(ReachedDeployment(reach)))
            try:
                while not reach.is_dead and not process.done():
                    await asyncio.wait({process}, timeout=0.02)
                if not process.done():
                    process.cancel()
                    await asyncio.wait({process})
            finally:
                process.cancel()
                await asyncio.wait({process})
            if not process.cancelled() and process.exception() is not None:
                self.ends.append(repr(process.exception()))
            await asyncio.sleep(STARTS_AGAIN_S)

    async def _lead(self, deployment: Deployment) -> None:
        engine = EngineProcess(deployment)
        self.engines.append(engine)
        try:
            await engine.run(asyncio.Event())
        finally:
            self.engines.remove(engine)

    async def _relay(self, deployment: Deployment) -> None:
        names = (PROCESSOR_STREAM, WEBSOCKET_STREAM)
        targets = {name: await deployment.stream(name) for name in names}
        await Relay(await deployment.log(), targets).run()

    async def _store(self, deployment: Deployment) -> None:
        """As `StoreProcess`, but that it encodes its snapshots itself."""
        while True:
            log, recovered = await recovered_rows(deployment)
            service = StoreService(
                log,
                TakesHere(await deployment.snapshots()),
                state=recovered.state,
                place=recovered.place,
                interval_s=deployment.settings.snapshot_interval_s,
                keep=2,
                consumers=lambda: [self._told],
                clock=self.servers.now_ms,
                inputs=await deployment.inputs(),
            )
            try:
                await service.run()
            except LogGap:
                continue

    async def _listen(self) -> None:
        stream, after = await self.servers.stream(PROCESSOR_STREAM), START
        while True:
            for entry in await stream.read(after, 100, 1.0):
                after = entry.id
                told, documents = decode_processor_entry(entry.payload)
                self.told.append(told.number)
                self._told = Position.parse(told.position)
                for one in documents:
                    if isinstance(one, Answered) and one.correlation_id:
                        before = self.answers.setdefault(one.correlation_id, one.outcome)
                        if before != one.outcome:
                            self.differing.append(f"{one.correlation_id}: {before}, {one.outcome}")


WITH_ID = (Deposit, Split, SubmitOrder)


def _asked(command: Command, name: str) -> bytes:
    return encode_command(msgspec.structs.replace(command, correlation_id=name))
