"""Makes a snapshot of another system ours, before the first entry of a log."""

from __future__ import annotations

from typing import Final

import attrs

from pmengine.invariants import Law, state_violations
from pmstore import Order, Snapshot, State
from pmstore.codec import GENESIS_HASH

FIRST_VERSION: Final = 1
"""That of every order which was there before our first entry."""
_JUDGED: Final = frozenset({Law.QUANTITY, Law.STATUS, Law.TERMS, Law.CROSSED})


def adopt(snapshot: Snapshot, now_ms: int) -> Snapshot:
    """
    *snapshot* as the state before our first entry.

    Events that ended by *now_ms* are left out with their orders: nobody will say any more
    that they ended. Numbers go on above those that its orders have; if several counters gave these,
    one for each market say, the orders are numbered anew in their order. Versions begin anew, at
    `FIRST_VERSION`: those of another system are times shifted to the left, beyond what a
    browser can count, and ours are what the user feed counts by.
    """
    snapshot = without_ended(snapshot, now_ms)
    orders = _numbered([attrs.evolve(order, version=FIRST_VERSION) for order in snapshot.orders])
    return attrs.evolve(
        snapshot,
        orders=orders,
        user_update_ids={order.user_id: FIRST_VERSION for order in orders},
        order_counter=max((order.order_num for order in orders), default=0),
        timestamp=now_ms,
        last_message_id=None,
        input_position={},
        number=0,
        hash=GENESIS_HASH,
    )


def _numbered(orders: list[Order]) -> list[Order]:
    """*orders* as they are if each has a number of its own from 1 on; else numbered anew."""
    numbers = {order.order_num for order in orders}
    if len(numbers) == len(orders) and 0 not in numbers:
        return orders
    in_order = sorted(orders, key=lambda order: (order.order_num, order.timestamp, order.id))
    return [attrs.evolve(order, order_num=number) for number, order in enumerate(in_order, start=1)]


def without_ended(snapshot: Snapshot, now_ms: int) -> Snapshot:
    """*snapshot* without the events that ended by *now_ms*, and without orders of no event."""
    events = {
        event_id: event
        for event_id, event in snapshot.events.items()
        if event.end_date_ms is None or event.end_date_ms > now_ms
    }
    orders = [order for order in snapshot.orders if order.symbol.event_id in events]
    return attrs.evolve(snapshot, events=events, orders=orders)


def unfit(adopted: Snapshot) -> list[str]:
    """
    Why the markets and orders of *adopted* cannot be ours; empty if they can.

    Cost:
        O(orders), once: nothing of ours was judged by another engine.
    """
    found = _shared_tokens(adopted) + _unlisted(adopted)
    if found:
        return found
    state = State.restore(adopted)
    return [
        f"{one.subject}: {one.text}"
        for one in state_violations(state, ledger=False)
        if one.law in _JUDGED
    ]


def _shared_tokens(snapshot: Snapshot) -> list[str]:
    owners: dict[str, str] = {}
    found: list[str] = []
    for event in snapshot.events.values():
        for market in event.markets.values():
            name = f"{event.event_id}/{market.market_id}"
            for token in market.token_ids:
                if token in owners:
                    found.append(f"token {token} is of market {owners[token]} and of {name}")
                owners[token] = name
    return found


def _unlisted(snapshot: Snapshot) -> list[str]:
    found: list[str] = []
    for order in snapshot.orders:
        symbol = order.symbol
        market = snapshot.events[symbol.event_id].markets.get(symbol.market_id)
        if market is None:
            found.append(f"{order.id} names market {symbol.market_id}, which its event has not")
        elif symbol.token_id not in market.token_ids:
            tokens = " and ".join(market.token_ids)
            found.append(f"{order.id} names token {symbol.token_id}, its market has {tokens}")
    return found
