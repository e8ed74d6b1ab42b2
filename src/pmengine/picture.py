"""The engine's records <-> the snapshot that others read; pure."""

from __future__ import annotations

from operator import attrgetter
from typing import Final

import attrs
import msgspec

from pmengine.entities import Book, Memory, OpenOrder, quoted
from pmengine.grouping import group_of
from pmengine.leaving import Leavings
from pmengine.orders import OpenOrders
from pmengine.records import Records, key_of
from pmengine.terms import self_trade_code, time_in_force_code
from pmstore import (
    ACCEPTED,
    SUBMIT_ORDER,
    Balance,
    Market,
    Order,
    OrderStatus,
    OrderType,
    Remembered,
    SelfTrade,
    Side,
    Snapshot,
    Symbol,
    TimeInForce,
)

_BUY: Final = Side.BUY
_SELL: Final = Side.SELL
_LIMIT: Final = OrderType.LIMIT
_TIMES_IN_FORCE: Final = [
    TimeInForce.GTC,
    TimeInForce.GTD,
    TimeInForce.IOC,
    TimeInForce.FOK,
]
_SELF_TRADES: Final = [
    SelfTrade.CANCEL_TAKER,
    SelfTrade.CANCEL_MAKER,
    SelfTrade.CANCEL_BOTH,
    SelfTrade.NONE,
]
_by_number: Final = attrgetter("number")
_by_order_num: Final = attrgetter("order_num")


def unquoted(text: bytes) -> str:
    """The text of a JSON string."""
    return msgspec.json.decode(text, type=str)


def order_of(order: OpenOrder) -> Order:
    """The order as others know it."""
    book = order.token.book
    return Order(
        id=unquoted(order.id),
        symbol=Symbol(book.event_id, book.market_id, order.token.id),
        side=_BUY if order.is_buy else _SELL,
        order_type=_LIMIT if order.is_limit else OrderType.MARKET,
        quantity=order.quantity,
        price=order.price,
        status=OrderStatus.PARTIALLY_FILLED if order.filled else OrderStatus.NEW,
        filled_quantity=order.filled,
        remaining_quantity=order.remaining,
        timestamp=order.time_ms,
        user_id=order.user.id,
        order_num=order.order_num,
        version=order.version,
        time_in_force=_TIMES_IN_FORCE[order.time_in_force],
        expires_at_ms=order.expires_at_ms or None,
        post_only=order.post_only,
        client_order_id=None if order.client_order_id is None else unquoted(order.client_order_id),
        volume=order.volume,
        self_trade=_SELF_TRADES[order.self_trade],
        group=None if order.group is None else unquoted(order.group),
        session=None if order.session is None else unquoted(order.session),
        fee_exact=order.fee_exact,
        fee_paid=order.fee_paid,
    )


def market_of(book: Book) -> Market:
    """The market as it is now, its update number and last price included."""
    return attrs.evolve(book.market, update_id=book.update_id, last_price=book.last_price)


def open_orders_of(records: Records) -> list[OpenOrder]:
    """The open orders by `order_num`."""
    found = [memory.order for memory in records.orders.values() if memory.order is not None]
    found.sort(key=_by_order_num)
    return found


def snapshot_of(records: Records, timestamp: int) -> Snapshot:
    """
    A picture of *records*, taken at *timestamp* (epoch milliseconds).

    Positions, numbers and hashes of the log are not in it: they are the service's.
    """
    memories: list[Memory] = []
    for user in records.users.values():
        memories += user.memories.values()
    memories.sort(key=_by_number)
    return Snapshot(
        orders=[order_of(order) for order in open_orders_of(records)],
        events={
            event_id: attrs.evolve(
                event,
                markets={
                    market_id: market_of(records.tokens[market.token_ids[0]].book)
                    for market_id, market in event.markets.items()
                },
            )
            for event_id, event in records.events.items()
        },
        timestamp=timestamp,
        last_message_id=None,
        balances=[
            Balance(row.user.id, row.asset.name, row.available, row.frozen, row.version)
            for asset in records.assets.values()
            for row in asset.rows.values()
        ],
        memories=[_remembered(memory) for memory in memories],
        ended=[
            (memory.ended_ms, (memory.user.id, memory.kind, unquoted(memory.id)))
            for memory in records.ended
        ],
        user_update_ids={
            user.id: user.update_id for user in records.users.values() if user.update_id
        },
        work=list(records.work),
        groups={key: group.show() for key, group in records.groups.items()},
        sessions=dict(records.sessions),
        order_counter=records.order_counter,
        trade_counter=records.trade_counter,
        deposited=records.deposited,
        paused=records.paused,
        post_only_until_ms=records.post_only_until_ms,
        time_ms=records.time_ms,
    )


