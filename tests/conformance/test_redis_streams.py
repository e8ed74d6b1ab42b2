"""Streams, leases and groups in Redis keep every law, on one server and on a cluster."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from pmstore.backends.redis.config import RedisConfig, redis_config
from pmstore.backends.redis.lease import RedisLease
from pmstore.backends.redis.stream import RedisStream
from pmstore.testing import (
    ManualClock,
    Rig,
    conformance,
    consumers_clauses,
    lease_clauses,
    stream_clauses,
)
from pmstore.testing.servers import RedisCluster, RedisServer
from pmstore.url import parse_url
from tests.given_servers import GivenServer
from tests.redis.stream_places import consumed_stream, forget_what_is_long
from tests.thorough import histories

Server = RedisServer | GivenServer | RedisCluster

RUN = secrets.token_hex(4)
"""A server that outlives the tests may hold what an earlier run left."""


def url_at(server_url: str, place: Path, **more: object) -> str:
    """The place as a namespace of its own there."""
    parameters = {"prefix": f"{RUN}-{place.name[-40:]}", **more}
    return f"{server_url}?" + "&".join(f"{name}={value}" for name, value in parameters.items())


def rig(
    server: Server,
    made: Callable[[str], Any],
    elsewhere: tuple[str, ...],
    **declared: Any,
) -> Rig[Any]:
    """
    Places on *server*; on a single one through a proxy too.

    *elsewhere* is an importable factory and what it takes behind the URL.
    """
    factory, *more = elsewhere

    def through(place: Path, host: str, port: int) -> Any:
        return made(url_at(f"redis://{host}:{port}/0", place, timeout_s=1.0))

    if not isinstance(server, RedisCluster):
        declared |= {"open_through": through, "server": (server.host, server.port)}
    return Rig(
        open=lambda place: made(url_at(server.url, place)),
        durable=True,
        shared=True,
        elsewhere=lambda place: (factory, url_at(server.url, place), *more),
        gives_up_s=15.0,
        **histories(4),
        **declared,
    )


def config_of(url: str) -> RedisConfig:
    return redis_config(parse_url(url))


def stream_of(server: Server) -> Rig[Any]:
    """Ids by a clock that the kit moves."""
    clock = ManualClock()
    return rig(
        server,
        lambda url: RedisStream(config_of(url), "store_stream", clock=clock),
        ("pmstore:open_stream", "store_stream"),
        clock=clock,
    )


def stream_that_is_killed(server: RedisServer) -> Rig[Any]:
    """Ids by the server's own clock; a crash is that of the server."""

    async def crash(stream: RedisStream) -> None:
        server.kill()
        server.start()
        await stream.__aexit__(None, None, None)

    made = rig(
        server,
        lambda url: RedisStream(config_of(url), "store_stream"),
        ("pmstore:open_stream", "store_stream"),
    )
    return attrs.evolve(made, crash=crash)


def lease_of(server: Server) -> Rig[Any]:
    return rig(server, lambda url: RedisLease(config_of(url)), ("pmstore:open_lease",))


def lease_by_a_clock_of(server: Server) -> Rig[Any]:
    """Timed by a clock that the kit moves, which another process does not know."""
    clock = ManualClock()
    made = rig(server, lambda url: RedisLease(config_of(url), clock=clock), ("",))
    return attrs.evolve(made, elsewhere=None, clock=clock)


def consumers_of(server: Server) -> Rig[Any]:
    return rig(server, consumed_stream, ("tests.redis.stream_places:consumed_stream",))


@pytest.fixture(scope="module")
def killed_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("killed")) as server:
        yield server


@pytest.fixture
def stream_on_server(redis_server: RedisServer) -> Rig[Any]:
    return stream_of(redis_server)


@pytest.fixture
def stream_on_cluster(redis_cluster: RedisCluster) -> Rig[Any]:
    return stream_of(redis_cluster)


@pytest.fixture
def stream_on_killed_server(killed_server: RedisServer) -> Rig[Any]:
    forget_what_is_long(killed_server)
    return stream_that_is_killed(killed_server)


@pytest.fixture
def lease_on_server(redis_server: RedisServer) -> Rig[Any]:
    return lease_of(redis_server)


@pytest.fixture
def lease_by_a_clock(redis_server: RedisServer) -> Rig[Any]:
    return lease_by_a_clock_of(redis_server)


@pytest.fixture
def lease_on_cluster(redis_cluster: RedisCluster) -> Rig[Any]:
    return lease_of(redis_cluster)


@pytest.fixture
def consumers_on_server(redis_server: RedisServer) -> Rig[Any]:
    return consumers_of(redis_server)


@pytest.fixture
def consumers_on_cluster(redis_cluster: RedisCluster) -> Rig[Any]:
    return consumers_of(redis_cluster)


test_stream = conformance(stream_clauses, "stream_on_server")
test_stream_on_cluster = conformance(stream_clauses, "stream_on_cluster")
test_stream_on_killed_server = conformance(stream_clauses, "stream_on_killed_server")
test_lease = conformance(lease_clauses, "lease_on_server")
test_lease_by_a_clock = conformance(lease_clauses, "lease_by_a_clock")
test_lease_on_cluster = conformance(lease_clauses, "lease_on_cluster")
test_consumers = conformance(consumers_clauses, "consumers_on_server")
test_consumers_on_cluster = conformance(consumers_clauses, "consumers_on_cluster")
