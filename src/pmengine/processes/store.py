"""The store service as a process: snapshots of the state, and trimming by need."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

import msgspec
import structlog

from pmengine.processes.deployment import Deployment
from pmengine.processes.foreign_store import ForeignStore, open_foreign_store
from pmengine.processes.service import until
from pmengine.processes.taking import taker_for
from pmengine.processes.turns import Turn
from pmengine.services.collector import let_go
from pmengine.services.dead_letters import DEAD_LETTERS, forget_old_letters
from pmengine.services.foreign_log import is_foreign
from pmengine.services.log import STORE_STREAM, LogGap, WrittenLog
from pmengine.services.notes import Board, Note
from pmengine.services.outages import persistently
from pmengine.services.recovery import CannotStart, RecoveredAs, recover_as
from pmengine.services.store import StoreService
from pmengine.services.taking import Taker
from pmstore import CorruptData, StoreUnavailable, Stream
from pmstore.clock import system_clock
from pmstore.written import WrittenState

TIDY_S: Final = 60.0

_logger = structlog.get_logger("pmengine.store")


class StoreProcess:
    """One works at a time, and others stand by."""

    name = "store"

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._turn = Turn(deployment, self.name)
        self._store: StoreService | None = None
        self._foreign: ForeignStore | None = None

    def note(self) -> Note:
        """How far the folded state is."""
        note = msgspec.structs.replace(self._deployment.note(self.name), role=self._turn.role)
        if self._store is None:
            return note
        place = self._store.place
        return msgspec.structs.replace(
            note, state="running", number=place.number, position=str(place.position)
        )

    def readiness(self) -> tuple[bool, str]:
        """Ready while it folds the log."""
        store = self._store
        if self._turn.role == "standby":
            return True, "it stands by"
        if store is None:
            return False, "it recovers"
        saved = "none yet" if store.saved is None else f"at entry {store.saved.number}"
        return True, f"it folded the log through entry {store.place.number}; snapshot: {saved}"

    def numbers(self) -> Mapping[str, float]:
        """Where the last snapshot stands that it took, how large it is, and how many failed."""
        store = self._store
        if store is None:
            return {}
        told: dict[str, float] = {"snapshots_failed": store.failed}
        if self._foreign is not None:
            told |= self._foreign.numbers()
        if store.saved is None:
            return told
        last = {"snapshot_number": store.saved.number, "snapshot_bytes": store.saved.size_bytes}
        return told | last

    async def run(self, stopping: asyncio.Event) -> None:
        """
        Fold, snapshot and trim until *stopping*.

        Raises:
            CannotStart, LogRewritten, CorruptData: Log and snapshots do not fit together.
        """
        await self._turn.run(stopping, self._work)

    async def _work(self, over: asyncio.Event) -> None:
        while not over.is_set():
            try:
                await self._fold(over)
            except LogGap as gap:
                # The log lost its tail, and a leader went on above the snapshot.
                _logger.warning("store_starts_again", reason=str(gap))
            finally:
                self._store = None
            if not over.is_set():
                let_go()

    async def _fold(self, over: asyncio.Event) -> None:
        deployment, settings = self._deployment, self._deployment.settings
        board = await deployment.board()
        taker = taker_for(
            await deployment.place(),
            await deployment.snapshots(),
            within_s=settings.snapshot_timeout_s,
        )
        if settings.store_foreign:
            self._foreign = await open_foreign_store(deployment, taker)
            store = self._store = self._foreign.service
        else:
            store = self._store = await self._on_our_log(board, taker)
        letters = await deployment.stream(DEAD_LETTERS)
        following = (store.run(), board.run(), _tidy(board, letters))
        await until(over, *map(asyncio.create_task, following))
        try:
            async with asyncio.timeout(settings.shutdown_timeout_s):
                while await store.catch_up():
                    pass
                await store.save()
        except (StoreUnavailable, TimeoutError) as error:
            _logger.warning("last_snapshot_failed", reason=str(error))

    async def _on_our_log(self, board: Board, taker: Taker) -> StoreService:
        deployment, settings = self._deployment, self._deployment.settings
        log, recovered = await recovered_rows(deployment)
        return StoreService(
            log,
            taker,
            state=recovered.state,
            place=recovered.place,
            interval_s=settings.snapshot_interval_s,
            keep=settings.snapshots_keep,
            consumers=board.needs,
            clock=system_clock,
            inputs=await deployment.inputs(),
            is_pressed=lambda: any(note.lack for note in board.living("engine")),
        )


async def recovered_rows(deployment: Deployment) -> tuple[WrittenLog, RecoveredAs[WrittenState]]:
    """
    The state with its rows as they are written, and the log that it goes on with.

    Raises:
        CannotStart, CorruptData: As `services.recovery.recover_as`; or the log is another
            engine's.
    """
    stream, snapshots = await deployment.stream(STORE_STREAM), await deployment.snapshots()
    log = WrittenLog(stream)

    async def find() -> RecoveredAs[WrittenState]:
        id_memory_s = deployment.settings.id_memory_s
        return await recover_as(
            WrittenState, log, snapshots, id_memory_s=id_memory_s, now_ms=system_clock()
        )

    try:
        return log, await persistently(find, "recovery")
    except CorruptData as error:
        if not await persistently(lambda: is_foreign(stream), "recovery"):
            raise
        raise CannotStart(
            f"{error}. It was written by another engine: with STORE_FOREIGN=true this service "
            "keeps the snapshots of that one"
        ) from error


async def _tidy(board: Board, letters: Stream) -> None:
    while True:
        await asyncio.sleep(TIDY_S)
        try:
            await board.trim()
            await forget_old_letters(letters, system_clock())
        except StoreUnavailable as error:
            _logger.warning("not_tidied", reason=str(error))
