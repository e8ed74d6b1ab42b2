"""The fold of the log's changes: everything that can change a later answer; pure."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Any, Final

import attrs
import msgspec

from pmstore.models.balance import Balance
from pmstore.models.changes import (
    Batch,
    Change,
    Counters,
    EventAdded,
    EventChanged,
    EventRemoved,
    MarketAdded,
    MarketChanged,
    MarketRemoved,
    MarketUpdateId,
    OrderCancelled,
    OrderCreated,
    OrderFilled,
    OrderUpdated,
    Paused,
    Remembered,
    Restored,
)
from pmstore.models.market import Event, Market
from pmstore.models.order import Order, OrderStatus
from pmstore.models.position import Position
from pmstore.models.snapshot import MemoryKey, Snapshot
from pmstore.models.trade import Trade

ACCEPTED: Final = "accepted"
"""The outcome of a command that was not refused."""
TRAIL_MAX: Final = 1024
SUBMIT_ORDER: Final = "SubmitOrder"
"""The kind under which an order's id is remembered."""

MarketKey = tuple[int, int]


def order_memory_key(order: Order) -> MemoryKey:
    """Under which id the outcome of submitting *order* is remembered."""
    return (order.user_id, SUBMIT_ORDER, order.client_order_id or order.id)


def ended_order(order: Order, end: OrderFilled | OrderCancelled) -> Order:
    """*order* as it is after its end."""
    filled = isinstance(end, OrderFilled)
    return attrs.evolve(
        order,
        status=OrderStatus.FILLED if filled else OrderStatus.CANCELLED,
        quantity=order.quantity or end.filled_quantity,
        filled_quantity=end.filled_quantity,
        remaining_quantity=end.remaining_quantity,
        spent=end.spent,
        version=end.version,
    )


