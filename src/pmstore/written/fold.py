"""The fold of the log that keeps orders and outcomes as they are written."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Set
from sys import intern
from typing import Any, Final

import attrs

from pmstore.codec.balances import to_balance
from pmstore.codec.changes_in import WireEnd, WireRemembered, to_frequent
from pmstore.codec.orders import WireOrder
from pmstore.codec.written_batches import WrittenBatch
from pmstore.codec.written_rows import (
    WrittenMemories,
    WrittenOrders,
    about_memory,
    about_order,
    memory_row,
    order_row,
    rows_of_memories,
    rows_of_orders,
)
from pmstore.models.balance import Balance
from pmstore.models.changes import Change, Counters
from pmstore.models.position import Position
from pmstore.models.snapshot import MarketKey, MemoryKey, Snapshot
from pmstore.state import ACCEPTED, SUBMIT_ORDER, State, snapshot_digest
from pmstore.state.snapshots import take_up

_CREATED: Final = len('OrderCreated":')
_UPDATED: Final = len('OrderUpdated":')
_REMEMBERED: Final = len('Remembered":')


class WrittenState:
    """
    What the log has said so far, as `State`, with the rows of orders and outcomes as bytes.

    A snapshot of it copies these bytes, and models are made when somebody looks at one. The
    same entries give the same snapshots and digests as with `State`.

    Args:
        id_memory_s: How long an outcome is remembered after its order or command ended.
    """

    def __init__(self, *, id_memory_s: int = 86_400) -> None:
        self._rest = _Rest(self._drop_orders_of, id_memory_s)
        self._orders: dict[str, bytes] = {}
        """Open orders by id; those of one token in their order."""
        self._memories: dict[MemoryKey, bytes] = {}
        self._ended: deque[tuple[int, MemoryKey]] = deque()
        # What the rest only keeps stays as it was read: it has the attributes of the models.
        self._balances: dict[str, dict[str, Any]] = self._rest.balances
        self._updates: dict[MarketKey, Any] = self._rest.updates

    @property
    def last_message_id(self) -> Position | None:
        """The position of the log's last entry that is folded."""
        return self._rest.last_message_id

    @property
    def number(self) -> int:
        """The number of that entry."""
        return self._rest.number

    @property
    def hash(self) -> str:
        """The hash of that entry."""
        return self._rest.hash

    def apply_batch(self, position: Position, batch: WrittenBatch) -> None:
        """Fold one entry of the log together with how far it brings every position."""
        rest, orders, balances = self._rest, self._orders, self._balances
        versions = rest.user_update_ids
        for at, (change, written) in enumerate(zip(batch.changes, batch.written, strict=True)):
            # The most frequent first, and these without a call.
            if (order := change.OrderCreated) is not None:
                if order.order_num > rest.order_counter:
                    rest.order_counter = order.order_num
                if order.id in orders:
                    self._replace(order, order_row(written[_CREATED:], order))
                else:
                    orders[order.id] = order_row(written[_CREATED:], order)
                if order.version > versions.get(order.user_id, 0):
                    versions[order.user_id] = order.version
            elif (row := change.AccountChanged) is not None:
                rows = balances.get(row.asset)
                if rows is None:
                    rows = balances[row.asset] = {}
                if row.available or row.frozen:
                    row.user_id, row.asset = intern(row.user_id), intern(row.asset)
                    rows[row.user_id] = row
                else:
                    rows.pop(row.user_id, None)
                if row.version > versions.get(row.user_id, 0):
                    versions[row.user_id] = row.version
            elif (memory := change.Remembered) is not None:
                self._remember(memory, written)
            elif (update := change.MarketUpdateId) is not None:
                key = (update.event_id, update.market_id)
                known = self._updates.get(key)
                if known is None or known.update_id < update.update_id:
                    self._updates[key] = update
            elif (order := change.OrderUpdated) is not None:
                self._order_updated(order, written)
            elif (trade := change.Traded) is not None:
                if trade.trade_id > rest.trade_counter:
                    rest.trade_counter = trade.trade_id
            elif (end := change.OrderFilled or change.OrderCancelled) is not None:
                self._order_ended(end)
            elif batch.models is not None:
                self._apply(batch.models[at])
            elif (model := to_frequent(change)) is not None:
                self._apply(model)
        self._rest.stand_at(position, batch.number, batch.hash, batch.input, batch.time)

    def freeze(self, timestamp: int) -> Snapshot:
        """
        A snapshot of everything, taken at *timestamp*, that later changes do not touch.

        Cost: as for `State.freeze`; writing it is to copy the rows.
        """
        rest = self._rest.freeze(timestamp)
        return attrs.evolve(
            rest,
            balances=[
                row if isinstance(row, Balance) else to_balance(row) for row in rest.balances
            ],
            orders=WrittenOrders(list(self._orders.values())),
            memories=WrittenMemories(list(self._memories.values())),
            ended=list(self._ended),
        )

    @classmethod
    def restore(cls, snapshot: Snapshot, *, id_memory_s: int = 86_400) -> WrittenState:
        """
        The state that *snapshot* is a picture of.

        Raises:
            CorruptData: A row of it cannot be read.
        """
        state = cls(id_memory_s=id_memory_s)
        rest = state._rest
        take_up(rest, attrs.evolve(snapshot, orders=(), memories=(), ended=()))
        orders, versions, counter = state._orders, rest.user_update_ids, rest.order_counter
        for abouts, rows in rows_of_orders(snapshot.orders):
            for about in abouts:
                if about.order_num > counter:
                    counter = about.order_num
                if about.version > versions.get(about.user_id, 0):
                    versions[about.user_id] = about.version
            orders.update(zip([about.id for about in abouts], rows, strict=True))
        rest.order_counter = counter
        for outcomes, rows in rows_of_memories(snapshot.memories):
            keys = [(intern(one.user_id), intern(one.kind), one.id) for one in outcomes]
            state._memories.update(zip(keys, rows, strict=True))
        state._ended.extend(snapshot.ended)
        return state

    def digest(self) -> str:
        """The `snapshot_digest` of this state. Cost: O(state)."""
        return snapshot_digest(self.freeze(0))

    def _order_updated(self, order: WireOrder, written: bytes) -> None:
        rest = self._rest
        if order.order_num > rest.order_counter:
            rest.order_counter = order.order_num
        if order.id in self._orders:
            self._replace(order, order_row(written[_UPDATED:], order))
            self._user_changed(order.user_id, order.version)

    def _replace(self, order: WireOrder, row: bytes) -> None:
        known = about_order(self._orders[order.id])
        if known.version > order.version:
            return
        if known.order_num != order.order_num:
            del self._orders[order.id]  # it queues again
        self._orders[order.id] = row

    def _order_ended(self, end: WireEnd) -> None:
        row = self._orders.pop(end.order_id, None)
        if row is not None:
            user_id = self._remember_end(row, end.timestamp)
            self._user_changed(user_id, end.version)

    def _user_changed(self, user_id: str, version: int) -> None:
        versions = self._rest.user_update_ids
        if version > versions.get(user_id, 0):
            versions[user_id] = version

    def _drop_orders_of(self, tokens: Set[str]) -> None:
        """As `State` does, in the order of their numbers."""
        orders = WrittenOrders(list(self._orders.values()))
        for order in [one for one in orders if one.symbol.token_id in tokens]:
            self._remember_end(self._orders.pop(order.id), self._rest.time_ms)

    def _remember(self, memory: WireRemembered, written: bytes) -> None:
        if memory.repeat or not memory.id:
            return
        key = (intern(memory.user_id), intern(memory.kind), memory.id)
        row = memory_row(written[_REMEMBERED:], memory)
        if self._memories.setdefault(key, row) is not row:
            return
        accepted = memory.kind == SUBMIT_ORDER and memory.outcome == ACCEPTED
        if not accepted or memory.order_id not in self._orders:
            self._ended.append((memory.timestamp, key))

    def _remember_end(self, row: bytes, time_ms: int) -> str:
        """Let the memory of an order begin to run out; the order's user."""
        order = about_order(row)
        key = (intern(order.user_id), SUBMIT_ORDER, order.client_order_id or order.id)
        written = self._memories.get(key)
        if written is not None:
            memory = about_memory(written)
            if memory.order_id == order.id and memory.outcome == ACCEPTED:
                self._ended.append((time_ms, key))
        return order.user_id

    def _apply(self, change: Change) -> None:
        if isinstance(change, Counters):
            due_ms = change.time_ms - self._rest.id_memory_ms
            ended = self._ended
            while ended and ended[0][0] <= due_ms:
                del self._memories[ended.popleft()[1]]
        self._rest.apply(change)


class _Rest(State):
    """Everything but orders and outcomes, of which it has none."""

    def __init__(self, drop_orders_of: Callable[[Set[str]], None], id_memory_s: int) -> None:
        super().__init__(id_memory_s=id_memory_s)
        self._drop_orders_of = drop_orders_of

    def drop_orders_of(self, tokens: Set[str]) -> None:
        """Let who has the orders drop those of *tokens*."""
        self._drop_orders_of(tokens)
