"""Whether a whole state keeps every law that can be seen in it; pure."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Final

from pmengine.invariants.laws import Law, Violation, market_name
from pmengine.invariants.needs import (
    Asset,
    held,
    ladder_place,
    market_of,
    need_of,
)
from pmengine.invariants.single import (
    TRADABLE,
    collateral,
    event_violations,
    membership_violations,
    order_violations,
    row_violations,
)
from pmstore import CASH, PAYOUT, MarketKey, MemoryKey, State, order_memory_key

RECORDS_BETWEEN_RESTS: Final = 500


def state_violations(state: State, *, ledger: bool = True) -> list[Violation]:
    """
    Every law that *state* breaks.

    Args:
        ledger: Whether money and tokens are kept in it; else only orders are looked at.

    Returns:
        A violation each; empty when all is well.

    Cost:
        O(state).
    """
    return [found for found in state_checks(state, ledger=ledger) if found is not None]


def state_checks(state: State, *, ledger: bool = True) -> Iterator[Violation | None]:
    """
    `state_violations` piece by piece.

    None comes every few hundred records: there the caller may let others run, as long as
    nobody changes the state.
    """
    yield from _orders(state)
    yield from _crossed(state)
    yield from _memories(state)
    for event in list(state.events.values()):
        yield from event_violations(state, event, partial(held, state), ledger=ledger)
        yield None
    yield from _groups_and_sessions(state)
    if ledger:
        yield from _balances(state)
        yield from _money(state)


def _orders(state: State) -> Iterator[Violation | None]:
    last = 0
    for index, (key, order) in enumerate(state.orders.items()):
        if not index % RECORDS_BETWEEN_RESTS:
            yield None
        name = f"order {order.id}"
        if key != order.id:
            yield Violation(Law.LIFE, name, f"stands under {key}")
        if order.order_num <= last:
            yield Violation(Law.QUEUE, name, f"number {order.order_num} comes after {last}")
        last = order.order_num
        yield from order_violations(state, order)
        expires_at_ms = order.expires_at_ms
        if expires_at_ms is None or expires_at_ms > state.time_ms:
            continue
        market = market_of(state, order)
        if market and market.state in TRADABLE and not state.leaving_of(order):
            text = f"expired at {expires_at_ms} and is open at {state.time_ms}"
            yield Violation(Law.DUE, name, text)


def _crossed(state: State) -> Iterator[Violation | None]:
    bids: dict[MarketKey, int] = {}
    asks: dict[MarketKey, int] = {}
    for index, order in enumerate(state.orders.values()):
        if not index % RECORDS_BETWEEN_RESTS:
            yield None
        market = market_of(state, order)
        if market is None or state.leaving_of(order):
            continue
        key = (order.symbol.event_id, order.symbol.market_id)
        is_bid, price = ladder_place(order, market)
        if is_bid:
            bids[key] = max(price, bids.get(key, 0))
        else:
            asks[key] = min(price, asks.get(key, PAYOUT))
    for key in bids.keys() & asks.keys():
        if bids[key] >= asks[key]:
            text = f"best bid {bids[key]} meets best ask {asks[key]}"
            yield Violation(Law.CROSSED, market_name(*key), text)


def _memories(state: State) -> Iterator[Violation | None]:
    """Each outcome is remembered until its time is over, and no longer."""
    last_ms = 0
    ended: set[MemoryKey] = set()
    for index, (time_ms, key) in enumerate(state.ended):
        if not index % RECORDS_BETWEEN_RESTS:
            yield None
        if time_ms < last_ms:
            yield Violation(Law.MEMORY, f"memory {key}", "their ends are out of order")
        elif time_ms <= state.time_ms - state.id_memory_ms:
            text = f"ended at {time_ms} and is not forgotten at {state.time_ms}"
            yield Violation(Law.DUE, f"memory {key}", text)
        last_ms = time_ms
        if key in ended:
            yield Violation(Law.MEMORY, f"memory {key}", "ended twice")
        ended.add(key)
        if key not in state.memories:
            yield Violation(Law.MEMORY, f"memory {key}", "ended and is not there")
    still_open: set[MemoryKey] = set()
    for index, order in enumerate(state.orders.values()):
        if not index % RECORDS_BETWEEN_RESTS:
            yield None
        still_open.add(order_memory_key(order))
    for index, key in enumerate(state.memories):
        if not index % RECORDS_BETWEEN_RESTS:
            yield None
        if key not in ended and key not in still_open:
            text = "its order is gone and it will stay for ever"
            yield Violation(Law.MEMORY, f"memory {key}", text)


def _groups_and_sessions(state: State) -> Iterator[Violation | None]:
    for (user_id, session), deadline_ms in state.sessions.items():
        if deadline_ms <= state.time_ms:
            text = f"lapsed at {deadline_ms} and lives at {state.time_ms}"
            yield Violation(Law.DUE, f"{user_id}'s session {session}", text)
    groups = state.groups()
    for index, order in enumerate(state.orders.values()):
        if not index % RECORDS_BETWEEN_RESTS:
            yield None
        yield from membership_violations(state, groups, order)


def _balances(state: State) -> Iterator[Violation | None]:
    needed: dict[Asset, int] = {}
    for index, order in enumerate(state.orders.values()):
        if not index % RECORDS_BETWEEN_RESTS:
            yield None
        asset, amount = need_of(order, market_of(state, order))
        needed[asset] = needed.get(asset, 0) + amount
    for name, rows in state.balances.items():
        for index, (user_id, row) in enumerate(rows.items()):
            if not index % RECORDS_BETWEEN_RESTS:
                yield None
            if (row.user_id, row.asset) != (user_id, name):
                text = f"the row is of {row.user_id}'s {row.asset}"
                yield Violation(Law.ROWS, f"{user_id}'s {name}", text)
            yield from row_violations(state, row, needed.pop((user_id, name), 0))
    for (user_id, name), amount in needed.items():
        text = f"nothing frozen and its orders need {amount}"
        yield Violation(Law.FROZEN, f"{user_id}'s {name}", text)


def _money(state: State) -> Iterator[Violation | None]:
    total = held(state, CASH)
    listed = {CASH}
    for event in state.events.values():
        yield None
        total += collateral(event, partial(held, state))
        for market in event.markets.values():
            listed.update(market.token_ids)
    for asset in state.balances.keys() - listed:
        if state.balances[asset]:
            yield Violation(Law.ROWS, f"asset {asset}", "is held and not listed")
    if total != state.deposited:
        text = f"cash and collateral are {total} micros, and {state.deposited} came in"
        yield Violation(Law.MONEY, "the exchange", text)
