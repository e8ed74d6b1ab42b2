"""Brings what the log says into the order, trade, account and event stores."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
from typing import Final

import attrs
import structlog

from pmengine.services.history_stores import HistoryStores, Written
from pmengine.services.log import BEGINNING, Log, LogGap, Place, before
from pmengine.services.resuming import Resuming, Resumption
from pmstore import (
    START,
    AccountStore,
    Balance,
    Batch,
    Change,
    Event,
    EventAdded,
    EventChanged,
    EventRemoved,
    EventStore,
    MarketAdded,
    MarketChanged,
    MarketRemoved,
    Order,
    OrderCancelled,
    OrderCreated,
    OrderFilled,
    OrderStore,
    OrderUpdated,
    Position,
    State,
    StoreUnavailable,
    Trade,
    TradeStore,
    ended_order,
)

READ_BATCHES_MAX: Final = 64
READ_WAIT_S: Final = 1.0
RETRY_S_MIN: Final = 0.05
RETRY_S_MAX: Final = 5.0
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
    ) -> None:
        self._log = log
        self.orders = orders
        self.trades = trades
        self.accounts = accounts
        self.events = events
        self._stores = HistoryStores(orders, trades, accounts, events)
        self._open: dict[str, Order] = {}
        self._listed = State()
        self._resuming = resuming
        self._resumption: Resumption | None = None
        self.place = BEGINNING
        """How far the stores are, once they were filled."""
        self._stands_on = START
        self._filled = False
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []

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
        Find where to go on; nothing is written.

        Raises:
            CannotStart: The stores know more than the log, or what another log says.
            StoreUnavailable, CorruptData: From the stores.
        """
        self._resumption = await self._resuming.resume(await self._stores.standing())

    async def run(self) -> None:
        """Bring the stores to where it starts, then follow until cancelled."""
        if self._resumption is None:
            await self.prepare()
        assert self._resumption is not None, "prepared"
        await _persistently(partial(self._begin, self._resumption))
        while True:
            try:
                found = await self._log.read(self.place, READ_BATCHES_MAX, READ_WAIT_S)
            except LogGap as gap:
                await self._bridge(gap)
                continue
            if not found:
                continue
            written = await self._fold([batch for _, batch in found])
            entry, batch = found[-1]
            await _persistently(partial(self._stores.write, written, entry.id))
            self._stands_on = entry.id
            self._reach(Place(entry.id, batch.number, batch.hash))

    async def _begin(self, resumption: Resumption) -> None:
        """Take up what the stores know, and give those without a position their base."""
        place, base = resumption.place, resumption.base
        self._open = {order.id: order async for order in self._stores.open_orders()}
        self._listed.events = {event.event_id: event async for event in self._stores.events()}
        if base is not None:
            await self._correct(base.state, base.place.number)
        self._stands_on = place.position
        self._filled = True
        self._reach(place)

    async def _bridge(self, gap: LogGap) -> None:
        start = await self._resuming.behind(self.place.number)
        _logger.warning(
            "history_bridges",
            after_number=self.place.number,
            through_number=start.place.number,
            reason=str(gap),
            detail="trades in between, and how orders ended in between, are not on record",
        )
        await _persistently(partial(self._correct, start.state, start.place.number))
        self._open = dict(start.state.orders)
        self._reach(start.place)

    async def _correct(self, state: State, number: int) -> None:
        """
        Bring the stores to *state* at entry *number* of the log; what they know newer stays.

        Open orders that ended unseen are removed, rows that became zero unseen are zero,
        events that were removed unseen become shells. All of it can be done again.
        """
        orders, listed = state.orders, self._listed.events
        unseen = [
            order
            for order in self._open.values()
            if order.id not in orders and order.order_num <= state.order_counter
        ]
        shells = [
            _shell(event)
            for event_id, event in listed.items()
            if event_id not in state.events and not event.removing
        ]
        changed = [
            event
            for event in map(_plain, state.events.values())
            if event != listed.get(event.event_id)
        ]
        zeroed = [row async for row in self._zeroed(state)]
        rows = [row for by_user in state.balances.values() for row in by_user.values()]
        await self._stores.forget(unseen)
        written = Written(
            orders=list(orders.values()),
            balances=[*rows, *zeroed],
            events=[(event, number) for event in (*shells, *changed)],
        )
        await self._stores.write(written, None)
        # An order that was removed is seen to end if the log is read from further back.
        self._open.update(orders)
        for event in (*shells, *changed):
            listed[event.event_id] = event

    async def _zeroed(self, state: State) -> AsyncIterator[Balance]:
        """What is zero in *state* and not in the store, from the user's last change on."""
        async for row in self._stores.balances():
            version = state.user_update_ids.get(row.user_id, 0)
            is_known = row.user_id in state.balances.get(row.asset, {})
            if (row.available or row.frozen) and not is_known and row.version < version:
                yield attrs.evolve(row, available=0, frozen=0, version=version)

    async def reached(self, number: int) -> None:
        """Wait until the stores were filled and hold everything through entry *number*."""
        if self._filled and self.place.number >= number:
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((number, future))
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

    async def _fold(self, batches: Sequence[Batch]) -> Written:
        orders: dict[str, Order] = {}
        trades: list[Trade] = []
        balances: dict[tuple[str, str], Balance] = {}
        events: dict[int, None] = {}
        for batch in batches:
            for change in batch.changes:
                if isinstance(change, Balance):
                    balances[change.user_id, change.asset] = change
                elif isinstance(change, Trade):
                    trades.append(change)
                elif isinstance(change, OrderCreated | OrderUpdated):
                    self._open[change.order.id] = orders[change.order.id] = change.order
                elif isinstance(change, OrderFilled | OrderCancelled):
                    order = self._open.pop(change.order_id, None)
                    if order is not None:
                        orders[order.id] = ended_order(order, change)
                else:
                    event_id = _event_id(change)
                    if event_id is not None:
                        self._list(change)
                        events[event_id] = None
            await asyncio.sleep(0)
        listed, number = self._listed.events, batches[-1].number
        return Written(
            orders=list(orders.values()),
            trades=trades,
            balances=list(balances.values()),
            events=[(listed[event_id], number) for event_id in events if event_id in listed],
        )

    def _list(self, change: Change) -> None:
        """Fold a change of an event; one that was removed stays as an empty shell of itself."""
        if isinstance(change, EventRemoved):
            event = self._listed.events.get(change.event_id)
            if event is not None:
                self._listed.events[change.event_id] = _shell(event)
            return
        if isinstance(change, EventAdded):
            self._listed.events.pop(change.event.event_id, None)
        self._listed.apply(change)


async def _persistently(write: Callable[[], Awaitable[None]]) -> None:
    """Write, waiting out an outage: what is written twice changes nothing."""
    retry_s = RETRY_S_MIN
    while True:
        try:
            await write()
            return
        except StoreUnavailable as error:
            _logger.warning("history_waits", reason=str(error), retry_s=retry_s)
        await asyncio.sleep(retry_s)
        retry_s = min(2 * retry_s, RETRY_S_MAX)


def _event_id(change: Change) -> int | None:
    if isinstance(change, EventAdded):
        return change.event.event_id
    if isinstance(
        change, EventChanged | EventRemoved | MarketAdded | MarketRemoved | MarketChanged
    ):
        return change.event_id
    return None


def _shell(event: Event) -> Event:
    """What stays of an event that was removed."""
    return attrs.evolve(event, removing=True, markets={})


def _plain(event: Event) -> Event:
    """As the facts tell it: a snapshot also counts ladder changes, which are no event's change."""
    markets = {
        market_id: attrs.evolve(market, update_id=0, last_price=0)
        for market_id, market in event.markets.items()
    }
    return attrs.evolve(event, markets=markets)
