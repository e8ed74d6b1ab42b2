"""Every contract in the memory of one process."""

from pmstore.backends.memory.account_store import MemoryAccountStore
from pmstore.backends.memory.config import MemoryConfig
from pmstore.backends.memory.consumers import MemoryConsumers
from pmstore.backends.memory.event_store import MemoryEventStore
from pmstore.backends.memory.lease import MemoryLease
from pmstore.backends.memory.order_store import MemoryOrderStore
from pmstore.backends.memory.snapshot_store import MemorySnapshotStore
from pmstore.backends.memory.stream import MemoryStream
from pmstore.backends.memory.trade_store import MemoryTradeStore
from pmstore.models.position import Position
from pmstore.plugin import Backend, config_from, hookimpl
from pmstore.protocols import (
    AccountStore,
    Consumers,
    EventStore,
    Lease,
    OrderStore,
    SnapshotStore,
    Stream,
    TradeStore,
)

__all__ = [
    "MemoryAccountStore",
    "MemoryConfig",
    "MemoryConsumers",
    "MemoryEventStore",
    "MemoryLease",
    "MemoryOrderStore",
    "MemorySnapshotStore",
    "MemoryStream",
    "MemoryTradeStore",
    "pmstore_backend",
]


@hookimpl
def pmstore_backend() -> Backend:
    """Describe the backend: every call of a factory makes a store of its own."""
    return Backend(
        name="memory",
        schemes=("memory",),
        config=lambda url: config_from(MemoryConfig, url),
        contracts={
            "orders": _orders,
            "trades": _trades,
            "accounts": _accounts,
            "events": _events,
            "snapshots": _snapshots,
            "stream": _stream,
            "lease": _lease,
            "consumers": _consumers,
        },
    )


def _orders(config: MemoryConfig) -> OrderStore:
    return MemoryOrderStore(max_orders=config.max_orders, tombstone_s=config.tombstone_s)


def _trades(config: MemoryConfig) -> TradeStore:
    return MemoryTradeStore(recent=config.recent)


def _accounts(config: MemoryConfig) -> AccountStore:
    return MemoryAccountStore()


def _events(config: MemoryConfig) -> EventStore:
    return MemoryEventStore()


def _snapshots(config: MemoryConfig) -> SnapshotStore:
    return MemorySnapshotStore()


def _stream(config: MemoryConfig, name: str) -> Stream:
    return MemoryStream(start=Position.parse(config.start))


def _lease(config: MemoryConfig) -> Lease:
    return MemoryLease()


def _consumers(config: MemoryConfig, stream: Stream) -> Consumers:
    return MemoryConsumers(stream)
