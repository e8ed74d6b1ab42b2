"""The engine as a process: leader or warm standby, by a lease whose epoch fences the log."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

import msgspec
import structlog

from pmengine.assembly import engine_of
from pmengine.processes.deployment import Deployment
from pmengine.processes.standby import Following, WasAway
from pmengine.services.collector import let_go
from pmengine.services.dead_letters import DEAD_LETTERS
from pmengine.services.engine import EngineService
from pmengine.services.log import STORE_STREAM, Log, LogGap, LogRewritten, Place
from pmengine.services.notes import Note
from pmengine.services.outages import RETRY_S_MAX, RETRY_S_MIN, Outage
from pmengine.services.publishing import PublishFailed, Superseded
from pmengine.services.recovery import CannotStart, Recovered
from pmengine.services.room import Room
from pmengine.services.verifying import Guard, guarded
from pmstore import Lease, State, StoreUnavailable
from pmstore.clock import system_clock

LEASE_PARTS: Final = 8
"""How often, within the life of a lease, it is renewed or asked for."""
AWAY_LEASES_MAX: Final = 10
"""For how many lives of a lease a standby may not have heard of the log, and still know it."""

_logger = structlog.get_logger("pmengine.engine")


_STARTS_AGAIN: Final = (
    Superseded,
    PublishFailed,
    LogGap,
    LogRewritten,
    WasAway,
    StoreUnavailable,
)


class EngineProcess:
    """
    Follows the log until the lease is its own, then takes commands.

    The lease decides who tries; what keeps the log one history is that it takes an entry only
    behind its last one, and from no epoch below the highest that wrote. So a leader that was
    frozen and goes on later is refused at its next entry: it drops its state, and follows.
    """

    name = "engine"

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._settings = deployment.settings
        self._role = ""
        self._epoch = 0
        self._followed: Place | None = None
        self._leading: EngineService | None = None
        self._reason = "it recovers"
        self._is_well = False
        """Whether it followed, or led, since it began for the last time."""

    @property
    def place(self) -> Place | None:
        """How far on the log its state is."""
        return self._followed if self._leading is None else self._leading.place

    def note(self) -> Note:
        """Its role, epoch and place."""
        note = self._deployment.note(self.name)
        place = self.place
        if place is None:
            return note
        return msgspec.structs.replace(
            note,
            state="running",
            role=self._role,
            epoch=self._epoch if self._role == "leader" else 0,
            number=place.number,
            position=str(place.position),
            needs_after=str(place.position),
            lack="" if self._leading is None else self._leading.lack,
        )

    def readiness(self) -> tuple[bool, str]:
        """Ready as the leader that takes commands, and as a standby that has recovered."""
        if self._leading is not None and self._leading.lack:
            return False, self._leading.lack
        return bool(self._role), self._reason

    def numbers(self) -> Mapping[str, float]:
        """Entries that this leader put aside, whether it takes commands, what the streams hold."""
        return {"dead_letters": 0} if self._leading is None else self._leading.numbers()

    async def run(self, stopping: asyncio.Event) -> None:
        """
        Follow and lead until *stopping*.

        Raises:
            CannotStart, InputBehind, CorruptData: Log, snapshots and inputs do not fit together.
            LawBroken: The log breaks a law, and `ENGINE_VERIFY` is `stop`.
        """
        lease = await self._deployment.lease()
        retry_s = RETRY_S_MIN
        while not stopping.is_set():
            why = ""
            self._is_well = False
            try:
                await self._follow_and_lead(lease, stopping)
            except _STARTS_AGAIN as error:
                why = f" after: {error}"
                if self._is_well:
                    retry_s = RETRY_S_MIN
                if retry_s == RETRY_S_MIN:
                    reason = f"{type(error).__name__}: {error}"
                    _logger.warning("engine_starts_again", reason=reason)
                self._stand("", f"it recovers{why}")
                # To recover is to read a whole snapshot: not too often in an outage.
                await asyncio.sleep(retry_s)
                retry_s = min(2 * retry_s, RETRY_S_MAX)
            finally:
                self._stand("", f"it recovers{why}")
            if not stopping.is_set():
                let_go()

    async def _follow_and_lead(self, lease: Lease, stopping: asyncio.Event) -> None:
        log = await self._deployment.log()
        recovered = await self._recover()
        guard = await self._guard(log, recovered)
        # In a thread: making the books of a large state must not silence this process.
        engine = await asyncio.to_thread(engine_of, self._settings, recovered.state)
        following = Following(log, recovered, engine, self._settings.lease_s * AWAY_LEASES_MAX)
        del recovered
        let_go()
        async with guarded(guard):
            epoch = await self._wait_for_lease(lease, following, stopping)
            if epoch is not None:
                await self._lead(lease, epoch, following, stopping)

    async def _recover(self) -> Recovered:
        recovered = await self._deployment.recover()
        if recovered.adopted is not None:
            if self._settings.ledger and recovered.state.orders:
                raise CannotStart(
                    "the snapshot is foreign: it has orders and says nothing of the "
                    "money behind them. Start with ENGINE_LEDGER=off, or move it away"
                )
            snapshots = await self._deployment.snapshots()
            await snapshots.save(recovered.adopted)
        return recovered

    async def _guard(self, log: Log, recovered: Recovered) -> Guard | None:
        """What checks the log while this process leads or stands by; None if nobody asked."""
        settings, state = self._settings, recovered.state
        if settings.verify == "off":
            return None
        return Guard(
            settings.verify,
            log,
            state=State.restore(state.freeze(state.time_ms), id_memory_s=settings.id_memory_s),
            place=recovered.place,
            id_memory_s=settings.id_memory_s,
            ledger=settings.ledger,
            fee_account=settings.fee_account,
            snapshots=await self._deployment.snapshots(),
        )

    async def _wait_for_lease(
        self, lease: Lease, following: Following, stopping: asyncio.Event
    ) -> int | None:
        """Follow the log until the lease is ours; its epoch, None if it is time to stop."""
        lease_s = self._settings.lease_s
        outage = Outage("engine")
        while not stopping.is_set():
            try:
                epoch = await lease.acquire(self._lease_name, lease_s)
            except StoreUnavailable as error:
                # Who cannot take it can follow all the same, and is warm when it can be had.
                self._stand("", f"the lease cannot be had: {error}")
                await outage.wait(error)
                await following.some(lease_s / LEASE_PARTS)
                continue
            outage.over()
            if epoch is not None:
                # The epoch first, then the log to its end: whoever wrote with a lower one.
                await following.to_the_end()
                return epoch
            self._is_well = True
            self._followed = following.recovered.place
            self._stand("standby", f"it follows the log, at entry {self._followed.number}")
            await following.some(lease_s / LEASE_PARTS)
        return None

    async def _lead(
        self, lease: Lease, epoch: int, following: Following, stopping: asyncio.Event
    ) -> None:
        holding = asyncio.create_task(self._hold(lease, epoch))
        stopped = asyncio.create_task(stopping.wait())
        tasks = [holding, stopped]
        try:
            engine = await self._new_leader(epoch, following)
            self._leading, self._epoch = engine, epoch
            self._stand("leader", f"it takes commands under epoch {epoch}")
            running = asyncio.create_task(engine.run())
            tasks.append(running)
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            # A batch under way is finished: it is in the log, or it is not.
            if self._leading is not None:
                self._is_well = self._leading.place.number > following.recovered.place.number
                self._leading.stop()
            for task in (holding, stopped):
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
            self._leading, self._followed = None, None
            await self._release(lease, epoch)
        for one in ended:
            if isinstance(one, Exception):
                raise one

    async def _new_leader(self, epoch: int, following: Following) -> EngineService:
        # Whoever divides the data anew holds this lease meanwhile.
        await self._deployment.check_layout()
        recovered = following.recovered
        _logger.info("engine_leads", epoch=epoch, number=recovered.place.number)
        if recovered.lost_tail:
            _logger.error(
                "log_lost_its_tail",
                ended_at=str(recovered.head.id),
                goes_on_after_number=recovered.place.number,
                detail="what was answered after the snapshot that it goes on from is lost",
            )
        log, inputs = await self._deployment.log(), await self._deployment.inputs()
        return EngineService(
            following.engine,
            log,
            recovered,
            inputs=inputs,
            volatile_inputs=False,
            epoch=epoch,
            tick_ms=self._settings.tick_ms,
            post_only_ms=self._settings.post_only_ms,
            clock=system_clock,
            claim=True,
            dead_letters=await self._deployment.stream(DEAD_LETTERS),
            room=Room({STORE_STREAM: log.stream, **inputs}, self._settings.stream_bytes_max),
        )

    async def _hold(self, lease: Lease, epoch: int) -> None:
        """Renew the lease; raises when another may have it."""
        lease_s = self._settings.lease_s
        loop = asyncio.get_running_loop()
        held_until = loop.time() + lease_s
        while True:
            await asyncio.sleep(lease_s / LEASE_PARTS)
            asked = loop.time()
            try:
                if not await lease.renew(self._lease_name, epoch, lease_s):
                    raise Superseded(f"the lease of epoch {epoch} is over")
                held_until = asked + lease_s
            except StoreUnavailable as error:
                if loop.time() > held_until:
                    raise Superseded(f"the lease could not be renewed: {error}") from error

    async def _release(self, lease: Lease, epoch: int) -> None:
        try:
            await lease.release(self._lease_name, epoch)
        except StoreUnavailable as error:
            _logger.warning("lease_not_released", epoch=epoch, reason=str(error))

    def _stand(self, role: str, reason: str) -> None:
        self._role, self._reason = role, reason

    @property
    def _lease_name(self) -> str:
        return f"engine-{self._settings.shard}"
