"""Brings what the log says into the order, trade, account, event and ledger stores."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from typing import Final

import attrs
import structlog

from pmengine.services.history_ledger import Ledger
from pmengine.services.history_picture import Picture
from pmengine.services.history_stores import HistoryStores, Standing
from pmengine.services.log import BEGINNING, Log, LogGap, Place, before
from pmengine.services.outages import persistently
from pmengine.services.resuming import Resuming, Resumption
from pmstore import (
    START,
    AccountStore,
    Batch,
    Entry,
    EventStore,
    LedgerStore,
    OrderStore,
    Position,
    State,
    TradeStore,
)

READ_BATCHES_MAX: Final = 64
READ_WAIT_S: Final = 1.0
_logger = structlog.get_logger("pmengine.history")


class History:
    """
    A consumer of the log of its own: an outage of its stores delays nothing but trimming.

    It goes on where its stores are: those that are `Positioned` are written with the
    position of the log's entry, and the log keeps that entry. Only a store without a
    position begins at the oldest verified snapshot, or as far back as the log goes; what
    is written again changes nothing. Where the log has a gap (its tail was lost and a
    snapshot went on above it) it goes on with the first snapshot behind the gap, and
    corrects what the stores hold and the snapshot does not know.

    Args:
        gather_s: For how long more is gathered before the stores are written, unless somebody
            here waits for them. For who waits elsewhere it has to be 0.
    """

    def __init__(
        self,
        log: Log,
        *,
        orders: OrderStore,
        trades: TradeStore,
        accounts: AccountStore,
        events: EventStore,
        resuming: Resuming,
        ledger: Ledger | None = None,
        gather_s: float = 0.0,
    ) -> None:
        self._log = log
        self.orders = orders
        self.trades = trades
        self.accounts = accounts
        self.events = events
        self._ledger = ledger
        self._stores = HistoryStores(orders, trades, accounts, events, ledger)
        self._picture = Picture()
        self._resuming = resuming
        self._gather_s = gather_s
        self._standing: Standing | None = None
        self._places: list[Place] = []
        self.place = BEGINNING
        """How far the stores are, once they were filled."""
        self._stands_on = START
        self._filled = False
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []
        self._wanted = asyncio.Event()

    @property
    def ledger(self) -> LedgerStore | None:
        """The lines of the double-entry ledger, None where none is kept."""
        return None if self._ledger is None else self._ledger.store

    @property
    def needed_after(self) -> Position:
        """
        What of the log it needs: everything after this.

        The entry that the stores were written with last is among it: by that entry the next
        start knows them as this log's own.
        """
        return before(self._stands_on)

    async def prepare(self) -> None:
        """
        See that the stores are of this log, before anybody writes to either.

        Raises:
            CannotStart: The stores know more than the log, or what another log says.
            StoreUnavailable, CorruptData: From the stores.
        """
        self._standing = await self._stores.standing()
        self._places = await self._resuming.places(self._standing)

    async def run(self) -> None:
        """Bring the stores to where it starts, then follow until cancelled."""
        if self._standing is None:
            await self.prepare()
        await persistently(self._begin, "history")
        while True:
            try:
                found = await persistently(self._gather, "history")
            except LogGap as gap:
                await self._bridge(gap)
                continue
            if not found:
                continue
            written = await self._picture.fold([batch for _, batch in found])
            if self._ledger is not None:
                written = attrs.evolve(written, lines=await self._ledger.lines(found))
            entry, batch = found[-1]
            await persistently(partial(self._stores.write, written, entry.id), "history")
            self._stands_on = entry.id
            self._reach(Place(entry.id, batch.number, batch.hash))

    async def _gather(self) -> list[tuple[Entry, Batch]]:
        """
        What the log has behind the stores: what came first, and what came soon after it.

        A transaction costs the stores as much as many orders, and what changes twice in one is
        written once.
        """
        found = await self._log.read(self.place, READ_BATCHES_MAX, READ_WAIT_S)
        if not self._gather_s or not 0 < len(found) < READ_BATCHES_MAX:
            return found
        if not self._waiting:
            self._wanted.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._gather_s):
                    await self._wanted.wait()
        entry, batch = found[-1]
        place = Place(entry.id, batch.number, batch.hash)
        with suppress(LogGap):  # it is met again once this was written
            found += await self._log.read(place, READ_BATCHES_MAX - len(found))
        return found

    async def _begin(self) -> None:
        """Take up what the stores know, and give those without a position their base."""
        assert self._standing is not None, "prepared"
        resumption = await self._resuming.resume(self._standing, self._places)
        place, base = resumption.place, resumption.base
        self._picture = Picture(
            [order async for order in self._stores.open_orders()],
            [event async for event in self._stores.events()],
        )
        if self._ledger is not None:
            await self._begin_ledger(self._ledger, self._standing, resumption)
        if base is not None:
            await self._correct(base.state, base.place.number)
        self._stands_on = place.position
        self._filled = True
        self._reach(place)

    async def _begin_ledger(
        self, ledger: Ledger, standing: Standing, resumption: Resumption
    ) -> None:
        def place_of(position: Position | None) -> Place | None:
            if position is None:
                return None
            known = [place for place in self._places if place.position == position]
            # In a gap of the log: it is bridged when it is read.
            return known[0] if known else Place(position, resumption.place.number, "")

        await ledger.begin(
            ledger_at=place_of(standing.ledger),
            accounts_at=place_of(standing.accounts),
            base=resumption.base,
            balances=[row async for row in self._stores.balances()],
            events=[event async for event in self._stores.events()],
        )

    async def _bridge(self, gap: LogGap) -> None:
        start = await self._resuming.behind(self.place.number)
        _logger.warning(
            "history_bridges",
            after_number=self.place.number,
            through_number=start.place.number,
            reason=str(gap),
            detail="trades in between, and how orders ended in between, are not on record",
        )
        await persistently(partial(self._correct, start.state, start.place.number), "history")
        if self._ledger is not None:
            await persistently(partial(self._ledger.bridge, start.state, start.place), "history")
        self._picture.keep_open(start.state.orders)
        self._reach(start.place)

    async def _correct(self, state: State, number: int) -> None:
        corrections = self._picture.corrections(
            state, number, [row async for row in self._stores.balances()]
        )
        await self._stores.forget(corrections.forgotten)
        await self._stores.write(corrections.written, None)
        self._picture.take_up(corrections)

    async def reached(self, number: int) -> None:
        """Wait until the stores were filled and hold everything through entry *number*."""
        if self._filled and self.place.number >= number:
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((number, future))
        self._wanted.set()
        await future

    def _reach(self, place: Place) -> None:
        self.place = place
        still: list[tuple[int, asyncio.Future[None]]] = []
        for number, future in self._waiting:
            if number <= place.number and not future.done():
                future.set_result(None)
            elif not future.done():
                still.append((number, future))
        self._waiting = still
