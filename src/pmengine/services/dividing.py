"""The states of some shards as those of another number of them: whole events move; pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import attrs

from pmengine.commands import EVENT_INPUT, ORDER_INPUT
from pmengine.invariants.needs import need_of
from pmengine.invariants.single import collateral
from pmengine.shards import shard_of
from pmstore import (
    ACCEPTED,
    CASH,
    START,
    SUBMIT_ORDER,
    Balance,
    Event,
    Group,
    GroupKey,
    MemoryKey,
    Order,
    Remembered,
    Snapshot,
)

_NOTHING_CONSUMED: Final = {ORDER_INPUT: START, EVENT_INPUT: START}


class CannotDivide(Exception):
    """The shards cannot be divided anew as they are; says what can be done."""


def divide(snapshots: Sequence[Snapshot], shards: int, *, ledger: bool) -> list[Snapshot]:
    """
    The states of *shards* shards that have together what *snapshots* have, one for each by now.

    An event moves with its markets, orders and tokens, and the cash that is frozen for its
    orders moves with them. Cash that is available stays on its shard, or goes to that of its
    number modulo *shards* where there are fewer. Every shard knows what was remembered on any,
    so that who asks again hears the same; groups and sessions are on every shard; all are
    paused if one is. Numbers, versions and times go on above the highest there were.

    Args:
        ledger: Whether the deployment keeps money.

    Raises:
        CannotDivide: Work is left over, or the money does not add up.
    """
    for shard, one in enumerate(snapshots):
        if one.work:
            raise CannotDivide(
                f"shard {shard} still works off a command that concerned many orders or holders: "
                "start its engine until `pmengine status` shows that its log stands still"
            )
    update_ids: dict[str, int] = {}
    for one in snapshots:
        for user_id, update_id in one.user_update_ids.items():
            # One more: what becomes of a user's cash is a change of it.
            update_ids[user_id] = max(update_ids.get(user_id, 0), update_id + 1)
    events = [_events(snapshots, shard, shards) for shard in range(shards)]
    orders = [_orders(snapshots, shard, shards) for shard in range(shards)]
    tokens = [_rows_of_tokens(snapshots, some) for some in events]
    cash = _cash(snapshots, events, orders, update_ids) if ledger else [[] for _ in orders]
    number = max(one.number for one in snapshots)
    made = []
    for shard in range(shards):
        balances = [*cash[shard], *tokens[shard]]
        memories, ended = _memories(snapshots, {order.id for order in orders[shard]})
        hash = _hash(snapshots, shard, shards)
        made.append(
            Snapshot(
                orders=orders[shard],
                events=events[shard],
                timestamp=max(one.timestamp for one in snapshots),
                last_message_id=None,
                balances=balances,
                memories=memories,
                ended=ended,
                user_update_ids=update_ids,
                groups=_groups(snapshots),
                sessions=_sessions(snapshots),
                order_counter=max(one.order_counter for one in snapshots),
                trade_counter=max(one.trade_counter for one in snapshots),
                deposited=_worth(balances, events[shard]) if ledger else 0,
                paused=any(one.paused for one in snapshots),
                post_only_until_ms=max(one.post_only_until_ms for one in snapshots),
                time_ms=max(one.time_ms for one in snapshots),
                input_position=_NOTHING_CONSUMED,
                number=number,
                hash=hash,
                trail=[(number, hash)],
            )
        )
    before, after = (sum(one.deposited for one in some) for some in (snapshots, made))
    if before != after:
        raise CannotDivide(
            f"there are {before} micros, and divided they would be {after}: `pmengine verify` "
            "says what is wrong"
        )
    return made


def _events(snapshots: Sequence[Snapshot], shard: int, shards: int) -> dict[int, Event]:
    return {
        event_id: event
        for one in snapshots
        for event_id, event in one.events.items()
        if shard_of(event_id, shards) == shard
    }


def _orders(snapshots: Sequence[Snapshot], shard: int, shards: int) -> list[Order]:
    """By their numbers, which are unique over all shards; time priority is as it was."""
    found = [
        order
        for one in snapshots
        for order in one.orders
        if shard_of(order.symbol.event_id, shards) == shard
    ]
    return sorted(found, key=lambda order: order.order_num)


def _rows_of_tokens(snapshots: Sequence[Snapshot], events: Mapping[int, Event]) -> list[Balance]:
    """In the order in which they came to be: payments follow it."""
    tokens = {
        token
        for event in events.values()
        for market in event.markets.values()
        for token in market.token_ids
    }
    return [row for one in snapshots for row in one.balances if row.asset in tokens]


def _cash(
    snapshots: Sequence[Snapshot],
    events: Sequence[Mapping[int, Event]],
    orders: Sequence[Sequence[Order]],
    update_ids: Mapping[str, int],
) -> list[list[Balance]]:
    """The rows of cash on each shard: frozen where the orders are, available where it was."""
    shards = len(orders)
    held: list[dict[str, tuple[int, int]]] = [{} for _ in orders]
    frozen_before: dict[str, int] = {}
    for shard, one in enumerate(snapshots):
        there = held[shard % shards]
        for row in one.balances:
            if row.asset == CASH:
                available, _ = there.get(row.user_id, (0, 0))
                there[row.user_id] = available + row.available, 0
                frozen_before[row.user_id] = frozen_before.get(row.user_id, 0) + row.frozen
    for there, some, listed in zip(held, orders, events, strict=True):
        for order in some:
            market = listed[order.symbol.event_id].markets[order.symbol.market_id]
            (user_id, asset), need = need_of(order, market)
            if asset == CASH:
                available, frozen = there.get(user_id, (0, 0))
                there[user_id] = available, frozen + need
                frozen_before[user_id] = frozen_before.get(user_id, 0) - need
    unequal = [user_id for user_id, left in frozen_before.items() if left]
    if unequal:
        raise CannotDivide(
            f"what is frozen of {unequal[0]} is not what its orders need: `pmengine verify` says "
            "what is wrong"
        )
    return [
        [
            Balance(user_id, CASH, available, frozen, update_ids[user_id])
            for user_id, (available, frozen) in there.items()
            if available or frozen
        ]
        for there in held
    ]


def _worth(balances: Iterable[Balance], events: Mapping[int, Event]) -> int:
    """The cash of a shard, and what stands behind its tokens."""
    held: dict[str, int] = {}
    for row in balances:
        held[row.asset] = held.get(row.asset, 0) + row.available + row.frozen
    behind = sum(collateral(event, lambda token: held.get(token, 0)) for event in events.values())
    return held.get(CASH, 0) + behind


@attrs.frozen
class _Memory:
    """An outcome, and when what it is about ended; None while its order is open."""

    outcome: Remembered
    ended_ms: int | None


def _memories(
    snapshots: Sequence[Snapshot], open_here: set[str]
) -> tuple[list[Remembered], list[tuple[int, MemoryKey]]]:
    """
    What one shard remembers: everything but the orders that are open on another one.

    Of two under one id that of an open order counts, else the first.
    """
    found: dict[MemoryKey, _Memory] = {}
    for one in snapshots:
        ended = {key: time_ms for time_ms, key in one.ended}
        for outcome in one.memories:
            key = (outcome.user_id, outcome.kind, outcome.id)
            memory = _Memory(outcome, ended.get(key))
            if memory.ended_ms is None and not _is_open(outcome, open_here):
                continue
            known = found.get(key)
            if known is None or (known.ended_ms is not None and memory.ended_ms is None):
                found[key] = memory
    in_order = sorted(found.items(), key=lambda item: item[1].outcome.timestamp)
    times = [(one.ended_ms, key) for key, one in in_order if one.ended_ms is not None]
    return [one.outcome for _, one in in_order], sorted(times, key=lambda item: item[0])


def _is_open(outcome: Remembered, open_here: set[str]) -> bool:
    is_order = outcome.kind == SUBMIT_ORDER and outcome.outcome == ACCEPTED
    return is_order and outcome.order_id in open_here


def _groups(snapshots: Sequence[Snapshot]) -> dict[GroupKey, Group]:
    """Each group of any shard, of two the one that has less room."""
    found: dict[GroupKey, Group] = {}
    for one in snapshots:
        for key, group in one.groups.items():
            known = found.get(key)
            if known is None or _fullness(group) > _fullness(known):
                found[key] = group
    return found


def _fullness(group: Group) -> tuple[bool, int]:
    return group.triggered, sum(lots for _, lots in group.fills)


def _sessions(snapshots: Sequence[Snapshot]) -> dict[tuple[str, str], int]:
    found: dict[tuple[str, str], int] = {}
    for one in snapshots:
        for key, until_ms in one.sessions.items():
            found[key] = max(until_ms, found.get(key, 0))
    return found


def _hash(snapshots: Sequence[Snapshot], shard: int, shards: int) -> str:
    """What the first entry of the new log continues: no entry of the old ones."""
    said = [*(one.hash for one in snapshots), f"{shard} of {shards}"]
    return hashlib.sha256("\n".join(said).encode()).hexdigest()
