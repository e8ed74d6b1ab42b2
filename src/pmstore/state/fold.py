"""The fold itself: what each fact changes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Set
from typing import Any, Final

from pmstore.models.balance import Balance
from pmstore.models.changes import (
    Batch,
    Change,
    Counters,
    EventAdded,
    EventChanged,
    EventRemoved,
    GroupChanged,
    GroupFilled,
    MarketAdded,
    MarketChanged,
    MarketRemoved,
    MarketUpdateId,
    OrderCancelled,
    OrderCreated,
    OrderFilled,
    OrdersLeaving,
    OrderUpdated,
    Paused,
    Remembered,
    Restored,
    SessionChanged,
)
from pmstore.models.group import Group, GroupKey, SessionKey
from pmstore.models.leaving import Leaving
from pmstore.models.market import Market
from pmstore.models.order import Order
from pmstore.models.position import Position
from pmstore.models.snapshot import Snapshot
from pmstore.models.trade import Trade
from pmstore.state.digest import snapshot_digest
from pmstore.state.groups import Groups
from pmstore.state.listed import Listed
from pmstore.state.memories import Memories
from pmstore.state.snapshots import freeze, queue_place, take_up
from pmstore.state.work import Work

TRAIL_MAX: Final = 1024


class State:
    """
    What the log has said so far; one task owns it.

    Values are replaced and never mutated, so that `freeze` is a handful of shallow copies.
    Times in epoch milliseconds, money in micros, tokens in lots.

    Args:
        id_memory_s: How long an outcome is remembered after its order or command ended.
    """

    def __init__(self, *, id_memory_s: int = 86_400) -> None:
        self.orders: Final[dict[str, Order]] = {}
        """The open orders by id, in (`order_num`, `id`) order."""
        self.balances: dict[str, dict[str, Balance]] = {}
        """Rows that are not zero, by asset and user."""
        self.user_update_ids: dict[str, int] = {}
        self.sessions: dict[SessionKey, int] = {}
        """Until when each session lives."""
        self.order_counter = 0
        self.trade_counter = 0
        self.deposited = 0
        """Cash (micros) that came from outside less what left."""
        self.paused = False
        self.post_only_until_ms = 0
        self.time_ms = 0
        self.last_message_id: Position | None = None
        self.input_position: dict[str, Position] | None = None
        self.number = 0
        self.hash = ""
        self.trail: deque[tuple[int, str]] = deque(maxlen=TRAIL_MAX)
        """Numbers and hashes of the last entries."""
        self.skipped: list[str] = []

        # What the parts own is shown here; it is never put in its place anew.
        self.listed: Final = Listed()
        self.events: Final = self.listed.events
        self.updates: Final = self.listed.updates
        self.remembered: Final = Memories(self.orders, id_memory_s * 1000)
        self.id_memory_ms: Final = self.remembered.id_memory_ms
        self.memories: Final = self.remembered.outcomes
        self.ended: Final = self.remembered.ended
        self.order_ids: Final = self.remembered.order_ids
        self.left_over: Final = Work()
        self.work: Final = self.left_over.items
        """Markets whose orders or holders are being worked off, and orders that left."""
        self.grouped: Final = Groups()

        self._appliers: dict[type, Callable[[Any], object]] = {
            OrderCreated: self._order_created,
            OrderUpdated: self._order_updated,
            OrderFilled: self._order_ended,
            OrderCancelled: self._order_ended,
            OrdersLeaving: self._orders_leaving,
            Trade: self._traded,
            Balance: self._balance,
            MarketUpdateId: self.listed.update,
            EventAdded: self.listed.add_event,
            EventChanged: self.listed.change_event,
            EventRemoved: self._event_removed,
            MarketAdded: self.listed.add_market,
            MarketRemoved: self._market_removed,
            MarketChanged: self._market_changed,
            Paused: self._paused,
            GroupChanged: self.grouped.change,
            GroupFilled: self.grouped.fill,
            SessionChanged: self._session_changed,
            Remembered: self.remembered.remember,
            Counters: self._counters,
            Restored: self._restored,
        }

    def apply(self, change: Change) -> None:
        """
        Fold one change; applying it twice changes nothing.

        Cost: O(1); O(open orders) for the end of a market that was not worked off.
        """
        self._appliers[type(change)](change)

    def apply_all(self, changes: Iterable[Change]) -> None:
        """Fold *changes* in order."""
        appliers = self._appliers
        for change in changes:
            appliers[type(change)](change)

    def apply_batch(self, position: Position, batch: Batch) -> None:
        """Fold one entry of the log together with how far it brings every position."""
        self.apply_all(batch.changes)
        self.stand_at(position, batch.number, batch.hash, batch.input, batch.time)

    def stand_at(
        self,
        position: Position,
        number: int,
        hash: str,
        input_position: dict[str, Position],
        time_ms: int,
    ) -> None:
        """The state is now the one after the log's entry *number* at *position*."""
        self.last_message_id = position
        self.input_position = input_position
        self.number = number
        self.hash = hash
        self.trail.append((number, hash))
        if time_ms > self.time_ms:
            self.time_ms = time_ms

    def open_market(self, event_id: int, market_id: int) -> Market | None:
        """The market as it is now, its update number and last price included."""
        return self.listed.find(event_id, market_id)

    def leaving_of(self, order: Order) -> Leaving | None:
        """By what an open order is leaving: it neither trades nor counts. None if it rests."""
        return self.left_over.leaving_of(order)

    def groups(self) -> dict[GroupKey, Group]:
        """The order groups as they are now; O(groups + their fills)."""
        return self.grouped.freeze()

    def freeze(self, timestamp: int) -> Snapshot:
        """
        A snapshot of everything, taken at *timestamp*, that later changes do not touch.

        Cost: shallow copies, O(open orders + balances + memories).
        """
        return freeze(self, timestamp)

    @classmethod
    def restore(cls, snapshot: Snapshot, *, id_memory_s: int = 86_400) -> State:
        """The state that *snapshot* is a picture of."""
        state = cls(id_memory_s=id_memory_s)
        take_up(state, snapshot)
        return state

    def digest(self) -> str:
        """The `snapshot_digest` of this state. Cost: O(state)."""
        return snapshot_digest(self.freeze(0))

    def _order_created(self, change: OrderCreated) -> None:
        order = change.order
        if order.order_num > self.order_counter:
            self.order_counter = order.order_num
            if self.orders.setdefault(order.id, order) is not order:
                self._replace(order)
        elif order.id in self.orders:
            self._replace(order)
        else:
            self._insert(order)
        self._user_changed(order.user_id, order.version)

    def _order_updated(self, change: OrderUpdated) -> None:
        order = change.order
        if order.order_num > self.order_counter:
            self.order_counter = order.order_num
        if order.id in self.orders:
            self._replace(order)
            self._user_changed(order.user_id, order.version)

    def _replace(self, order: Order) -> None:
        known = self.orders[order.id]
        if known.version > order.version:
            return
        if known.order_num == order.order_num:
            self.orders[order.id] = order
        else:
            del self.orders[order.id]  # it queues again
            self._insert(order)

    def _insert(self, order: Order) -> None:
        last = next(reversed(self.orders.values()), order)
        self.orders[order.id] = order
        if queue_place(last) > queue_place(order):
            # No engine's log has this; one of another producer's may.
            in_order = sorted(self.orders.values(), key=queue_place)
            self.orders.clear()
            self.orders.update((order.id, order) for order in in_order)

    def _order_ended(self, change: OrderFilled | OrderCancelled) -> None:
        order = self.orders.pop(change.order_id, None)
        if order is None:
            return
        self.remembered.remember_end(order, change.timestamp)
        self._user_changed(order.user_id, change.version)

    def _orders_leaving(self, change: OrdersLeaving) -> None:
        if change.working:
            self.left_over.begin(change.leaving)
        else:
            self.left_over.end(change.leaving)

    def _user_changed(self, user_id: str, version: int) -> None:
        if version > self.user_update_ids.get(user_id, 0):
            self.user_update_ids[user_id] = version

    def _traded(self, trade: Trade) -> None:
        if trade.trade_id > self.trade_counter:
            self.trade_counter = trade.trade_id

    def _balance(self, row: Balance) -> None:
        rows = self.balances.setdefault(row.asset, {})
        if row.available or row.frozen:
            rows[row.user_id] = row
        else:
            rows.pop(row.user_id, None)
        self._user_changed(row.user_id, row.version)

    def _event_removed(self, change: EventRemoved) -> None:
        event = self.events.get(change.event_id)
        if event is not None:
            self._drop_markets(change.event_id, list(event.markets))
            del self.events[change.event_id]

    def _market_removed(self, change: MarketRemoved) -> None:
        self._drop_markets(change.event_id, [change.market_id])

    def _drop_markets(self, event_id: int, market_ids: Iterable[int]) -> None:
        emptied: set[str] = set()
        for market_id in market_ids:
            market = self.listed.remove_market(event_id, market_id)
            if market is None:
                continue
            key = (event_id, market_id)
            # The engine removes what was worked off. Another producer removes at once: only
            # then all open orders are looked at.
            if key in self.left_over.items or not market.removing:
                emptied.update(market.token_ids)
            self.left_over.end(key)
            for token in market.token_ids:
                self.balances.pop(token, None)
        if emptied:
            self.drop_orders_of(emptied)

    def drop_orders_of(self, tokens: Set[str]) -> None:
        """Drop the open orders of *tokens*, whose markets are gone; O(open orders)."""
        for order in [one for one in self.orders.values() if one.symbol.token_id in tokens]:
            del self.orders[order.id]
            self.remembered.remember_end(order, self.time_ms)

    def _market_changed(self, change: MarketChanged) -> None:
        if not self.listed.change_market(change):
            return
        key = (change.event_id, change.market_id)
        if change.working:
            self.left_over.begin(key)
        else:
            self.left_over.end(key)

    def _paused(self, change: Paused) -> None:
        self.paused = change.paused
        self.post_only_until_ms = change.post_only_until_ms

    def _session_changed(self, change: SessionChanged) -> None:
        key = (change.user_id, change.session)
        if change.deadline_ms:
            self.sessions[key] = change.deadline_ms
        else:
            self.sessions.pop(key, None)

    def _counters(self, change: Counters) -> None:
        self.remembered.forget(change.time_ms)
        self.deposited = change.deposited

    def _restored(self, change: Restored) -> None:
        """The log's business, not the state's."""
