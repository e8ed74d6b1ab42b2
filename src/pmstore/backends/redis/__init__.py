"""Every contract on a Redis server, a cluster, or behind sentinels."""

from pmstore.backends.redis.account_store import RedisAccountStore
from pmstore.backends.redis.client import RedisClient
from pmstore.backends.redis.config import SCHEMES, RedisConfig, redis_config
from pmstore.backends.redis.consumers import RedisConsumers
from pmstore.backends.redis.event_store import RedisEventStore
from pmstore.backends.redis.lease import RedisLease
from pmstore.backends.redis.order_store import BATCH_MAX, RedisOrderStore
from pmstore.backends.redis.snapshot_store import RedisSnapshotStore
from pmstore.backends.redis.stream import RedisStream
from pmstore.backends.redis.trade_store import RedisTradeStore
from pmstore.plugin import Backend, hookimpl
from pmstore.protocols import (
    AccountStore,
    Consumers,
    EventStore,
    Lease,
    Limits,
    OrderStore,
    SnapshotStore,
    Stream,
    TradeStore,
)

__all__ = [
    "RedisAccountStore",
    "RedisClient",
    "RedisConfig",
    "RedisConsumers",
    "RedisEventStore",
    "RedisLease",
    "RedisOrderStore",
    "RedisSnapshotStore",
    "RedisStream",
    "RedisTradeStore",
    "pmstore_backend",
    "redis_config",
]


@hookimpl
def pmstore_backend() -> Backend:
    """Describe the backend: stores of one event loop share connections to one server."""
    return Backend(
        name="redis",
        schemes=SCHEMES,
        config=redis_config,
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
        limits=Limits(batch_size_max=BATCH_MAX),
    )


def _orders(config: RedisConfig) -> OrderStore:
    return RedisOrderStore(config)


def _trades(config: RedisConfig) -> TradeStore:
    return RedisTradeStore(config)


def _accounts(config: RedisConfig) -> AccountStore:
    return RedisAccountStore(config)


def _events(config: RedisConfig) -> EventStore:
    return RedisEventStore(config)


def _snapshots(config: RedisConfig) -> SnapshotStore:
    return RedisSnapshotStore(config)


def _stream(config: RedisConfig, name: str) -> Stream:
    return RedisStream(config, name)


def _lease(config: RedisConfig) -> Lease:
    return RedisLease(config)


def _consumers(config: RedisConfig, stream: RedisStream) -> Consumers:
    return RedisConsumers(stream)
