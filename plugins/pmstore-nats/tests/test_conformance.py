"""The backend keeps every law of the kit on a real server, which is killed too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pmstore.testing import Rig, conformance, stream_clauses
from pmstore_nats import NatsConfig, NatsStream


@pytest.fixture
def rig(server: Any) -> Rig[Any]:
    async def crash(stream: NatsStream) -> None:
        server.kill()
        server.start()
        await stream.__aexit__(None, None, None)

    def opened(place: Path, host: str, port: int, timeout_s: float = 5.0) -> NatsStream:
        config = NatsConfig(host=host, port=port, prefix=place.name[-80:], timeout_s=timeout_s)
        return NatsStream(config, "store_stream")

    return Rig(
        open=lambda place: opened(place, server.host, server.port),
        durable=True,
        shared=True,
        elsewhere=lambda place: (
            "pmstore:open_stream",
            f"nats://{server.host}:{server.port}?prefix={place.name[-80:]}",
            "store_stream",
        ),
        open_through=lambda place, host, port: opened(place, host, port, 0.5),
        server=(server.host, server.port),
        gives_up_s=5.0,
        crash=crash,
        examples=5,
    )


test_stream = conformance(stream_clauses, "rig")
