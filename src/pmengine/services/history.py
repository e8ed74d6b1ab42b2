"""Brings what the log says into the order, trade, account and event stores."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

import attrs
import structlog

from pmengine.services.log import BEGINNING, Log, LogGap, Place
from pmengine.services.recovery import Recovered
from pmstore import (
    AccountStore,
    Balance,
    Batch,
    Change,
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
T = TypeVar("T")

_logger = structlog.get_logger("pmengine.history")


class History:
    """
    A consumer of the log of its own: an outage of its stores delays nothing but trimming.

    It begins at the oldest verified snapshot, from which the log is whole, and writes again
    what the stores may know: they keep newest versions and each trade once. Where the log
    has a gap (its tail was lost and a snapshot went on above it) it begins again at the first
    snapshot behind the gap, and forgets the open orders that ended unseen in between.

    Args:
        restart: Finds where to begin again behind the number that is given.
    """

    def __init__(
        self,
        log: Log,
        *,
        orders: OrderStore,
        trades: TradeStore,
        accounts: AccountStore,
        events: EventStore,
        restart: Callable[[int], Awaitable[Recovered]],
    ) -> None:
        self._log = log
        self.orders = orders
        self.trades = trades
        self.accounts = accounts
        self.events = events
        self._open: dict[str, Order] = {}
        self._listed = State()
        self._restart = restart
        self.place = BEGINNING
        """How far the stores are, once they were filled."""
        self._filled = False
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []

    async def run(self) -> None:
        """Fill the stores from where it starts, then follow until cancelled."""
        await self._begin(await self._restart(0))
        while True:
            try:
                found = await self._log.read(self.place, READ_BATCHES_MAX, READ_WAIT_S)
            except LogGap:
                await self._begin(await self._restart(self.place.number))
                continue
            if not found:
                continue
            await self._apply([batch for _, batch in found])
            entry, batch = found[-1]
            self.place = Place(entry.id, batch.number, batch.hash)
            self._wake()

    async def _begin(self, start: Recovered) -> None:
        state = start.state
        unseen = [
            (order.id, order.version)
            for order in self._open.values()
            if order.id not in state.orders
        ]
        for some in _pieces(unseen, self.orders.limits.batch_size_max):
            await self.orders.remove(some)
        self._open = dict(state.orders)
        self._listed.events = dict(state.events)
        await self._save(
            list(state.orders.values()),
            [],
            [row for rows in state.balances.values() for row in rows.values()],
            list(state.events),
            start.place.number,
        )
        self.place = start.place
        self._filled = True
        self._wake()

    async def reached(self, number: int) -> None:
        """Wait until the stores were filled and hold everything through entry *number*."""
        if self._filled and self.place.number >= number:
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((number, future))
        await future

    def _wake(self) -> None:
        still: list[tuple[int, asyncio.Future[None]]] = []
        for number, future in self._waiting:
            if number <= self.place.number and not future.done():
                future.set_result(None)
            elif not future.done():
                still.append((number, future))
        self._waiting = still

    async def _apply(self, batches: Sequence[Batch]) -> None:
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
        await self._save(
            list(orders.values()),
            trades,
            list(balances.values()),
            list(events),
            batches[-1].number,
        )

    def _list(self, change: Change) -> None:
        """Fold a change of an event; one that was removed stays as an empty shell of itself."""
        if isinstance(change, EventRemoved):
            event = self._listed.events.get(change.event_id)
            if event is not None:
                shell = attrs.evolve(event, removing=True, markets={})
                self._listed.events[change.event_id] = shell
            return
        if isinstance(change, EventAdded):
            self._listed.events.pop(change.event.event_id, None)
        self._listed.apply(change)

    async def _save(
        self,
        orders: Sequence[Order],
        trades: Sequence[Trade],
        balances: Sequence[Balance],
        event_ids: Sequence[int],
        number: int,
    ) -> None:
        """Write it all, waiting out an outage: what is written twice changes nothing."""
        retry_s = RETRY_S_MIN
        while True:
            try:
                await self._write(orders, trades, balances, event_ids, number)
                return
            except StoreUnavailable as error:
                _logger.warning("history_waits", reason=str(error), retry_s=retry_s)
            await asyncio.sleep(retry_s)
            retry_s = min(2 * retry_s, RETRY_S_MAX)

    async def _write(
        self,
        orders: Sequence[Order],
        trades: Sequence[Trade],
        balances: Sequence[Balance],
        event_ids: Sequence[int],
        number: int,
    ) -> None:
        """Trades first: an order that shows a fill has its trade."""
        for some_trades in _pieces(trades, self.trades.limits.batch_size_max):
            await self.trades.append(some_trades)
        for some_orders in _pieces(orders, self.orders.limits.batch_size_max):
            await self.orders.save(some_orders)
        for some_balances in _pieces(balances, self.accounts.limits.batch_size_max):
            await self.accounts.save(some_balances)
        listed = self._listed.events
        versioned = [(listed[id], number) for id in event_ids if id in listed]
        for some_events in _pieces(versioned, self.events.limits.batch_size_max):
            await self.events.save(some_events)


def _event_id(change: Change) -> int | None:
    if isinstance(change, EventAdded):
        return change.event.event_id
    if isinstance(
        change, EventChanged | EventRemoved | MarketAdded | MarketRemoved | MarketChanged
    ):
        return change.event_id
    return None


def _pieces(items: Sequence[T], size: int) -> list[Sequence[T]]:
    return [items[start : start + size] for start in range(0, len(items), size)]
