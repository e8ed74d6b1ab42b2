"""The orders that the load on a stack writes: what each looks like follows from key and version."""

from __future__ import annotations

from pmstore import Order, OrderStatus, OrderType, Side, Symbol

KEYS = 60
"""Keys of each worker."""
_SYMBOL = Symbol(1, 1, "token")


def key_of(worker: str, number: int) -> str:
    """The *number*-th key of *worker*."""
    return f"{worker}-{number}"


def keys_of(worker: str) -> list[str]:
    """All keys that *worker* alone writes."""
    return [key_of(worker, number) for number in range(KEYS)]


def order_of(key: str, version: int) -> Order:
    """The order *key* in *version*."""
    worker, _, number = key.rpartition("-")
    quantity = version % 1_000 + 1
    return Order(
        key,
        _SYMBOL,
        Side.BUY,
        OrderType.LIMIT,
        quantity,
        1_000 + version % 5_000,
        OrderStatus.NEW,
        0,
        quantity,
        1_704_110_400_000,
        worker,
        int(number),
        version,
    )
