"""What a cache and a layer need to know of a kind of record: its key, version and copy."""

from __future__ import annotations

import json
from collections.abc import Callable
from operator import attrgetter
from typing import Final, Generic, TypeVar

import attrs

from pmstore.models.balance import Balance
from pmstore.models.market import Event
from pmstore.models.order import Order
from pmstore.storage.copies import copy_balance, copy_event, copy_order

K = TypeVar("K")
R = TypeVar("R")


@attrs.frozen(kw_only=True)
class Kind(Generic[K, R]):
    """
    One kind of versioned record, in the form in which a store's `save` takes it.

    Attributes:
        name: The contract's name, such as `orders`.
        key: The key of a record.
        version: The version of a record.
        copy: A copy that shares nothing mutable.
        write_key: The key as text, for messages.
        read_key: The key of what `write_key` wrote.
    """

    name: str
    key: Callable[[R], K]
    version: Callable[[R], int]
    copy: Callable[[R], R]
    write_key: Callable[[K], str]
    read_key: Callable[[str], K]


def _key_of_balance(balance: Balance) -> tuple[str, str]:
    return (balance.user_id, balance.asset)


def _read_pair(text: str) -> tuple[str, str]:
    user_id, asset = json.loads(text)
    return (user_id, asset)


def _key_of_event(record: tuple[Event, int]) -> int:
    return record[0].event_id


def _version_of_event(record: tuple[Event, int]) -> int:
    return record[1]


def _copy_event(record: tuple[Event, int]) -> tuple[Event, int]:
    return (copy_event(record[0]), record[1])


ORDERS: Final[Kind[str, Order]] = Kind(
    name="orders",
    key=attrgetter("id"),
    version=attrgetter("version"),
    copy=copy_order,
    write_key=str,
    read_key=str,
)
ACCOUNTS: Final[Kind[tuple[str, str], Balance]] = Kind(
    name="accounts",
    key=_key_of_balance,
    version=attrgetter("version"),
    copy=copy_balance,
    write_key=json.dumps,
    read_key=_read_pair,
)
EVENTS: Final[Kind[int, tuple[Event, int]]] = Kind(
    name="events",
    key=_key_of_event,
    version=_version_of_event,
    copy=_copy_event,
    write_key=str,
    read_key=int,
)