class State:
    """
    What the log has said so far; one task owns it.

    Values are replaced and never mutated, so that `freeze` is a handful of shallow copies.
    Times in epoch milliseconds, money in micros, tokens in lots.

    Args:
        id_memory_s: How long an outcome is remembered after its order or command ended.
    """

    def __init__(self, *, id_memory_s: int = 86_400) -> None:
        self.orders: dict[str, Order] = {}
        """The open orders by id, in `order_num` order."""
        self.events: dict[int, Event] = {}
        self.updates: dict[MarketKey, MarketUpdateId] = {}
        """The last ladder change of each market."""
        self.balances: dict[str, dict[str, Balance]] = {}
        """Rows that are not zero, by asset and user."""
        self.user_update_ids: dict[str, int] = {}
        self.memories: dict[MemoryKey, Remembered] = {}
        self.ended: deque[tuple[int, MemoryKey]] = deque()
        """When what a memory is about ended, in that order."""
        self.order_ids: set[str] = set()
        """Ids of the orders that are open or remembered."""
        self.work: dict[MarketKey, None] = {}
        """Markets whose orders or holders are being worked off, in that order."""
        self.order_counter = 0
        self.trade_counter = 0
        self.deposited = 0
        """Cash (micros) that came from outside less what left."""
        self.paused = False
        self.time_ms = 0
        self.last_message_id: Position | None = None
        self.input_position: dict[str, Position] | None = None
        self.number = 0
        self.hash = ""
        self.trail: deque[tuple[int, str]] = deque(maxlen=TRAIL_MAX)
        """Numbers and hashes of the last entries."""
        self.skipped: list[str] = []
        self.id_memory_ms = id_memory_s * 1000
        self._appliers: dict[type, Callable[[Any], None]] = {
            OrderCreated: self._order_created,
            OrderUpdated: self._order_updated,
            OrderFilled: self._order_ended,
            OrderCancelled: self._order_ended,
            Trade: self._traded,
            Balance: self._balance,
            MarketUpdateId: self._market_update_id,
            EventAdded: self._event_added,
            EventChanged: self._event_changed,
            EventRemoved: self._event_removed,
            MarketAdded: self._market_added,
            MarketRemoved: self._market_removed,
            MarketChanged: self._market_changed,
            Paused: self._paused,
            Remembered: self._remembered,
            Counters: self._counters,
            Restored: self._restored,
        }

    def apply(self, change: Change) -> None:
        """Fold one change; applying it twice changes nothing. Cost: O(1), but for removals."""
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
        event = self.events.get(event_id)
        market = None if event is None else event.markets.get(market_id)
        update = self.updates.get((event_id, market_id))
        if market is None or update is None:
            return market
        return attrs.evolve(market, update_id=update.update_id, last_price=update.last_price)

    def has_holders(self, market: Market) -> bool:
        """Whether a token of *market* is outstanding."""
        return any(self.balances.get(token) for token in market.token_ids)

    def forget(self, now_ms: int) -> bool:
        """Drop the memories whose time is over at *now_ms*; whether there were any."""
        due_ms = now_ms - self.id_memory_ms
        ended = self.ended
        if not ended or ended[0][0] > due_ms:
            return False
        while ended and ended[0][0] <= due_ms:
            memory = self.memories.pop(ended.popleft()[1])
            if memory.kind == SUBMIT_ORDER and memory.outcome == ACCEPTED:
                self.order_ids.discard(memory.order_id)
        return True

    def remember_end(self, order: Order, time_ms: int) -> None:
        """Let the memory of *order*, which ended at *time_ms*, begin to run out."""
        key = order_memory_key(order)
        memory = self.memories.get(key)
        if memory is not None and memory.order_id == order.id and memory.outcome == ACCEPTED:
            self.ended.append((time_ms, key))
        else:
            # A taker, remembered when its command is done; or from a foreign snapshot.
            self.order_ids.discard(order.id)

    def freeze(self, timestamp: int) -> Snapshot:
        """
        A snapshot of everything, taken at *timestamp*, that later changes do not touch.

        Cost: shallow copies, O(open orders + balances + memories).
        """
        return Snapshot(
            orders=list(self.orders.values()),
            events={
                event_id: attrs.evolve(
                    event,
                    markets={
                        market_id: market
                        for market_id in event.markets
                        if (market := self.open_market(event_id, market_id)) is not None
                    },
                )
                for event_id, event in self.events.items()
            },
            timestamp=timestamp,
            last_message_id=self.last_message_id,
            balances=[row for rows in self.balances.values() for row in rows.values()],
            memories=list(self.memories.values()),
            ended=list(self.ended),
            user_update_ids=dict(self.user_update_ids),
            work=list(self.work),
            order_counter=self.order_counter,
            trade_counter=self.trade_counter,
            deposited=self.deposited,
            paused=self.paused,
            time_ms=self.time_ms,
            input_position=self.input_position,
            number=self.number,
            hash=self.hash,
            trail=list(self.trail),
            skipped=list(self.skipped),
        )

    @classmethod
    def restore(cls, snapshot: Snapshot, *, id_memory_s: int = 86_400) -> State:
        """The state that *snapshot* is a picture of."""
        state = cls(id_memory_s=id_memory_s)
        orders = sorted(snapshot.orders, key=attrgetter("order_num"))
        state.orders = {order.id: order for order in orders}
        state.order_ids = set(state.orders)
        state.events = dict(snapshot.events)
        for event in snapshot.events.values():
            for market in event.markets.values():
                if market.update_id:
                    key = (event.event_id, market.market_id)
                    state.updates[key] = MarketUpdateId(
                        *key, market.update_id, last_price=market.last_price
                    )
        for row in snapshot.balances:
            state.balances.setdefault(row.asset, {})[row.user_id] = row
        state.user_update_ids = dict(snapshot.user_update_ids)
        state.memories = {
            (answer.user_id, answer.kind, answer.id): answer for answer in snapshot.memories
        }
        state.order_ids.update(
            answer.order_id
            for answer in snapshot.memories
            if answer.kind == SUBMIT_ORDER and answer.outcome == ACCEPTED
        )
        state.ended = deque(snapshot.ended)
        state.work = dict.fromkeys(snapshot.work)
        # A foreign snapshot has orders and no counters.
        last = orders[-1].order_num if orders else 0
        state.order_counter = max(snapshot.order_counter, last)
        newest = state.user_update_ids
        for order in orders:
            if order.version > newest.get(order.user_id, 0):
                newest[order.user_id] = order.version
        state.trade_counter = snapshot.trade_counter
        state.deposited = snapshot.deposited
        state.paused = snapshot.paused
        state.time_ms = snapshot.time_ms
        state.last_message_id = snapshot.last_message_id
        if snapshot.input_position is not None:
            state.input_position = dict(snapshot.input_position)
        state.number = snapshot.number
        state.hash = snapshot.hash
        state.trail.extend(snapshot.trail)
        state.skipped = list(snapshot.skipped)
        return state

    def digest(self) -> str:
        """
        SHA-256 in hex of everything that can change a later answer, as canonical JSON.

        Engine time, positions, numbers and hashes of the log are not in it.
        Cost: O(state); for tests and `pmengine verify`.
        """
        snapshot = self.freeze(0)
        ended = {key: ended_ms for ended_ms, key in self.ended}
        picture = {
            "events": [
                [
                    attrs.evolve(event, markets={}),
                    [market for _, market in sorted(event.markets.items())],
                ]
                for _, event in sorted(snapshot.events.items())
            ],
            "orders": snapshot.orders,
            "accounts": sorted(snapshot.balances, key=lambda row: (row.user_id, row.asset)),
            "users": snapshot.user_update_ids,
            "counters": [snapshot.order_counter, snapshot.trade_counter, snapshot.deposited],
            "paused": snapshot.paused,
            "work": snapshot.work,
            "memories": [
                [key, memory.outcome, memory.order_id, memory.content, ended.get(key)]
                for key, memory in self.memories.items()
            ],
        }
        return hashlib.sha256(msgspec.json.encode(picture, order="sorted")).hexdigest()

    def _order_created(self, change: OrderCreated) -> None:
        order = change.order
        if order.order_num > self.order_counter:
            self.order_counter = order.order_num
        self.orders[order.id] = order
        self._user_changed(order.user_id, order.version)

    def _order_updated(self, change: OrderUpdated) -> None:
        order = change.order
        if order.order_num > self.order_counter:
            self.order_counter = order.order_num
        known = self.orders.get(order.id)
        if known is None or known.version > order.version:
            return
        if known.order_num != order.order_num:
            del self.orders[order.id]  # it queues again: the dict stays in order_num order
        self.orders[order.id] = order
        self._user_changed(order.user_id, order.version)

    def _order_ended(self, change: OrderFilled | OrderCancelled) -> None:
        order = self.orders.pop(change.order_id, None)
        if order is None:
            return
        self.remember_end(order, change.timestamp)
        self._user_changed(order.user_id, change.version)

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

    def _market_update_id(self, change: MarketUpdateId) -> None:
        key = (change.event_id, change.market_id)
        known = self.updates.get(key)
        if known is None or known.update_id < change.update_id:
            self.updates[key] = change

    def _event_added(self, change: EventAdded) -> None:
        self.events.setdefault(change.event.event_id, change.event)

    def _event_changed(self, change: EventChanged) -> None:
        event = self.events.get(change.event_id)
        if event is not None:
            self.events[change.event_id] = attrs.evolve(event, removing=change.removing)

    def _event_removed(self, change: EventRemoved) -> None:
        event = self.events.get(change.event_id)
        if event is None:
            return
        for market_id in list(event.markets):
            self._market_removed(MarketRemoved(change.event_id, market_id))
        del self.events[change.event_id]

    def _market_added(self, change: MarketAdded) -> None:
        event = self.events.get(change.event_id)
        if event is not None and change.market.market_id not in event.markets:
            markets = event.markets | {change.market.market_id: change.market}
            self.events[change.event_id] = attrs.evolve(event, markets=markets)

    def _market_removed(self, change: MarketRemoved) -> None:
        event = self.events.get(change.event_id)
        market = None if event is None else event.markets.get(change.market_id)
        if event is None or market is None:
            return
        markets = {key: value for key, value in event.markets.items() if value is not market}
        self.events[change.event_id] = attrs.evolve(event, markets=markets)
        self.updates.pop((change.event_id, change.market_id), None)
        self.work.pop((change.event_id, change.market_id), None)
        for order in [o for o in self.orders.values() if o.symbol.token_id in market.token_ids]:
            del self.orders[order.id]
        for token in market.token_ids:
            self.balances.pop(token, None)

    def _market_changed(self, change: MarketChanged) -> None:
        event = self.events.get(change.event_id)
        market = None if event is None else event.markets.get(change.market_id)
        if event is None or market is None:
            return
        changed = attrs.evolve(
            market, state=change.state, removing=change.removing, payouts=change.payouts
        )
        self.events[change.event_id] = attrs.evolve(
            event, markets=event.markets | {change.market_id: changed}
        )
        if change.working:
            self.work[change.event_id, change.market_id] = None
        else:
            self.work.pop((change.event_id, change.market_id), None)

    def _paused(self, change: Paused) -> None:
        self.paused = change.paused

    def _remembered(self, change: Remembered) -> None:
        if change.repeat or not change.id:
            return
        key = (change.user_id, change.kind, change.id)
        if key in self.memories:
            return
        self.memories[key] = change
        if change.kind == SUBMIT_ORDER and change.outcome == ACCEPTED:
            self.order_ids.add(change.order_id)
            if change.order_id in self.orders:
                return
        self.ended.append((change.timestamp, key))

    def _counters(self, change: Counters) -> None:
        self.forget(change.time_ms)
        self.deposited = change.deposited

    def _restored(self, change: Restored) -> None:
        """The log's business, not the state's."""
