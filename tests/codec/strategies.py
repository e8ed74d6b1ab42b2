"""Hypothesis strategies for every model, made from their fields, so that a new one is drawn too."""

from __future__ import annotations

import enum
import types
import typing
from typing import Any

import attrs
from hypothesis import strategies as st

from pmstore.models.balance import Balance
from pmstore.models.changes import (
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
from pmstore.models.group import Group
from pmstore.models.leaving import Leaving
from pmstore.models.market import Event, Market
from pmstore.models.order import Order
from pmstore.models.position import Position
from pmstore.models.snapshot import Snapshot
from pmstore.models.trade import Trade
from pmstore.models.units import INTEGER_MAX

numbers = st.one_of(st.sampled_from([0, 1, INTEGER_MAX]), st.integers(0, INTEGER_MAX))
ids = st.one_of(
    st.sampled_from(['"', "\\", 'a"b\\c/', "user 1:*?[x]", "😀é", "\u2028\u2029", "\\u0000", "{}"]),
    st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=30),
)
positions = st.builds(Position, st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))


def values(hint: Any) -> st.SearchStrategy[Any]:
    """Values of the type *hint*."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is int:
        return numbers
    if hint is str:
        return ids
    if hint is bool:
        return st.booleans()
    if hint is type(None):
        return st.none()
    if origin in (typing.Union, types.UnionType):
        return st.one_of([values(argument) for argument in arguments])
    if origin is typing.Literal:
        return st.sampled_from(arguments)
    if origin is tuple and arguments[-1] is Ellipsis:
        return st.lists(values(arguments[0]), max_size=4).map(tuple)
    if origin is tuple:
        return st.tuples(*[values(argument) for argument in arguments])
    if hint is Market:
        return markets
    if hint is Event:
        return events
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return st.sampled_from(hint)
    if attrs.has(hint):
        return records(hint)
    raise TypeError(f"no strategy for {hint}")


def records(kind: type[Any], **given: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Records of *kind*: each field is sometimes its default and else anything of its type."""
    fields = {}
    for field in attrs.fields(kind):
        if field.name in given:
            drawn = given[field.name]
        else:
            drawn = values(typing.get_type_hints(kind)[field.name])
        if field.default is not attrs.NOTHING and not isinstance(field.default, attrs.Factory):
            drawn = st.one_of(st.just(field.default), drawn)
        fields[field.name] = drawn
    return st.builds(kind, **fields)


tokens = st.lists(ids, min_size=2, max_size=2, unique=True).map(tuple)
markets = records(Market, token_ids=tokens)
events = records(
    Event,
    markets=st.lists(markets, max_size=3).map(lambda made: {m.market_id: m for m in made}),
)
orders = records(Order, fee_exact=st.integers(0, 2**90))
trades = records(Trade)
by_kind: dict[str, st.SearchStrategy[Any]] = {
    "OrderCreated": st.builds(OrderCreated, orders),
    "OrderUpdated": st.builds(OrderUpdated, orders),
    **{
        kind.__name__: records(kind)
        for kind in (
            OrderFilled,
            OrderCancelled,
            OrdersLeaving,
            Trade,
            Balance,
            MarketUpdateId,
            EventAdded,
            EventChanged,
            EventRemoved,
            MarketAdded,
            MarketRemoved,
            MarketChanged,
            Paused,
            GroupChanged,
            GroupFilled,
            SessionChanged,
            Remembered,
            Counters,
            Restored,
        )
    },
}
"""Every change by the name of its class."""
changes = st.one_of(list(by_kind.values()))
inputs = st.dictionaries(ids, positions, max_size=3)
_keys = st.tuples(ids, ids, ids)
snapshots = records(
    Snapshot,
    orders=st.lists(orders, max_size=5, unique_by=lambda order: order.id).map(
        lambda made: sorted(made, key=lambda order: (order.order_num, order.id))
    ),
    events=st.lists(events, max_size=2).map(lambda made: {e.event_id: e for e in made}),
    last_message_id=st.none() | positions,
    balances=st.lists(records(Balance), max_size=3),
    memories=st.lists(records(Remembered), max_size=3),
    ended=st.lists(st.tuples(numbers, _keys), max_size=3),
    user_update_ids=st.dictionaries(ids, numbers, max_size=3),
    work=st.lists(st.tuples(numbers, numbers) | records(Leaving), max_size=3),
    groups=st.dictionaries(st.tuples(ids, ids), records(Group), max_size=2),
    sessions=st.dictionaries(st.tuples(ids, ids), numbers, max_size=2),
    input_position=st.none() | inputs,
    trail=st.lists(st.tuples(numbers, ids), max_size=3),
    skipped=st.lists(ids, max_size=3),
)
