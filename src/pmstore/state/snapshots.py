"""States <-> snapshots."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from pmstore.models.order import Order
from pmstore.models.snapshot import Snapshot

if TYPE_CHECKING:
    from pmstore.state.fold import State


queue_place: Final[Callable[[Order], tuple[int, str]]] = attrgetter("order_num", "id")
"""What open orders are sorted by; numbers of other producers may be there twice."""


def freeze(state: State, timestamp: int) -> Snapshot:
    """
    A snapshot of everything in *state*, taken at *timestamp*, that later changes do not touch.

    Cost:
        Shallow copies, O(open orders + balances + memories).
    """
    return Snapshot(
        orders=list(state.orders.values()),
        events=state.listed.freeze(),
        timestamp=timestamp,
        last_message_id=state.last_message_id,
        balances=[row for rows in state.balances.values() for row in rows.values()],
        memories=list(state.memories.values()),
        ended=list(state.ended),
        user_update_ids=dict(state.user_update_ids),
        work=list(state.work),
        groups=state.groups(),
        sessions=dict(state.sessions),
        order_counter=state.order_counter,
        trade_counter=state.trade_counter,
        deposited=state.deposited,
        paused=state.paused,
        post_only_until_ms=state.post_only_until_ms,
        time_ms=state.time_ms,
        input_position=state.input_position,
        number=state.number,
        hash=state.hash,
        trail=list(state.trail),
        skipped=list(state.skipped),
    )


def take_up(state: State, snapshot: Snapshot) -> None:
    """Make *state*, which is empty, the one that *snapshot* is a picture of."""
    orders = snapshot.orders
    newest = state.user_update_ids
    newest.update(snapshot.user_update_ids)
    open_orders = state.orders
    number, is_sorted = -1, True
    # All in one pass: what costs is to come to each of millions of objects.
    for order in orders:
        if order.order_num <= number:
            is_sorted = False
        number = order.order_num
        open_orders[order.id] = order
        if order.version > newest.get(order.user_id, 0):
            newest[order.user_id] = order.version
    if not is_sorted:
        orders = sorted(orders, key=queue_place)
        open_orders.clear()
        open_orders.update((order.id, order) for order in orders)
    state.listed.restore(snapshot.events.values())
    for row in snapshot.balances:
        if row.available or row.frozen:
            state.balances.setdefault(row.asset, {})[row.user_id] = row
    state.order_ids.update(state.orders)
    state.remembered.restore(snapshot.memories, snapshot.ended)
    for item in snapshot.work:
        state.left_over.begin(item)
    state.grouped.restore(snapshot.groups)
    state.sessions.update(snapshot.sessions)
    # A foreign snapshot has orders and no counters.
    last = orders[-1].order_num if orders else 0
    state.order_counter = max(snapshot.order_counter, last)
    state.trade_counter = snapshot.trade_counter
    state.deposited = snapshot.deposited
    state.paused = snapshot.paused
    state.post_only_until_ms = snapshot.post_only_until_ms
    state.time_ms = snapshot.time_ms
    state.last_message_id = snapshot.last_message_id
    if snapshot.input_position is not None:
        state.input_position = dict(snapshot.input_position)
    state.number = snapshot.number
    state.hash = snapshot.hash
    state.trail.extend(snapshot.trail)
    state.skipped.extend(snapshot.skipped)
