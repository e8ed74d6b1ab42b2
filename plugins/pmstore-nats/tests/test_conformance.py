"""The backend keeps every law of the kit on a real server, which is killed too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import pytest

from pmstore.testing import (
    ConsumedStream,
    ManualClock,
    Rig,
    conformance,
    consumers_clauses,
    lease_clauses,
    stream_clauses,
)
from pmstore_nats import NatsConfig, NatsConsumers, NatsLease, NatsStream


def config(place: Path, host: str, port: int, timeout_s: float = 5.0) -> NatsConfig:
    return NatsConfig(host=host, port=port, prefix=place.name[-80:], timeout_s=timeout_s)


def url(server: Any, place: Path) -> str:
    return f"nats://{server.host}:{server.port}?prefix={place.name[-80:]}"


@pytest.fixture
def rig(server: Any) -> Rig[Any]:
    async def crash(stream: NatsStream) -> None:
        server.kill()
        server.start()
        await stream.__aexit__(None, None, None)

    def opened(place: Path, *where: Any) -> NatsStream:
        return NatsStream(config(place, *where), "store_stream")

    return Rig(
        open=lambda place: opened(place, server.host, server.port),
        durable=True,
        shared=True,
        elsewhere=lambda place: ("pmstore:open_stream", url(server, place), "store_stream"),
        open_through=lambda place, host, port: opened(place, host, port, 0.5),
        server=(server.host, server.port),
        gives_up_s=5.0,
        crash=crash,
        examples=5,
    )


@pytest.fixture
def lease_rig(server: Any) -> Rig[Any]:
    """Timed by the server."""
    return Rig(
        open=lambda place: NatsLease(config(place, server.host, server.port)),
        durable=True,
        shared=True,
        elsewhere=lambda place: ("pmstore:open_lease", url(server, place)),
        open_through=lambda place, host, port: NatsLease(config(place, host, port, 0.5)),
        server=(server.host, server.port),
        gives_up_s=5.0,
        examples=5,
    )


@pytest.fixture
def clocked_lease_rig(server: Any, lease_rig: Rig[Any]) -> Rig[Any]:
    """Timed by a clock that the kit moves, which another process does not know."""
    clock = ManualClock()
    return attrs.evolve(
        lease_rig,
        open=lambda place: NatsLease(config(place, server.host, server.port), clock=clock),
        open_through=None,
        server=None,
        elsewhere=None,
        clock=clock,
    )


def consumed(where: NatsConfig, clock: ManualClock | None = None) -> ConsumedStream:
    stream = NatsStream(where, "order_input_stream")
    return ConsumedStream(stream, NatsConsumers(where, stream, clock=clock))


@pytest.fixture
def consumers_rig(server: Any) -> Rig[Any]:
    """Timed by the server."""
    return Rig(
        open=lambda place: consumed(config(place, server.host, server.port)),
        durable=True,
        shared=True,
        open_through=lambda place, host, port: consumed(config(place, host, port, 0.5)),
        server=(server.host, server.port),
        gives_up_s=5.0,
        examples=5,
    )


@pytest.fixture
def clocked_consumers_rig(server: Any, consumers_rig: Rig[Any]) -> Rig[Any]:
    """Timed by a clock that the kit moves."""
    clock = ManualClock()
    return attrs.evolve(
        consumers_rig,
        open=lambda place: consumed(config(place, server.host, server.port), clock),
        open_through=None,
        server=None,
        clock=clock,
    )


test_stream = conformance(stream_clauses, "rig")
test_lease = conformance(lease_clauses, "lease_rig")
test_lease_by_a_clock = conformance(lease_clauses, "clocked_lease_rig")
test_consumers = conformance(consumers_clauses, "consumers_rig")
test_consumers_by_a_clock = conformance(consumers_clauses, "clocked_consumers_rig")
