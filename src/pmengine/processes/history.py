"""History as a process: brings what the log says into the stores that the API asks."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import TypeVar

import msgspec

from pmengine.processes.deployment import Deployment
from pmengine.processes.service import until
from pmengine.processes.sharing import require_shared_stores
from pmengine.processes.turns import Turn
from pmengine.services.collector import let_go
from pmengine.services.history import History
from pmengine.services.history_ledger import Ledger
from pmengine.services.log import BEGINNING
from pmengine.services.notes import Note
from pmengine.services.outages import persistently
from pmengine.services.resuming import Resuming
from pmengine.services.shown_history import HistoryStacks
from pmengine.services.store_metrics import meter_of
from pmstore import (
    START,
    LayerOptions,
    open_account_store,
    open_event_store,
    open_order_store,
    open_trade_store,
)

T = TypeVar("T")


class HistoryProcess:
    """One works at a time, and others stand by; what is written twice changes nothing."""

    name = "history"

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._turn = Turn(deployment, self.name)
        self._history: History | None = None

    def note(self) -> Note:
        """How far the stores are, and which of the log's entries they stand on."""
        note = msgspec.structs.replace(self._deployment.note(self.name), role=self._turn.role)
        history = self._history
        if history is None:
            return note
        if history.place is BEGINNING:
            # Whoever trims must know before anything is read that it will be needed.
            return msgspec.structs.replace(note, needs_after=str(START))
        place = history.place
        return msgspec.structs.replace(
            note,
            state="running",
            number=place.number,
            position=str(place.position),
            needs_after=str(history.needed_after),
        )

    def readiness(self) -> tuple[bool, str]:
        """Ready once the stores hold what they held when it began."""
        if self._turn.role == "standby":
            return True, "it stands by"
        if self._history is None:
            return False, "it opens the stores"
        if self._history.place is BEGINNING:
            return False, "it finds out what the stores hold"
        return True, f"the stores hold the log through entry {self._history.place.number}"

    def numbers(self) -> Mapping[str, float]:
        """Nothing beyond its place."""
        return {}

    async def run(self, stopping: asyncio.Event) -> None:
        """
        Write until *stopping*.

        Raises:
            SettingsError: The stores are of one process.
            CannotStart, LogRewritten, CorruptData: Log, snapshots and stores do not fit.
        """
        require_shared_stores(self._deployment.settings.storage)
        await self._turn.run(stopping, self._work)

    async def _work(self, over: asyncio.Event) -> None:
        log = await self._deployment.log()
        # Left with the turn: the audit log beside the trades has one writer.
        async with AsyncExitStack() as closing:
            stores = await self._open(closing)
            history = self._history = History(
                log,
                orders=stores.orders,
                trades=stores.trades,
                accounts=stores.accounts,
                events=stores.events,
                ledger=await self._ledger(stores),
                resuming=Resuming(
                    log,
                    await self._deployment.snapshots(),
                    await self._deployment.recover(),
                    oldest=lambda number: self._deployment.recover(oldest=True, beyond=number),
                ),
            )
            try:
                await persistently(history.prepare, self.name)
                let_go()
                await until(over, asyncio.create_task(history.run()))
            finally:
                self._history = None

    async def _ledger(self, stores: HistoryStacks) -> Ledger | None:
        if stores.ledger is None:
            return None
        source = (await self._deployment.ownership()).source
        fee_account = self._deployment.settings.fee_account
        return Ledger(stores.ledger, source=source, fee_account=fee_account)

    async def _open(self, closing: AsyncExitStack) -> HistoryStacks:
        storage = self._deployment.settings.storage
        layout, ownership = await self._deployment.layout(), await self._deployment.ownership()
        trades = layout.trades(storage, self._deployment.shard)
        pins = storage.pins
        options = LayerOptions(cache_max_age_s=storage.cache_max_age_s)

        async def entered(opening: AbstractAsyncContextManager[T]) -> T:
            return await self._deployment.entered(opening, closing)

        shared = HistoryStacks(
            orders=await entered(
                open_order_store(
                    storage.orders, pins=pins, options=options, meter=meter_of("orders")
                )
            ),
            trades=await entered(
                open_trade_store(trades, pins=pins, options=options, meter=meter_of("trades"))
            ),
            accounts=await entered(
                open_account_store(
                    storage.orders, pins=pins, options=options, meter=meter_of("accounts")
                )
            ),
            events=await entered(
                open_event_store(
                    storage.orders, pins=pins, options=options, meter=meter_of("events")
                )
            ),
            ledger=await self._deployment.entered_ledger(closing),
        )
        return ownership.stacks(shared)
