"""An exchange for every test, and clients of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pmengine.client import Client
from tests.gateways.exchange import Running, running_exchange


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Running]:
    """Event 1 with markets 1 and 2; u1 and u2 have money, and pairs of market 1."""
    async with running_exchange(tmp_path) as running:
        await running.open_market()
        yield running


@pytest.fixture
async def client(running: Running) -> AsyncIterator[Client]:
    """A client of u1."""
    async with Client(running.url, user_id="u1") as client:
        yield client
