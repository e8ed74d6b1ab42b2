"""Every contract in the memory of one process."""

from typing import Final

from pmstore.backends.memory.account_store import MemoryAccountStore
from pmstore.backends.memory.cache import MemoryCache
from pmstore.backends.memory.channel import MemoryChannel
from pmstore.backends.memory.config import MemoryConfig
from pmstore.backends.memory.consumers import MemoryConsumers
from pmstore.backends.memory.event_store import MemoryEventStore
from pmstore.backends.memory.lease import MemoryLease
from pmstore.backends.memory.ledger_store import MemoryLedgerStore
from pmstore.backends.memory.order_store import MemoryOrderStore
from pmstore.backends.memory.outbox import MemoryOutbox
from pmstore.backends.memory.snapshot_store import MemorySnapshotStore
from pmstore.backends.memory.stream import MemoryStream
from pmstore.backends.memory.trade_store import MemoryTradeStore
from pmstore.backends.memory.trade_window import MemoryTradeWindow
from pmstore.backends.memory.upkeep import MemoryUpkeep, diagnose
from pmstore.models.balance import Balance
from pmstore.models.market import Event
from pmstore.models.order import Order
from pmstore.models.position import Position
from pmstore.plugin import Backend, config_from, hookimpl
from pmstore.protocols import (
    AccountStore,
    Cache,
    Consumers,
    EventStore,
    Lease,
    LedgerStore,
    OrderStore,
    SnapshotStore,
    Stream,
    TradeStore,
    TradeWindow,
)
from pmstore.storage.kinds import ACCOUNTS, EVENTS, ORDERS

__all__ = [
    "MemoryAccountStore",
    "MemoryCache",
    "MemoryChannel",
    "MemoryConfig",
    "MemoryConsumers",
    "MemoryEventStore",
    "MemoryLease",
    "MemoryLedgerStore",
    "MemoryOrderStore",
    "MemoryOutbox",
    "MemorySnapshotStore",
    "MemoryStream",
    "MemoryTradeStore",
    "MemoryTradeWindow",
    "pmstore_backend",
]


RECORDS_MAX: Final = 100_000
"""Records that a cache keeps whose URL does not say how many."""

TRADES_RECENT: Final = 1000
"""Trades that a window keeps whose URL does not say how many."""


@hookimpl
def pmstore_backend() -> Backend:
    """Describe the backend: every call of a factory makes a store of its own."""
    return Backend(
        name="memory",
        schemes=("memory",),
        durable=False,
        config=lambda url: config_from(MemoryConfig, url),
        contracts={
            "orders": _orders,
            "trades": _trades,
            "accounts": _accounts,
            "events": _events,
            "ledger": _ledger,
            "snapshots": _snapshots,
            "stream": _stream,
            "lease": _lease,
            "consumers": _consumers,
        },
        caches={
            "orders": _order_cache,
            "accounts": _account_cache,
            "events": _event_cache,
            "trades": _trade_window,
        },
        shared=False,
        diagnose=diagnose,
        upkeep=MemoryUpkeep(),
        scratch=lambda url, name: url,
    )


def _orders(config: MemoryConfig) -> OrderStore:
    return MemoryOrderStore(max_orders=config.max_orders, tombstone_s=config.tombstone_s)


def _trades(config: MemoryConfig) -> TradeStore:
    return MemoryTradeStore(recent=config.recent)


def _accounts(config: MemoryConfig) -> AccountStore:
    return MemoryAccountStore()


def _events(config: MemoryConfig) -> EventStore:
    return MemoryEventStore()


def _records_max(config: MemoryConfig) -> int | None:
    if config.complete:
        return None
    return RECORDS_MAX if config.max_orders is None else config.max_orders


def _order_cache(config: MemoryConfig) -> Cache[str, Order]:
    return MemoryCache(
        ORDERS, max_records=_records_max(config), ttl_s=config.ttl_s, mirror=MemoryOrderStore
    )


def _account_cache(config: MemoryConfig) -> Cache[tuple[str, str], Balance]:
    return MemoryCache(
        ACCOUNTS, max_records=_records_max(config), ttl_s=config.ttl_s, mirror=MemoryAccountStore
    )


def _event_cache(config: MemoryConfig) -> Cache[int, tuple[Event, int]]:
    return MemoryCache(
        EVENTS, max_records=_records_max(config), ttl_s=config.ttl_s, mirror=MemoryEventStore
    )


def _trade_window(config: MemoryConfig) -> TradeWindow:
    return MemoryTradeWindow(config.recent or TRADES_RECENT)


def _ledger(config: MemoryConfig) -> LedgerStore:
    return MemoryLedgerStore()


def _snapshots(config: MemoryConfig) -> SnapshotStore:
    return MemorySnapshotStore()


def _stream(config: MemoryConfig, name: str) -> Stream:
    return MemoryStream(start=Position.parse(config.start))


def _lease(config: MemoryConfig) -> Lease:
    return MemoryLease()


def _consumers(config: MemoryConfig, stream: Stream) -> Consumers:
    return MemoryConsumers(stream)
