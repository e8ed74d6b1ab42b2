"""What history's stores show, as far as facts need it that name an order or an event alone."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence

import attrs

from pmengine.services.history_stores import Written
from pmstore import (
    Balance,
    Batch,
    Change,
    Event,
    EventAdded,
    EventChanged,
    EventRemoved,
    MarketAdded,
    MarketChanged,
    MarketRemoved,
    Order,
    OrderCancelled,
    OrderCreated,
    OrderFilled,
    OrderUpdated,
    State,
    Trade,
    ended_order,
)


@attrs.frozen
class Corrections:
    """What brings the stores to a state: orders to remove, and records to write."""

    forgotten: Sequence[Order]
    written: Written


class Picture:
    """
    The open orders and the events of the stores; the log is folded over it.

    It may be ahead of the log's part that is folded: every fact says a thing as it is then,
    so once the fold has come to where the picture was taken it is right.
    """

    def __init__(self, orders: Iterable[Order] = (), events: Iterable[Event] = ()) -> None:
        self._open = {order.id: order for order in orders}
        self._listed = State()
        self._listed.events.update((event.event_id, event) for event in events)

    async def fold(self, batches: Sequence[Batch]) -> Written:
        """What *batches*, one or more, come to."""
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

    def corrections(self, state: State, number: int, balances: Iterable[Balance]) -> Corrections:
        """
        What brings the stores to *state* at entry *number* of the log; what is newer stays.

        Open orders that ended unseen are removed, rows of the stores' *balances* that became
        zero unseen are zero, events that were removed unseen become shells.
        """
        listed = self._listed.events
        forgotten = [
            order
            for order in self._open.values()
            if order.id not in state.orders and order.order_num <= state.order_counter
        ]
        shells = [
            _shell(event)
            for event_id, event in listed.items()
            if event_id not in state.events and not event.removing
        ]
        changed = [
            event
            for event in map(as_told, state.events.values())
            if event != listed.get(event.event_id)
        ]
        rows = [row for by_user in state.balances.values() for row in by_user.values()]
        written = Written(
            orders=list(state.orders.values()),
            balances=[*rows, *_zeroed(state, balances)],
            events=[(event, number) for event in (*shells, *changed)],
        )
        return Corrections(forgotten, written)

    def take_up(self, corrections: Corrections) -> None:
        """They were written. A removed order is seen to end if the log is read from before."""
        self._open.update((order.id, order) for order in corrections.written.orders)
        for event, _ in corrections.written.events:
            self._listed.events[event.event_id] = event

    def keep_open(self, orders: Mapping[str, Order]) -> None:
        """These are open and no others."""
        self._open = dict(orders)


def _zeroed(state: State, balances: Iterable[Balance]) -> Iterator[Balance]:
    """What is not zero among *balances* but in *state*, as of the user's last change."""
    for row in balances:
        version = state.user_update_ids.get(row.user_id, 0)
        is_known = row.user_id in state.balances.get(row.asset, {})
        if (row.available or row.frozen) and not is_known and row.version < version:
            yield attrs.evolve(row, available=0, frozen=0, version=version)


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


def as_told(event: Event) -> Event:
    """As the facts tell it: a snapshot also counts ladder changes, which are no event's change."""
    markets = {
        market_id: attrs.evolve(market, update_id=0, last_price=0)
        for market_id, market in event.markets.items()
    }
    return attrs.evolve(event, markets=markets)
