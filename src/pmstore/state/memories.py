"""Outcomes that are remembered under their ids, until their time is over."""

from __future__ import annotations

from collections import deque
from collections.abc import Container, Iterable
from typing import Final

from pmstore.models.changes import Remembered
from pmstore.models.order import Order
from pmstore.models.snapshot import MemoryKey

ACCEPTED: Final = "accepted"
"""The outcome of a command that was not refused."""
SUBMIT_ORDER: Final = "SubmitOrder"
"""The kind under which an order's id is remembered."""


def order_memory_key(order: Order) -> MemoryKey:
    """Under which id the outcome of submitting *order* is remembered."""
    return (order.user_id, SUBMIT_ORDER, order.client_order_id or order.id)


class Memories:
    """
    The outcomes of commands, and the ids of orders that are taken.

    Args:
        open_orders: The ids of the orders that are open; looked at, never changed.
        id_memory_ms: How long an outcome is remembered after its order or command ended.
    """

    def __init__(self, open_orders: Container[str], id_memory_ms: int) -> None:
        self.outcomes: dict[MemoryKey, Remembered] = {}
        self.ended: deque[tuple[int, MemoryKey]] = deque()
        """When what a memory is about ended, in that order."""
        self.order_ids: set[str] = set()
        """Ids of the orders that are open or remembered."""
        self.id_memory_ms = id_memory_ms
        self._open_orders = open_orders

    def restore(
        self, outcomes: Iterable[Remembered], ended: Iterable[tuple[int, MemoryKey]]
    ) -> None:
        """Take up what a snapshot remembers."""
        kept, order_ids = self.outcomes, self.order_ids
        for outcome in outcomes:
            kind = outcome.kind
            kept[outcome.user_id, kind, outcome.id] = outcome
            if kind == SUBMIT_ORDER and outcome.outcome == ACCEPTED:
                order_ids.add(outcome.order_id)
        self.ended.extend(ended)

    def remember(self, change: Remembered) -> None:
        """Keep the outcome of a command with an id; once more changes nothing."""
        if change.repeat or not change.id:
            return
        key = (change.user_id, change.kind, change.id)
        if key in self.outcomes:
            return
        self.outcomes[key] = change
        if change.kind == SUBMIT_ORDER and change.outcome == ACCEPTED:
            self.order_ids.add(change.order_id)
            if change.order_id in self._open_orders:
                return
        self.ended.append((change.timestamp, key))

    def remember_end(self, order: Order, time_ms: int) -> None:
        """Let the memory of *order*, which ended at *time_ms*, begin to run out."""
        key = order_memory_key(order)
        memory = self.outcomes.get(key)
        if memory is not None and memory.order_id == order.id and memory.outcome == ACCEPTED:
            self.ended.append((time_ms, key))
        else:
            # A taker, remembered when its command is done; or from a foreign snapshot.
            self.order_ids.discard(order.id)

    def forget(self, now_ms: int) -> None:
        """Drop the memories whose time is over at *now_ms*."""
        due_ms = now_ms - self.id_memory_ms
        ended = self.ended
        while ended and ended[0][0] <= due_ms:
            memory = self.outcomes.pop(ended.popleft()[1])
            if memory.kind == SUBMIT_ORDER and memory.outcome == ACCEPTED:
                self.order_ids.discard(memory.order_id)
