"""The Redis backend keeps every contract, on one server and on a cluster."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis

from pmstore.backends.redis.account_store import RedisAccountStore
from pmstore.backends.redis.config import RedisConfig, redis_config
from pmstore.backends.redis.event_store import RedisEventStore
from pmstore.backends.redis.order_store import RedisOrderStore
from pmstore.backends.redis.snapshot_store import RedisSnapshotStore
from pmstore.backends.redis.trade_store import RedisTradeStore
from pmstore.protocols import Coverage
from pmstore.testing import (
    ManualClock,
    Rig,
    account_store_clauses,
    conformance,
    event_store_clauses,
    order_store_clauses,
    snapshot_store_clauses,
    trade_store_clauses,
)
from pmstore.testing.servers import RedisCluster, RedisServer
from pmstore.url import parse_url

clock = ManualClock()


RUN = secrets.token_hex(4)
"""A server that outlives the tests may hold what an earlier run left."""

Opened = Callable[[RedisConfig], Any]
Server = RedisServer | RedisCluster


def config_of(server: Server, place: Path, **more: object) -> RedisConfig:
    """The place as a namespace of its own on *server*."""
    parameters = {"prefix": f"{RUN}-{place.name[-40:]}", **more}
    said = "&".join(f"{name}={value}" for name, value in parameters.items())
    return redis_config(parse_url(f"{server.url}?{said}"))


def orders_of(server: Server) -> Rig[Any]:
    return Rig(
        open=lambda place: RedisOrderStore(config_of(server, place, tombstone_s=60), clock=clock),
        durable=True,
        positioned=True,
        clock=clock,
        tombstone_s=60,
    )


def trades_of(server: Server) -> Rig[Any]:
    return Rig(
        open=lambda place: RedisTradeStore(config_of(server, place)), durable=True, positioned=True
    )


def accounts_of(server: Server) -> Rig[Any]:
    return Rig(
        open=lambda place: RedisAccountStore(config_of(server, place)),
        durable=True,
        positioned=True,
    )


def events_of(server: Server) -> Rig[Any]:
    return Rig(open=lambda place: RedisEventStore(config_of(server, place)), durable=True)


def snapshots_of(server: RedisServer) -> Rig[Any]:
    def damage(place: Path, name: str) -> None:
        config = config_of(server, place)
        with redis.Redis(host=server.host, port=server.port) as client:
            client.lset(f"{config.key_prefix}snapshot:{name}", 0, "{")

    return Rig(
        open=lambda place: RedisSnapshotStore(config_of(server, place)),
        durable=True,
        damage=damage,
    )


@pytest.fixture
def orders(redis_server: RedisServer) -> Rig[Any]:
    return orders_of(redis_server)


@pytest.fixture
def expiring_orders(redis_server: RedisServer) -> Rig[Any]:
    return Rig(
        open=lambda place: RedisOrderStore(config_of(redis_server, place, ttl_s=3600)),
        durable=True,
        coverage=Coverage(since_s=3600),
        positioned=True,
    )


@pytest.fixture
def trades(redis_server: RedisServer) -> Rig[Any]:
    return trades_of(redis_server)


@pytest.fixture
def recent_trades(redis_server: RedisServer) -> Rig[Any]:
    return Rig(
        open=lambda place: RedisTradeStore(config_of(redis_server, place, recent=100)),
        durable=True,
        coverage=Coverage(newest=100),
        positioned=True,
    )


@pytest.fixture
def accounts(redis_server: RedisServer) -> Rig[Any]:
    return accounts_of(redis_server)


@pytest.fixture
def events(redis_server: RedisServer) -> Rig[Any]:
    return events_of(redis_server)


@pytest.fixture
def snapshots(redis_server: RedisServer) -> Rig[Any]:
    return snapshots_of(redis_server)


@pytest.fixture
def cluster_orders(redis_cluster: RedisCluster) -> Rig[Any]:
    return orders_of(redis_cluster)


@pytest.fixture
def cluster_trades(redis_cluster: RedisCluster) -> Rig[Any]:
    return trades_of(redis_cluster)


@pytest.fixture
def cluster_accounts(redis_cluster: RedisCluster) -> Rig[Any]:
    return accounts_of(redis_cluster)


@pytest.fixture
def cluster_events(redis_cluster: RedisCluster) -> Rig[Any]:
    return events_of(redis_cluster)


test_orders = conformance(order_store_clauses, "orders")
test_expiring_orders = conformance(order_store_clauses, "expiring_orders")
test_trades = conformance(trade_store_clauses, "trades")
test_recent_trades = conformance(trade_store_clauses, "recent_trades")
test_accounts = conformance(account_store_clauses, "accounts")
test_events = conformance(event_store_clauses, "events")
test_snapshots = conformance(snapshot_store_clauses, "snapshots")
test_orders_on_a_cluster = conformance(order_store_clauses, "cluster_orders")
test_trades_on_a_cluster = conformance(trade_store_clauses, "cluster_trades")
test_accounts_on_a_cluster = conformance(account_store_clauses, "cluster_accounts")
test_events_on_a_cluster = conformance(event_store_clauses, "cluster_events")
