"""The Redis backend keeps every contract, on one server and on a cluster."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import attrs
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
from tests.given_servers import GivenServer
from tests.redis.stream_places import forget_what_is_long
from tests.thorough import histories

clock = ManualClock()


RUN = secrets.token_hex(4)
"""A server that outlives the tests may hold what an earlier run left."""

Server = RedisServer | RedisCluster
Factory = Callable[[RedisConfig], Any]


def config_of(url: str, place: Path, **more: object) -> RedisConfig:
    """The place as a namespace of its own there."""
    return redis_config(parse_url(url_of(url, place, **more)))


def url_of(url: str, place: Path, **more: object) -> str:
    parameters = {"prefix": f"{RUN}-{place.name[-40:]}", **more}
    return f"{url}?" + "&".join(f"{name}={value}" for name, value in parameters.items())


def rig(
    server: Server,
    opener: str,
    made: Factory,
    *,
    parameters: Mapping[str, object] = MappingProxyType({}),
    **declared: Any,
) -> Rig[Any]:
    """Stores on *server*; on a single one through a proxy too."""

    def opened(place: Path) -> Any:
        return made(config_of(server.url, place, **parameters))

    def through(place: Path, host: str, port: int) -> Any:
        url = f"redis://{host}:{port}/0"
        return made(config_of(url, place, timeout_s=1.5, **parameters))

    if isinstance(server, RedisServer | GivenServer):
        declared |= {"open_through": through, "server": (server.host, server.port)}
    if isinstance(server, RedisServer):

        async def crash(store: Any) -> None:
            server.kill()
            server.start()
            await store.__aexit__(None, None, None)

        declared["crash"] = crash
    return Rig(
        open=opened,
        durable=True,
        shared=True,
        elsewhere=lambda place: (f"pmstore:{opener}", url_of(server.url, place, **parameters)),
        gives_up_s=15.0,
        # Each crash of a history starts the server again.
        **histories(4),
        **declared,
    )


def orders_of(server: Server, **parameters: object) -> Rig[Any]:
    return rig(
        server,
        "open_order_store",
        lambda config: RedisOrderStore(config, clock=clock),
        parameters=parameters,
        positioned=True,
        clock=clock,
        tombstone_s=86_400,
    )


def trades_of(server: Server, **parameters: object) -> Rig[Any]:
    return rig(server, "open_trade_store", RedisTradeStore, parameters=parameters, positioned=True)


def accounts_of(server: Server) -> Rig[Any]:
    return rig(server, "open_account_store", RedisAccountStore, positioned=True)


def events_of(server: Server) -> Rig[Any]:
    return rig(server, "open_event_store", RedisEventStore)


def snapshots_of(server: RedisServer) -> Rig[Any]:
    def damage(place: Path, name: str) -> None:
        config = config_of(server.url, place)
        with redis.Redis.from_url(server.url) as client:
            client.lset(f"{config.key_prefix}snapshot:{name}", 0, "{")

    return rig(server, "open_snapshot_store", RedisSnapshotStore, damage=damage)


@pytest.fixture(scope="module")
def own_server(
    redis_server: RedisServer | GivenServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RedisServer | GivenServer]:
    """A server that these tests may kill; the one of the environment is not ours to kill."""
    if isinstance(redis_server, GivenServer):
        yield redis_server
        return
    with RedisServer(tmp_path_factory.mktemp("mortal")) as server:
        yield server


@pytest.fixture
def mortal_server(own_server: RedisServer | GivenServer) -> RedisServer | GivenServer:
    """The same, with next to nothing in its log: it reads it through when it starts again."""
    if isinstance(own_server, RedisServer):
        forget_what_is_long(own_server)
    return own_server


@pytest.fixture
def orders(mortal_server: RedisServer) -> Rig[Any]:
    return orders_of(mortal_server)


@pytest.fixture
def expiring_orders(mortal_server: RedisServer) -> Rig[Any]:
    # The clock of all processes: time to live is counted by everybody who writes.
    return rig(
        mortal_server,
        "open_order_store",
        RedisOrderStore,
        parameters={"ttl_s": 3600},
        coverage=Coverage(since_s=3600),
        positioned=True,
    )


@pytest.fixture
def trades(mortal_server: RedisServer) -> Rig[Any]:
    return trades_of(mortal_server)


@pytest.fixture
def recent_trades(mortal_server: RedisServer) -> Rig[Any]:
    return attrs.evolve(trades_of(mortal_server, recent=300), coverage=Coverage(newest=300))


@pytest.fixture
def accounts(mortal_server: RedisServer) -> Rig[Any]:
    return accounts_of(mortal_server)


@pytest.fixture
def events(mortal_server: RedisServer) -> Rig[Any]:
    return events_of(mortal_server)


@pytest.fixture
def snapshots(mortal_server: RedisServer) -> Rig[Any]:
    return snapshots_of(mortal_server)


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