def _remembered(memory: Memory) -> Remembered:
    return Remembered(
        memory.user.id,
        memory.kind,
        unquoted(memory.id),
        memory.outcome,
        unquoted(memory.order_id),
        memory.time_ms,
        msgspec.json.decode(memory.content, type=tuple) if memory.content else (),
    )


def restore(records: Records, orders: OpenOrders, leavings: Leavings, snapshot: Snapshot) -> None:
    """Let empty *records*, whose events are listed already, be what *snapshot* shows."""
    for row in snapshot.balances:
        set_row(records, row)
    for user_id, update_id in snapshot.user_update_ids.items():
        records.user(user_id).update_id = update_id
    open_ids = {order.id for order in snapshot.orders}
    unnamed: dict[str, Memory] = {}
    for answer in snapshot.memories:
        memory = remember(records, answer)
        accepted = answer.kind == SUBMIT_ORDER and answer.outcome == ACCEPTED
        if accepted and answer.order_id in open_ids:
            unnamed[answer.order_id] = memory
    for ended_ms, (user_id, kind, id) in snapshot.ended:
        known = records.user(user_id).memories[key_of(kind, quoted(id))]
        records.begin_to_forget(known, ended_ms)
    for (user_id, name), shown in snapshot.groups.items():
        group = group_of(records, user_id, name)
        group.triggered = shown.triggered
        group.take_up(shown.fills)
        group.bind(shown.quantity_max, shown.window_ms)
    for order in sorted(snapshot.orders, key=_by_order_num):
        found = unnamed.get(order.id)
        if found is None:
            found = memory_of(records, order)
            found.is_foreign = True
        orders.index(opened(records, order, found))
        if order.version > found.user.update_id:
            found.user.update_id = order.version
        if order.order_num > records.order_counter:
            records.order_counter = order.order_num
    for item in snapshot.work:
        if isinstance(item, tuple):
            records.work[item] = None
        else:
            leavings.follow(item, True)
    if snapshot.order_counter > records.order_counter:
        records.order_counter = snapshot.order_counter
    records.trade_counter = snapshot.trade_counter
    records.deposited = snapshot.deposited
    records.paused = snapshot.paused
    records.post_only_until_ms = snapshot.post_only_until_ms
    records.time_ms = snapshot.time_ms


def set_row(records: Records, row: Balance) -> None:
    """Let a row of an account be as *row* says."""
    user = records.user(row.user_id)
    asset = records.asset(row.asset)
    if not row.available and not row.frozen:
        asset.drop_row(user)
        return
    holding = asset.row(user)
    if holding is None:
        holding = asset.add_row(user)
    holding.available = row.available
    holding.frozen = row.frozen
    holding.version = row.version


def memory_of(records: Records, order: Order) -> Memory:
    """What will remember an order that nothing is remembered of yet."""
    order_id = quoted(order.id)
    own_id = order_id if order.client_order_id is None else quoted(order.client_order_id)
    return Memory(records.user(order.user_id), SUBMIT_ORDER, own_id, order_id)


def remember(records: Records, answer: Remembered) -> Memory:
    """Keep an outcome, whose time does not run yet."""
    order_id = quoted(answer.order_id)
    id = quoted(answer.id)
    accepted = answer.kind == SUBMIT_ORDER and answer.outcome == ACCEPTED
    memory = records.orders.get(order_id) if accepted else None
    if memory is None:
        memory = Memory(records.user(answer.user_id), answer.kind, id, order_id)
    memory.outcome = answer.outcome
    memory.time_ms = answer.timestamp
    memory.content = msgspec.json.encode(answer.content) if answer.content else b""
    records.memories += 1
    memory.number = records.memories
    memory.user.memories[key_of(answer.kind, id)] = memory
    if accepted:
        records.orders[order_id] = memory
    return memory


def opened(records: Records, order: Order, memory: Memory) -> OpenOrder:
    """The record of an order that is open; it is on no ladder yet."""
    token = records.tokens[order.symbol.token_id]
    record = OpenOrder(memory, token, order.side is _BUY, order.order_type is _LIMIT)
    if order.client_order_id is not None:
        record.client_order_id = memory.id
    record.post_only = order.post_only
    record.time_in_force = time_in_force_code(order.time_in_force)
    record.self_trade = self_trade_code(order.self_trade)
    record.time_ms = order.timestamp
    record.expires_at_ms = order.expires_at_ms or 0
    record.volume = order.volume
    if order.group is not None:
        record.group = quoted(order.group)
        record.counts_for = records.groups.get((order.user_id, order.group))
    if order.session is not None:
        record.session = quoted(order.session)
    renew(record, order)
    records.link(record)
    return record


def renew(record: OpenOrder, order: Order) -> None:
    """Let the record show what changes of an order while it is open."""
    record.quantity = order.quantity
    record.filled = order.filled_quantity
    record.price = order.price
    record.order_num = order.order_num
    record.version = order.version
    record.fee_exact = order.fee_exact
    record.fee_paid = order.fee_paid
