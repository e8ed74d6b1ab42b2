"""Every contract on a Redis server, a cluster, or behind sentinels."""

import attrs

from pmstore.backends.redis.account_store import RedisAccountStore
from pmstore.backends.redis.cache import (
    STORED_BALANCES,
    STORED_EVENTS,
    STORED_ORDERS,
    RedisCache,
)
from pmstore.backends.redis.client import RedisClient
from pmstore.backends.redis.config import SCHEMES, RedisConfig, redis_config
from pmstore.backends.redis.consumers import RedisConsumers
from pmstore.backends.redis.diagnosis import diagnose
from pmstore.backends.redis.event_store import RedisEventStore
from pmstore.backends.redis.lease import RedisLease
from pmstore.backends.redis.order_store import BATCH_MAX, RedisOrderStore
from pmstore.backends.redis.snapshot_store import RedisSnapshotStore
from pmstore.backends.redis.stream import RedisStream
from pmstore.backends.redis.trade_store import RedisTradeStore
from pmstore.backends.redis.trade_window import RedisTradeWindow
from pmstore.backends.redis.upkeep import RedisUpkeep
from pmstore.models.balance import Balance
from pmstore.models.market import Event
from pmstore.models.order import Order
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
from pmstore.protocols.cache import Cache, TradeWindow
from pmstore.url import Url

__all__ = [
    "RedisAccountStore",
    "RedisCache",
    "RedisClient",
    "RedisConfig",
    "RedisConsumers",
    "RedisEventStore",
    "RedisLease",
    "RedisOrderStore",
    "RedisSnapshotStore",
    "RedisStream",
    "RedisTradeStore",
    "RedisTradeWindow",
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
        caches={
            "orders": _order_cache,
            "accounts": _account_cache,
            "events": _event_cache,
            "trades": _trade_window,
        },
        limits=Limits(batch_size_max=BATCH_MAX),
        diagnose=diagnose,
        upkeep=RedisUpkeep(),
        scratch=_scratch,
        part=_part,
    )


def _scratch(url: Url, name: str) -> Url:
    return attrs.evolve(url, parameters={**url.parameters, "prefix": name})


def _part(url: Url, name: str, number: int) -> Url:
    """A key prefix beneath the URL's own; on a cluster a tag of its own, so that it may move."""
    config = redis_config(url)
    prefix = f"{config.prefix}.{name}" if config.prefix else name
    said = {"prefix": prefix} | ({"shard": str(config.shard + number)} if config.is_cluster else {})
    return attrs.evolve(url, parameters={**url.parameters, **said})


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


def _order_cache(config: RedisConfig) -> Cache[str, Order]:
    return RedisCache(STORED_ORDERS, config)


def _account_cache(config: RedisConfig) -> Cache[tuple[str, str], Balance]:
    return RedisCache(STORED_BALANCES, config)


def _event_cache(config: RedisConfig) -> Cache[int, tuple[Event, int]]:
    return RedisCache(STORED_EVENTS, config)


def _trade_window(config: RedisConfig) -> TradeWindow:
    return RedisTradeWindow(config)
