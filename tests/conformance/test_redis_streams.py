"""Streams, leases and groups in Redis keep every law, on one server and on a cluster."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from pmstore.backends.redis.config import RedisConfig, redis_config
from pmstore.backends.redis.consumers import RedisConsumers
from pmstore.backends.redis.lease import RedisLease
from pmstore.backends.redis.stream import RedisStream
from pmstore.testing import (
    ConsumedStream,
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


def at(url: str, place: Path) -> RedisConfig:
    """The config of *place*: a prefix of its own on the server at *url*."""
    return redis_config(parse_url(f"{url}?prefix={place.name[-60:]}"))


def open_consumers(url: str, place: Path) -> ConsumedStream:
    stream = RedisStream(at(url, place), "order_input_stream")
    return ConsumedStream(stream, RedisConsumers(stream))


def stream_rig(url: str) -> Rig[RedisStream]:
    clock = ManualClock()
    return Rig(
        open=lambda place: RedisStream(at(url, place), "store_stream", clock=clock),
        durable=True,
        shared=True,
        clock=clock,
        examples=10,
    )


def lease_rig(url: str) -> Rig[RedisLease]:
    clock = ManualClock()
    return Rig(
        open=lambda place: RedisLease(at(url, place), clock=clock),
        durable=True,
        shared=True,
        clock=clock,
    )


def consumers_rig(url: str) -> Rig[ConsumedStream]:
    return Rig(open=partial(open_consumers, url), durable=True, shared=True)


@pytest.fixture
def stream_on_server(redis_server: RedisServer | GivenServer) -> Rig[RedisStream]:
    return stream_rig(redis_server.url)


@pytest.fixture
def stream_on_cluster(redis_cluster: RedisCluster) -> Rig[RedisStream]:
    return stream_rig(redis_cluster.url)


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("killed")) as server:
        yield server


@pytest.fixture
def stream_on_killed_server(own_server: RedisServer) -> Rig[RedisStream]:
    """Ids by the server's own clock, on a server that is killed."""

    async def crash(stream: RedisStream) -> None:
        own_server.kill()
        own_server.start()
        await stream.__aexit__(None, None, None)

    return Rig(
        open=lambda place: RedisStream(at(own_server.url, place), "store_stream"),
        durable=True,
        shared=True,
        crash=crash,
        examples=5,
    )


@pytest.fixture
def lease_on_server(redis_server: RedisServer | GivenServer) -> Rig[RedisLease]:
    return lease_rig(redis_server.url)


@pytest.fixture
def lease_on_cluster(redis_cluster: RedisCluster) -> Rig[RedisLease]:
    return lease_rig(redis_cluster.url)


@pytest.fixture
def consumers_on_server(redis_server: RedisServer | GivenServer) -> Rig[ConsumedStream]:
    return consumers_rig(redis_server.url)


@pytest.fixture
def consumers_on_cluster(redis_cluster: RedisCluster) -> Rig[ConsumedStream]:
    return consumers_rig(redis_cluster.url)


test_stream = conformance(stream_clauses, "stream_on_server")
test_stream_on_cluster = conformance(stream_clauses, "stream_on_cluster")
test_stream_on_killed_server = conformance(stream_clauses, "stream_on_killed_server")
test_lease = conformance(lease_clauses, "lease_on_server")
test_lease_on_cluster = conformance(lease_clauses, "lease_on_cluster")
test_consumers = conformance(consumers_clauses, "consumers_on_server")
test_consumers_on_cluster = conformance(consumers_clauses, "consumers_on_cluster")
